package system

import (
	"testing"

	"github.com/nines-sim/nines/patterns/queue"
	"github.com/nines-sim/nines/sim/fault"
	"github.com/nines-sim/nines/sim/measure"
)

// What becomes of 60 messages, one each second, within a minute and half a second.
func TestQueues(t *testing.T) {
	for _, tt := range []struct {
		name, queue, errors string
		counts              queue.Counts
		want                measure.Calls
	}{
		{"done by the consumer alone", "work: 100ms", "0%", queue.Counts{Sent: 60, Acked: 60, Received: 60}, measure.Calls{OK: 60}},
		{"done by a service", "to: back.a", "0%", queue.Counts{Sent: 60, Acked: 60, Received: 60}, measure.Calls{OK: 60}},
		{"two consumers keep up", "work: 1990ms, consumers: 2", "0%",
			queue.Counts{Sent: 60, Acked: 58, InFlight: 2, Received: 60}, measure.Calls{OK: 60}},
		{"one is too slow", "work: 2s, consumers: 1", "0%",
			queue.Counts{Sent: 60, Acked: 29, InFlight: 1, Queued: 30, Received: 30}, measure.Calls{OK: 60}},
		{"little room", "work: 2s, consumers: 1, length: 5", "0%",
			queue.Counts{Sent: 35, Acked: 29, InFlight: 1, Queued: 5, Received: 30, Refused: 25}, measure.Calls{OK: 35, Error: 25}},
		{"given up", "to: back.a, receives: 3, visibility: 400ms, consumers: 9", "100%",
			queue.Counts{Sent: 60, Dead: 59, Queued: 1, Received: 180}, measure.Calls{OK: 60}},
		{"handed out again while it is worked on", "work: 600ms, visibility: 300ms, receives: 2, consumers: 9", "0%",
			queue.Counts{}, measure.Calls{OK: 60}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sc := parse(t, `
services:
  front: {ops: {do: {work: 0s, calls: [{send: later}]}}}
  back:  {ops: {a: {work: 1ms, errors: `+tt.errors+`}}}
queues: {later: {`+tt.queue+`}}
`)
			inside(t, sc, nil, nil, func(sys *System) {
				got := sys.queues[0].Counts(sys.s.Now())
				if tt.counts == (queue.Counts{}) {
					if got.Received != 120 || got.Dead == 0 && got.Stale == 0 {
						t.Errorf("got %+v, want each handed out twice", got)
					}
				} else if got != tt.counts {
					t.Errorf("got  %+v\nwant %+v", got, tt.counts)
				}
			})
			wantCalls(t, play(t, sc), tt.want)
		})
	}
}

// A consumer is nearer than a visitor: the platform is as far away as another zone, and an external
// service as far as for everybody.
func TestConsumersAreOnThePlatform(t *testing.T) {
	for _, tt := range []struct {
		to string
	}{{"back.a"}, {"bank.a"}} {
		sc := parse(t, `
network: {same_zone: 0s, cross_zone: 45ms, clients: 195ms}
services:
  front: {ops: {do: {work: 0s, calls: [{send: later, times: 100}]}}}
  back:  {ops: {a: {work: 10ms}}}
  bank:  {external: true, ops: {a: {work: 10ms}}}
queues: {later: {to: `+tt.to+`, visibility: 1h}}
`)
		inside(t, sc, nil, nil, func(sys *System) {
			// The first message is left at 1.195 s; each takes the way there and back and the work.
			each := 100 * ms
			if tt.to == "bank.a" {
				each = 400 * ms
			}
			want := uint64((60500*ms - 1195*ms) / each)
			if got := sys.queues[0].Counts(sys.s.Now()).Acked; got != want {
				t.Errorf("%s: %d messages done, want %d", tt.to, got, want)
			}
		})
	}
}

// The platform is cut off with everybody else when a zone is.
func TestConsumersOfACutZoneWait(t *testing.T) {
	sc := parse(t, `
services:
  front: {spread: [b], ops: {do: {work: 0s, calls: [{send: later}]}}}
  back:  {spread: [a], ops: {a: {work: 10ms}}}
queues: {later: {to: back.a, visibility: 4s, consumers: 9}}
zones: [a, b]
calls: {later: {back: {timeout: {attempt: 1s}}}}
`)
	cut := strike(fault.Partition, "zones.a", 10500*ms, 20*1000*ms)
	inside(t, sc, []fault.Entry{cut}, func(sys *System) {
		sys.s.At(30_000_000_000, func() {
			if got := sys.queues[0].Counts(sys.s.Now()); got.Acked != 10 || got.Sent != 29 && got.Sent != 30 {
				t.Errorf("during the cut: %+v, want 10 acked", got)
			}
		})
	}, func(sys *System) {
		if got := sys.queues[0].Counts(sys.s.Now()); got.Acked != 60 {
			t.Errorf("after the cut: %+v, want all acked", got)
		}
	})
}
