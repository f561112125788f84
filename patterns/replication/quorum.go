package replication

import (
	"errors"
	"fmt"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A Repair says what a read does about copies that answered with an older version.
type Repair uint8

// The repairs.
const (
	NoRepair   Repair = iota
	Background        // the newest version is written to them, and nobody waits for it
	WriteBack         // the read answers only when W copies hold what it returns (Attiya, Bar-Noy, Dolev, 1995)
)

func (r Repair) String() string { return [...]string{"none", "background", "write back"}[r] }

// QuorumConfig says how many copies there are, and how many must answer.
type QuorumConfig struct {
	N      int // copies; every read and write goes to all of them
	R      int // answers that make a read
	W      int // answers that make a write
	Repair Repair
}

// DefaultQuorumConfig has three copies and waits for two (Riak: n_val 3, quorum; Cassandra: QUORUM).
func DefaultQuorumConfig() QuorumConfig { return QuorumConfig{N: 3, R: 2, W: 2} }

// Validate names every field that makes no sense. R+W ≤ N is allowed: it is how reads become stale.
func (c QuorumConfig) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("replication: quorum "+format, args...))
		}
	}
	check(c.N >= 1, "n is %d, need at least 1", c.N)
	check(c.R >= 1 && c.R <= c.N, "r is %d, need 1 to the %d copies", c.R, c.N)
	check(c.W >= 1 && c.W <= c.N, "w is %d, need 1 to the %d copies", c.W, c.N)
	check(c.Repair <= WriteBack, "repair is %d, need none, background or write back", uint8(c.Repair))
	return errors.Join(errs...)
}

// A Copy is one place that holds the data, as the coordinator reaches it: over whatever network,
// and after whatever work. Behind it is a [Data]. The errors are [patterns.Error]s, or the end of a
// scope of p.
type Copy interface {
	Write(p *sim.Process, req patterns.Request, version uint64) error
	Read(p *sim.Process, req patterns.Request) (version uint64, err error)
}

// A Quorum coordinates copies that are all equal: a write is done when W of them have it, a read
// when R of them have answered, and gives the newest version among the answers.
//
// With R+W > N every read meets every finished write, through the loss of N-W copies. It pays with
// the latency of the R-th and W-th fastest copy, and with N times the work. A write that reaches
// fewer than W copies has failed, but is not undone: it may be read, later or never. Without
// [WriteBack] two reads, one after the other, may even see it and then not.
//
// The version of a write is the instant at which it began, in nanoseconds, on the kernel's clock:
// the last writer wins, and several coordinators of the same copies agree on who that is.
type Quorum struct {
	cfg     QuorumConfig
	copies  []Copy
	version uint64 // of the latest write
}

// NewQuorum returns a coordinator of copies. It panics if cfg is not valid, or if there are not N copies.
func NewQuorum(cfg QuorumConfig, copies []Copy) *Quorum {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	if len(copies) != cfg.N {
		panic(fmt.Sprintf("replication: %d copies for a quorum of n %d", len(copies), cfg.N))
	}
	return &Quorum{cfg: cfg, copies: copies}
}

// Write writes to all copies, and answers when W have it. If too many fail, the error is
// Unavailable, and Maybe unless all copies certainly do not have it. It is a [patterns.Call].
func (q *Quorum) Write(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	version := max(uint64(p.Sim().Now()), q.version) + 1 // never twice, and never zero
	q.version = version
	if err := q.write(p, req, version); err != nil {
		return patterns.Response{}, err
	}
	return patterns.Response{Version: version}, nil
}

// Read asks all copies, and answers when R have. If too many fail, the error is Unavailable. It is
// a [patterns.Call].
func (q *Quorum) Read(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	answers := make([]uint64, q.cfg.N)
	r := q.fan(p, "quorum read", q.cfg.R, func(c *sim.Process, i int) error {
		v, err := q.copies[i].Read(c, req)
		answers[i] = v
		return err
	})
	if err := r.wait(p); err != nil {
		return patterns.Response{}, err
	}
	newest, holders := uint64(0), 0
	for i, answered := range r.ok {
		switch {
		case !answered:
		case answers[i] > newest:
			newest, holders = answers[i], 1
		case answers[i] == newest:
			holders++
		}
	}
	switch {
	case newest == 0:
	case q.cfg.Repair == Background:
		q.repair(p, req, r.ok, answers, newest)
	case q.cfg.Repair == WriteBack && holders < q.cfg.W:
		if err := q.write(p, req, newest); err != nil {
			return patterns.Response{}, err
		}
	}
	return patterns.Response{Version: newest}, nil
}

// repair writes the newest version to the copies that answered with an older one.
func (q *Quorum) repair(p *sim.Process, req patterns.Request, answered []bool, answers []uint64, newest uint64) {
	for i, ok := range answered {
		if ok && answers[i] < newest {
			spawn(p, "read repair", func(c *sim.Process) { q.copies[i].Write(c, req, newest) })
		}
	}
}

func (q *Quorum) write(p *sim.Process, req patterns.Request, version uint64) error {
	return q.fan(p, "quorum write", q.cfg.W, func(c *sim.Process, i int) error {
		return q.copies[i].Write(c, req, version)
	}).wait(p)
}

// A round is one request to all copies.
type round struct {
	what        string
	need        int
	ok          []bool // who has answered
	oks, failed int
	maybe       bool // one that failed may have it
	waiting     sim.Ticket
}

// fan asks all copies at once.
func (q *Quorum) fan(p *sim.Process, what string, need int, ask func(c *sim.Process, i int) error) *round {
	r := &round{what: what, need: need, ok: make([]bool, q.cfg.N)}
	for i := range q.copies {
		spawn(p, what, func(c *sim.Process) { r.end(i, ask(c, i)) })
	}
	return r
}

// spawn does something beside p, in the coordinator's group: what was sent goes on when the
// coordinator has its answer, but is not waited for beyond the coordinator's deadline.
func spawn(p *sim.Process, what string, do func(c *sim.Process)) {
	deadline, limited := p.Deadline()
	p.Group().Background(what, func(c *sim.Process) {
		if limited {
			defer c.WithDeadline(deadline).Close()
		}
		do(c)
	})
}

// end takes the answer of one copy.
func (r *round) end(i int, err error) {
	if err == nil {
		r.ok[i] = true
		r.oks++
	} else {
		r.failed++
		if e, ok := err.(*patterns.Error); !ok || e.Maybe {
			r.maybe = true
		}
	}
	if r.decided() {
		r.waiting.Wake()
	}
}

func (r *round) decided() bool { return r.oks >= r.need || r.failed > len(r.ok)-r.need }

// wait waits until enough copies have answered, or cannot any more.
func (r *round) wait(p *sim.Process) error {
	for !r.decided() {
		r.waiting = p.Ticket(r.what)
		if err := p.Park(); err != nil {
			return err
		}
	}
	if r.oks >= r.need {
		return nil
	}
	pending := r.oks+r.failed < len(r.ok)
	return &patterns.Error{Kind: patterns.Unavailable, Layer: r.what, Maybe: r.oks > 0 || r.maybe || pending}
}

// Data is what one copy holds: the newest version of each key.
type Data struct{ versions map[uint64]uint64 }

// NewData returns an empty copy.
func NewData() *Data { return &Data{map[uint64]uint64{}} }

// Put keeps a version of a key unless a newer one is there.
func (d *Data) Put(key, version uint64) { d.versions[key] = max(d.versions[key], version) }

// Get returns the version of a key: zero if there is none.
func (d *Data) Get(key uint64) uint64 { return d.versions[key] }

// Lose empties the copy: its memory or its disk is gone.
func (d *Data) Lose() { clear(d.versions) }

// Newest returns the newest version of a key on any of the copies.
func Newest(copies []*Data, key uint64) (version uint64) {
	for _, d := range copies {
		version = max(version, d.Get(key))
	}
	return version
}
