package replication

import (
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A Ledger stands beside the clients, and writes down what they were told: the newest version of
// each key whose write was answered, and how many reads were older than that when they began. Such
// a read is stale; so is every read of a key whose newest write is lost.
type Ledger struct {
	versions map[uint64]uint64 // looked up; ranged over only to count
	reads    int
	stale    int
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger { return &Ledger{versions: map[uint64]uint64{}} }

// Wrote says that a client was told that a version is written.
func (l *Ledger) Wrote(key, version uint64) {
	l.versions[key] = max(l.versions[key], version)
}

// Newest returns the newest version of a key that a client was told is written.
func (l *Ledger) Newest(key uint64) uint64 { return l.versions[key] }

// Read says that a read got a version; newest is what Newest was when it began.
func (l *Ledger) Read(newest, version uint64) {
	l.reads++
	if version < newest {
		l.stale++
	}
}

// Stale returns how many of the reads were stale.
func (l *Ledger) Stale() (stale, reads int) { return l.stale, l.reads }

// Lost returns how many keys have lost the newest version that a client was told is written:
// newest returns the newest version of a key that is left anywhere.
func (l *Ledger) Lost(newest func(key uint64) uint64) (n int) {
	for key, version := range l.versions {
		if newest(key) < version {
			n++
		}
	}
	return n
}

// Writes returns a call that writes down the writes of next that were answered.
func (l *Ledger) Writes(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		resp, err := next(p, req)
		if err == nil {
			l.Wrote(req.Key, resp.Version)
		}
		return resp, err
	}
}

// Reads returns a call that judges the reads of next that were answered.
func (l *Ledger) Reads(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		newest := l.Newest(req.Key)
		resp, err := next(p, req)
		if err == nil {
			l.Read(newest, resp.Version)
		}
		return resp, err
	}
}
