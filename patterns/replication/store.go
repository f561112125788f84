package replication

import (
	"errors"
	"fmt"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// Carry takes a batch from primary from to copy to, and returns the answer. Where and when the
// batch arrives, it is for the carrier to call [Store.Receive] and to bring its error back. It
// should give up at some time: a backup is shipped one batch after the other.
type Carry func(p *sim.Process, from, to int, b Batch) error

// A Store is a [Set] in simulated time: calls that each copy answers, shipping, and a failover
// manager that acts on what it is told by Down and Up, and is itself never down.
type Store struct {
	*Set
	s        *sim.Simulation
	name     string
	carry    Carry
	news     []*sim.Signal // of copy i as a primary: there is something to ship
	progress []*sim.Signal // and: some backup holds more
	degraded []bool        // it acknowledges without its backups
	alarm    sim.Timer
}

// NewStore returns an empty store whose copy 0 is the primary. It panics if cfg is not valid.
func NewStore(s *sim.Simulation, name string, cfg Config, carry Carry) *Store {
	st := &Store{Set: New(cfg), s: s, name: name, carry: carry, degraded: make([]bool, cfg.Copies)}
	for i := range cfg.Copies {
		st.news = append(st.news, sim.NewSignal(s, fmt.Sprintf("news at %s/%d", name, i)))
		st.progress = append(st.progress, sim.NewSignal(s, fmt.Sprintf("backups of %s/%d", name, i)))
	}
	return st
}

// Serve starts the processes by which copy i ships to the others, in the group of its machine.
// They end with the group; when it starts anew, Serve anew, then say Up.
func (st *Store) Serve(g *sim.Group, i int) {
	for j := range st.copies {
		if j != i {
			g.Background(fmt.Sprintf("ship %s/%d to %d", st.name, i, j), func(p *sim.Process) { st.ship(p, i, j) })
		}
	}
}

// Write returns the call by which copy i takes writes. It answers when Ack copies hold the write.
// Until then the caller's patience counts: the outcome of a write that was waited for in vain is
// not known. A copy that does not lead answers with a Conflict.
func (st *Store) Write(i int) patterns.Call {
	from := fmt.Sprintf("%s/%d", st.name, i)
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		e, err := st.Append(st.s.Now(), i, req.Key)
		if err != nil {
			return patterns.Response{}, err
		}
		st.news[i].Broadcast()
		if err := st.replicated(p, i, e); err != nil {
			return patterns.Response{}, err
		}
		st.Acked(st.s.Now(), i, e)
		return patterns.Response{From: from, Version: e.Version}, nil
	}
}

// Read returns the call by which copy i answers reads, with the newest version that it holds.
// Whether it leads is not asked: that is for the caller to choose, and for a [Ledger] to judge.
func (st *Store) Read(i int) patterns.Call {
	from := fmt.Sprintf("%s/%d", st.name, i)
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		return patterns.Response{From: from, Version: st.Set.Read(i, req.Key)}, nil
	}
}

// Receive takes a batch in at copy j, now; see [Set.Receive].
func (st *Store) Receive(j int, b Batch) error { return st.Set.Receive(st.s.Now(), j, b) }

// Down says that the failover manager does not see copy i any more; see [Set.Down].
func (st *Store) Down(i int) {
	st.Set.Down(st.s.Now(), i)
	st.arm()
}

// Up says that the failover manager sees copy i; see [Set.Up].
func (st *Store) Up(i int) { st.change(func(now sim.Time) { st.Set.Up(now, i) }) }

// Stop says that copy i has stopped, with what it holds.
func (st *Store) Stop(i int) { st.change(func(now sim.Time) { st.Set.Stop(now, i) }) }

// Lose says that copy i has stopped, and lost all that it held.
func (st *Store) Lose(i int) { st.change(func(now sim.Time) { st.Set.Lose(now, i) }) }

// Promote makes the freshest copy that is seen the primary: failover by hand.
func (st *Store) Promote() (ok bool) {
	st.change(func(now sim.Time) { ok = st.Set.Promote(now) })
	return ok
}

// change does something that may change who leads, notes it ("replication", name, what), and
// wakes everybody who may be concerned.
func (st *Store) change(do func(now sim.Time)) {
	before, _ := st.Primary()
	epoch := st.At(before).Epoch
	do(st.s.Now())
	if after, _ := st.Primary(); after != before || st.At(after).Epoch > epoch {
		st.s.Note("replication", st.name, fmt.Sprintf("copy %d promoted", after), int64(st.Lost()))
	}
	for i := range st.copies {
		st.news[i].Broadcast()
		st.progress[i].Broadcast()
	}
	st.arm()
}

// arm sees to it that a planned promotion happens.
func (st *Store) arm() {
	st.alarm.Stop()
	if due := st.Due(); due > st.s.Now() && due < sim.Never {
		st.alarm = st.s.AtCall(due, promote, st)
	}
}

func promote(store any) {
	st := store.(*Store)
	st.change(func(now sim.Time) { st.Tick(now) })
}

// replicated waits until enough copies hold an entry.
func (st *Store) replicated(p *sim.Process, i int, e Entry) error {
	if st.cfg.Degrade == 0 {
		return st.held(p, i, e)
	}
	patience := p.WithTimeout(st.cfg.Degrade)
	defer patience.Close()
	err := st.held(p, i, e)
	if patience.Ended(err) {
		st.degraded[i] = true
		st.s.Note("replication", st.name, fmt.Sprintf("copy %d acknowledges alone", i))
		return nil
	}
	return err
}

func (st *Store) held(p *sim.Process, i int, e Entry) error {
	for {
		switch n := st.Held(i, e); {
		case n == 0:
			return conflict(ErrDeposed, true)
		case n >= st.cfg.Ack || st.degraded[i]:
			return nil
		}
		if err := st.progress[i].Wait(p); err != nil {
			return err
		}
	}
}

// ship brings to copy j what copy i has and j lacks, whenever i leads.
func (st *Store) ship(p *sim.Process, i, j int) error {
	for {
		b, ok := st.Batch(i, j)
		if !ok {
			if err := st.news[i].Wait(p); err != nil {
				return err
			}
			continue
		}
		err := st.carry(p, i, j, b)
		failure, failed := err.(*patterns.Error)
		if err != nil && !failed {
			return err
		}
		st.Confirm(st.s.Now(), i, j, b, err)
		if newest := (Entry{Position: st.At(i)}); st.Held(i, newest) >= st.cfg.Ack {
			st.degraded[i] = false
		}
		st.progress[i].Broadcast()
		if failed && !errors.Is(failure, ErrGap) {
			if err := p.Sleep(st.cfg.Retry); err != nil {
				return err
			}
		}
	}
}
