package nodes

import (
	"fmt"
	"time"
)

// Stats counts what happened to the calls that reached a replica.
//
//	Arrived = Rejected + Expired + Cancelled + Lost + Done + Inside
type Stats struct {
	Arrived   uint64        // calls that reached a replica that was up
	Rejected  uint64        // turned away: the queue was full, or the wait too long
	Expired   uint64        // turned away: their deadline had passed
	Cancelled uint64        // dropped before they had a thread: the news came that their caller had given up
	Lost      uint64        // inside when the replica died
	Done      uint64        // had a thread and ended, with or without success
	Wasted    uint64        // of those, how many ended after the news that their caller had given up
	Inside    int           // unread by a paused replica, waiting or being worked on now
	Busy      time.Duration // cpu time spent
	Waiting   time.Duration // sum of the time that calls have spent in the queue
	Area      time.Duration // length of the queue, integrated over time
}

func (st *Stats) add(o Stats) {
	st.Arrived += o.Arrived
	st.Rejected += o.Rejected
	st.Expired += o.Expired
	st.Cancelled += o.Cancelled
	st.Lost += o.Lost
	st.Done += o.Done
	st.Wasted += o.Wasted
	st.Inside += o.Inside
	st.Busy += o.Busy
	st.Waiting += o.Waiting
	st.Area += o.Area
}

// Check returns an error if the numbers contradict each other: a call was lost or counted twice,
// or the queue breaks Little's law (in the form of an identity: both sides count the same area).
func (st Stats) Check() error {
	out := st.Rejected + st.Expired + st.Cancelled + st.Lost + st.Done
	if st.Inside < 0 || st.Arrived != out+uint64(st.Inside) {
		return fmt.Errorf("%d calls arrived, but %d rejected + %d expired + %d cancelled + %d lost + %d done + %d inside = %d",
			st.Arrived, st.Rejected, st.Expired, st.Cancelled, st.Lost, st.Done, st.Inside, out+uint64(st.Inside))
	}
	if st.Wasted > st.Done {
		return fmt.Errorf("%d calls were done, but %d of them for nobody", st.Done, st.Wasted)
	}
	if st.Area != st.Waiting {
		return fmt.Errorf("the queue's length integrated over time is %v, but the waits sum to %v", st.Area, st.Waiting)
	}
	return nil
}
