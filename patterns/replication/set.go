// Package replication keeps data on several copies: a primary with backups, or a quorum.
//
// A [Set] is a primary with its backups and has no clock; a [Store] runs it in simulated time. A
// [Quorum] has no primary: it writes to all copies and waits for some. A [Ledger] knows what
// clients were told, and finds reads that are older; what was acknowledged and is gone is counted
// by [Set.Lost] and [Ledger.Lost].
package replication

import (
	"errors"
	"fmt"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// Why a copy refuses. They are the Cause of a [patterns.Error] of kind Conflict.
var (
	ErrNotPrimary = errors.New("not the primary")
	ErrDeposed    = errors.New("a newer primary is known")
	ErrGap        = errors.New("what comes before is missing")
)

// Config says how a primary and its backups work.
type Config struct {
	Copies   int           // the primary included
	Ack      int           // copies that hold a write when it is acknowledged, the primary included; 1: asynchronous
	Degrade  time.Duration // semi-synchronous: after waiting so long, a write is acknowledged all the same. Zero: never
	Failover time.Duration // from the loss of the primary to the promotion of a backup. Zero: by hand
	Unclean  bool          // promote even where copies are missing that may alone hold acknowledged writes
	Fencing  bool          // a deposed primary cannot take writes; else it does until it hears of its successor
	Retry    time.Duration // after a shipment that failed
}

// DefaultConfig has three copies, acknowledges when two of them hold a write, and fails over after
// 30 s (Patroni's ttl, Redis Sentinel's down-after-milliseconds).
func DefaultConfig() Config {
	return Config{Copies: 3, Ack: Majority(3), Failover: 30 * time.Second, Fencing: true, Retry: time.Second}
}

// Majority returns the least number that is more than half of n.
func Majority(n int) int { return n/2 + 1 }

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("replication: "+format, args...))
		}
	}
	check(c.Copies >= 1, "copies is %d, need at least 1", c.Copies)
	check(c.Ack >= 1 && c.Ack <= c.Copies, "ack is %d, need 1 to the %d copies", c.Ack, c.Copies)
	check(c.Degrade >= 0, "degrade is %v, need 0 or more", c.Degrade)
	check(c.Failover >= 0, "failover is %v, need 0 or more", c.Failover)
	check(c.Retry > 0, "retry is %v, need more than 0", c.Retry)
	return errors.Join(errs...)
}

// A Failover is one time that the primary was lost.
type Failover struct {
	From, To int      // copies; To is -1 until one is promoted, and From if the old primary came back
	Lost     int      // acknowledged writes that the promoted copy does not have
	Down     sim.Time // when the loss was reported
	Promoted sim.Time // zero until then
	Served   sim.Time // when the next write was acknowledged; zero until then
}

// A Batch is what a primary ships to a backup: the entries after After up to Last, or the mere
// news of its epoch if there are none.
type Batch struct {
	Epoch       int
	After, Last uint64
}

// Entries returns how many entries are in the batch: what it costs to carry.
func (b Batch) Entries() int { return int(b.Last - b.After) }

// A Set is a primary and its backups. The primary orders all writes in one history and ships it to
// the backups; each holds a part of it from the beginning.
//
//	Append ──▶ primary ──Batch, Receive, Confirm──▶ backups        Acked when Ack copies hold it
//	Down of the primary ──Failover──▶ Promote the freshest: a new epoch, on top of what it holds
//	Up of a deposed primary: it rewinds to what it shares with the new one, and follows
//
// It keeps data through the loss of copies. Asynchronous, it loses what was not shipped yet: about
// write rate times lag. Synchronous, it loses nothing while Copies-Ack+1 copies are seen by whoever
// promotes, and takes no writes while fewer than Ack copies answer. Between the loss of the primary
// and the promotion nobody takes writes; promoting too early deposes a primary that was only slow.
type Set struct {
	cfg       Config
	history   history
	copies    []member
	acting    int // whom the failover manager holds for the primary
	due       sim.Time
	failovers []Failover
	writes    []write           // by version, from 1
	newest    map[uint64]uint64 // version of the newest write of a key; looked up, never ranged over
	dual      time.Duration
	dualSince sim.Time // Never: one primary at most
}

type member struct {
	at    Position
	epoch int  // the newest it has heard of
	up    bool // as the failover manager sees it
	leads bool // it takes writes
	empty bool // it lost what it held, and must not act as if it had never held it
	known []knowledge
}

// A write is where in the history a version is, and which one of the same key was before it: 0 if none.
type write struct {
	Position
	older uint64
}

// knowledge is what a primary knows of a backup.
type knowledge struct {
	index uint64
	sure  bool
}

// New returns a set whose copy 0 is the primary, and empty. It panics if cfg is not valid.
func New(cfg Config) *Set {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	t := &Set{
		cfg: cfg, history: newHistory(), copies: make([]member, cfg.Copies),
		due: sim.Never, newest: map[uint64]uint64{}, dualSince: sim.Never,
	}
	for i := range t.copies {
		t.copies[i] = member{up: true, known: make([]knowledge, cfg.Copies)}
	}
	t.copies[0].leads = true
	return t
}

// Append takes a write in at copy i. The error is a Conflict if that copy is not a primary, as far
// as it knows.
func (t *Set) Append(now sim.Time, i int, key uint64) (Entry, error) {
	c := &t.copies[i]
	if !c.leads {
		return Entry{}, conflict(ErrNotPrimary, false)
	}
	e := t.history.add(c.at.Epoch)
	c.at = e.Position
	t.writes = append(t.writes, write{e.Position, t.newest[key]})
	t.newest[key] = e.Version
	return e, nil
}

// Batch returns what primary i should ship to copy j: false if j has it all, or i does not lead.
func (t *Set) Batch(i, j int) (Batch, bool) {
	c := &t.copies[i]
	known := c.known[j]
	if !c.leads || i == j || known.sure && known.index == c.at.Index {
		return Batch{}, false
	}
	b := Batch{Epoch: c.at.Epoch, After: known.index, Last: c.at.Index}
	if !known.sure {
		b.After = b.Last // ask first
	}
	return b, true
}

// Receive takes a batch in at copy j. A Conflict says why it cannot: [ErrDeposed], or [ErrGap].
// What j holds that the sender's history does not is dropped.
func (t *Set) Receive(now sim.Time, j int, b Batch) error {
	c := &t.copies[j]
	if b.Epoch < c.epoch {
		return conflict(ErrDeposed, false)
	}
	c.epoch = b.Epoch
	t.lead(j, false, now)
	shared := t.history.common(c.at, Position{b.Epoch, b.Last})
	if shared.Index < b.After {
		return conflict(ErrGap, false)
	}
	if c.at.Epoch == b.Epoch {
		c.at.Index = max(c.at.Index, b.Last) // a batch that was long on its way takes nothing back
	} else {
		c.at = Position{b.Epoch, b.Last}
	}
	c.empty = false
	return nil
}

// Confirm says that primary i has heard how copy j took a batch: nil, or the error of Receive.
// Any other error leaves i as wise as before.
func (t *Set) Confirm(now sim.Time, i, j int, b Batch, err error) {
	c := &t.copies[i]
	switch {
	case !c.leads || b.Epoch != c.at.Epoch:
	case err == nil:
		c.known[j] = knowledge{b.Last, true}
	case errors.Is(err, ErrGap): // the refusal says how far j agrees
		c.known[j] = knowledge{t.history.common(t.copies[j].at, c.at).Index, true}
	case errors.Is(err, ErrDeposed) && t.cfg.Fencing:
		t.lead(i, false, now)
	}
}

// Held returns how many copies hold an entry, as far as primary i knows: zero if i does not hold
// it itself any more, or does not lead.
func (t *Set) Held(i int, e Entry) int {
	c := &t.copies[i]
	if !c.leads || !t.history.holds(c.at, e.Position) {
		return 0
	}
	n := 1
	for j, known := range c.known {
		if j != i && known.sure && known.index >= e.Index {
			n++
		}
	}
	return n
}

// Acked says that primary i has acknowledged an entry.
func (t *Set) Acked(now sim.Time, i int, e Entry) {
	t.history.acknowledge(e)
	if i != t.acting || !t.copies[i].up {
		return
	}
	for n := len(t.failovers) - 1; n >= 0 && t.failovers[n].Served == 0; n-- {
		t.failovers[n].Served = now
	}
}

// Read returns the newest version of a key that copy i holds: zero if none.
func (t *Set) Read(i int, key uint64) (version uint64) {
	version = t.newest[key]
	for version != 0 && !t.history.holds(t.copies[i].at, t.writes[version-1].Position) {
		version = t.writes[version-1].older
	}
	return version
}

// Down says that the failover manager does not see copy i any more: it is dead, or cut off. If it
// is cut off, it may lead on.
func (t *Set) Down(now sim.Time, i int) {
	c := &t.copies[i]
	if !c.up {
		return
	}
	c.up = false
	if i == t.acting {
		t.failovers = append(t.failovers, Failover{From: i, To: -1, Down: now})
		if t.cfg.Failover > 0 {
			t.due = now.Add(t.cfg.Failover)
		}
	}
}

// Up says that the failover manager sees copy i. If another was promoted meanwhile, i follows it,
// and drops what the other does not have. A primary that lost its data is promoted anew if it is
// the only copy; else it waits for a failover.
func (t *Set) Up(now sim.Time, i int) {
	c := &t.copies[i]
	c.up = true
	for j := range t.copies {
		t.copies[j].known[i].sure = false
	}
	switch {
	case i != t.acting:
		t.lead(i, false, now)
		c.at = t.history.common(c.at, t.copies[t.acting].at)
	case !c.empty:
		t.due = sim.Never
		if !c.leads {
			clear(c.known) // it was started anew
			t.lead(i, true, now)
		}
		t.replaced(i, 0, now)
	case t.cfg.Copies == 1:
		t.promote(i, now)
	}
	t.Tick(now)
}

// Stop says that copy i has stopped, with what it holds: it takes no writes until it is Up.
func (t *Set) Stop(now sim.Time, i int) { t.lead(i, false, now) }

// Lose says that copy i has lost all that it held, and has stopped.
func (t *Set) Lose(now sim.Time, i int) {
	c := &t.copies[i]
	c.at, c.empty = Position{}, true
	t.lead(i, false, now)
}

// Due returns when Tick will promote a copy: [sim.Never] if nothing is planned.
func (t *Set) Due() sim.Time { return t.due }

// Tick promotes a copy if the time has come and one may be. It reports whether it did.
func (t *Set) Tick(now sim.Time) bool {
	if now < t.due {
		return false
	}
	seen := 0
	for i := range t.copies {
		if t.copies[i].up && !t.copies[i].empty {
			seen++
		}
	}
	if !t.cfg.Unclean && t.cfg.Ack > 1 && seen < t.cfg.Copies-t.cfg.Ack+1 {
		return false
	}
	return t.Promote(now)
}

// Promote makes the freshest copy that is seen the primary, whatever may be lost by it. It reports
// false if none is seen.
func (t *Set) Promote(now sim.Time) bool {
	best := -1
	for i := range t.copies {
		if t.copies[i].up && (best < 0 || t.copies[best].at.before(t.copies[i].at)) {
			best = i
		}
	}
	if best < 0 {
		return false
	}
	t.promote(best, now)
	return true
}

// Primary returns the copy that the failover manager holds for the primary, and whether it takes
// writes.
func (t *Set) Primary() (i int, leads bool) { return t.acting, t.copies[t.acting].leads }

// Leads reports whether copy i takes writes.
func (t *Set) Leads(i int) bool { return t.copies[i].leads }

// At returns how much copy i holds.
func (t *Set) At(i int) Position { return t.copies[i].at }

// Lost returns how many acknowledged writes the freshest copy does not have. A write that only a
// deposed primary still holds is lost; one that a stopped primary holds is not, until another is
// promoted.
func (t *Set) Lost() int {
	best := t.copies[t.acting].at
	for i := range t.copies {
		if at := t.copies[i].at; best.before(at) {
			best = at
		}
	}
	return t.history.lost(best)
}

// Failovers returns every time that the primary was lost.
func (t *Set) Failovers() []Failover { return t.failovers }

// DualPrimary returns for how long two copies took writes at once.
func (t *Set) DualPrimary(now sim.Time) time.Duration {
	if t.dualSince < sim.Never {
		return t.dual + now.Sub(t.dualSince)
	}
	return t.dual
}

// promote begins an epoch with copy i as its primary.
func (t *Set) promote(i int, now sim.Time) {
	if t.cfg.Fencing {
		for j := range t.copies {
			t.lead(j, false, now)
		}
	}
	c := &t.copies[i]
	c.at = t.history.begin(c.at)
	c.epoch, c.empty = c.at.Epoch, false
	clear(c.known)
	t.acting, t.due = i, sim.Never
	for j := range t.copies {
		if t.copies[j].up {
			t.copies[j].epoch = c.epoch // whom the failover manager sees, it tells
		}
	}
	t.replaced(i, t.history.lost(c.at), now)
	t.lead(i, true, now)
}

// replaced ends the failovers that had found no primary yet.
func (t *Set) replaced(by, lost int, now sim.Time) {
	for n := len(t.failovers) - 1; n >= 0 && t.failovers[n].To < 0; n-- {
		f := &t.failovers[n]
		f.To, f.Promoted, f.Lost = by, now, lost
	}
}

// lead is the only place that makes copies primaries, and unmakes them.
func (t *Set) lead(i int, leads bool, now sim.Time) {
	if t.copies[i].leads == leads {
		return
	}
	t.copies[i].leads = leads
	n := 0
	for j := range t.copies {
		if t.copies[j].leads {
			n++
		}
	}
	switch dual := t.dualSince < sim.Never; {
	case n > 1 && !dual:
		t.dualSince = now
	case n <= 1 && dual:
		t.dual += now.Sub(t.dualSince)
		t.dualSince = sim.Never
	}
}

func conflict(why error, maybe bool) error {
	return &patterns.Error{Kind: patterns.Conflict, Layer: "replication", Maybe: maybe, Cause: why}
}
