// Package shed turns work away while there is too much of it, so that the rest is done in time.
//
// Who turns it away makes the difference:
//
//   - a [Throttle] is a client's: it rejects a share of its own calls, by how many the server accepted;
//   - a [Limiter] is a client's or a server's: it limits how many calls are under way, to a [Limit]
//     that learns from how long they take: [AIMD], [Vegas], [Gradient2], [Gradient];
//   - a [Queue] is a server's waiting line: it decides who goes next, and who has waited too long.
//
// All are state machines that take the present instant and have no clock.
package shed

import (
	"errors"

	"github.com/nines-sim/nines/patterns"
)

// The causes of a rejection.
var (
	ErrThrottled = errors.New("too few of the last calls were accepted")
	ErrLimit     = errors.New("too many calls are under way")
)

// An Outcome is how a call ended, as far as it says something about the load of whom it asked.
type Outcome uint8

// The outcomes of a call.
const (
	Ignored Outcome = iota // nothing was learned: the caller was killed or cancelled, or never sent it
	Success                // it was accepted, and how long it took says something
	Dropped                // it was turned away, or took too long
)

// rejected is what a rejection is: a caller's own, or a server's.
func rejected(server bool, layer string, cause error) *patterns.Error {
	kind := patterns.Rejected
	if server {
		kind = patterns.Overloaded
	}
	return &patterns.Error{Kind: kind, Layer: layer, Cause: cause}
}
