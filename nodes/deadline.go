package nodes

import (
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A deadline is an instant on the clock of whoever holds the request, and clocks differ. So what
// travels is the time that is left, as in gRPC's grpc-timeout header. The server counts it from when
// it reads the request: the way there is not known to it, and comes on top. A request that is Absolute keeps the
// instant, which the server's clock may reach too early or too late.

// send makes a request ready to leave: its deadline becomes the time that is left.
func send(req *patterns.Request, now sim.Time) {
	if req.Deadline != 0 && !req.Absolute {
		req.Deadline = notZero(sim.Time(req.Deadline.Sub(now)))
	}
}

// receive makes a request that has arrived the receiver's own: the time that is left becomes an
// instant.
func receive(req *patterns.Request, now sim.Time) {
	if req.Deadline != 0 && !req.Absolute {
		req.Deadline = notZero(now.Add(req.Deadline.Sub(0)))
	}
}

// notZero replaces 0, which would stand for no deadline, by a nanosecond less.
func notZero(t sim.Time) sim.Time {
	if t == 0 {
		return -1
	}
	return t
}
