package system

import (
	"slices"
	"strings"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/patterns/replication"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
	"github.com/nines-sim/nines/sim/fault"
)

// A storage is what the copies of a service keep: a primary with its backups, or a quorum.
type storage struct {
	svc    *service
	sc     *scenario.Store
	ledger *replication.Ledger // what clients were told

	set    *replication.Store // a primary with backups ...
	ships  *network.Transport[replication.Batch, struct{}]
	ports  []*network.Listener[replication.Batch, struct{}] // where copies take what is shipped
	lag    dist.Distribution
	luck   sim.Stream      // with lags
	hearts *hearts         // of several copies: how the failover manager sees them
	reads  []patterns.Call // what each copy does
	writes []patterns.Call

	copies []*replication.Data // ... or a quorum, whose coordinators are the clients
}

const (
	// shipping is how long a primary waits for a backup before it ships again.
	shipping = 2 * time.Second

	// syncPatience is how long a primary that acknowledges with all copies waits for them, before it
	// acknowledges alone (MySQL: rpl_semi_sync_source_timeout).
	syncPatience = 10 * time.Second
)

func newStorage(svc *service) *storage {
	st := &storage{svc: svc, sc: svc.sc.Store, ledger: replication.NewLedger()}
	if st.quorum() {
		for range svc.members {
			st.copies = append(st.copies, replication.NewData())
		}
	} else {
		st.buildSet()
	}
	for i, m := range svc.members {
		m.OnStart(func() { st.start(i) })
		m.OnChange(func(up bool) { st.changed(i, up) })
	}
	return st
}

// quorum reports whether the copies are equal, without a primary.
func (st *storage) quorum() bool { return st.sc.Ack == "quorum" }

func (st *storage) buildSet() {
	s := st.svc.sys.s
	cfg := replication.DefaultConfig()
	cfg.Copies, cfg.Failover = st.sc.Copies, st.sc.Failover
	switch st.sc.Ack {
	case "local":
		cfg.Ack = 1 // the others may lack what was acknowledged, and take over all the same
	case "majority":
		cfg.Ack = replication.Majority(st.sc.Copies)
	case "sync":
		cfg.Ack, cfg.Degrade = st.sc.Copies, syncPatience
	}
	st.ships = network.NewTransport[replication.Batch, struct{}](st.svc.sys.net)
	st.ports = make([]*network.Listener[replication.Batch, struct{}], st.sc.Copies)
	st.lag, st.luck = st.sc.Lag.Distribution(), s.Stream("lag/"+st.svc.Name())
	st.set = replication.NewStore(s, st.svc.Name(), cfg, st.carry)
	for i := range st.sc.Copies {
		st.reads = append(st.reads, st.set.Read(i))
		st.writes = append(st.writes, st.set.Write(i))
	}
	if st.sc.Copies > 1 {
		st.hearts = newHearts(st)
	}
}

// A port is where copy i takes what the primary ships. Applying it costs no cpu.
type port struct {
	st *storage
	i  int
}

type shipment = network.Exchange[replication.Batch, struct{}]

// Serve takes a batch in, at the end of the copy's pause if there is one.
func (p port) Serve(x *shipment) {
	if g := p.st.svc.members[p.i].Group(); g.Paused() {
		g.At(g.Now(), func() { p.receive(x) })
		return
	}
	p.receive(x)
}

func (p port) receive(x *shipment) { x.Reply(struct{}{}, p.st.set.Receive(p.i, x.Request)) }

// carry ships a batch over the network.
func (st *storage) carry(p *sim.Process, from, to int, b replication.Batch) error {
	if st.sc.Ack == "local" && !st.sc.Lag.IsZero() {
		if err := p.Sleep(dist.Duration(st.lag, &st.luck)); err != nil {
			return err
		}
	}
	patience := p.WithTimeout(shipping)
	defer patience.Close()
	_, err := st.ships.Call(p, st.ports[from].Host(), st.ports[to].Host(), st.ports[to], 0, b)
	switch {
	case patience.Ended(err):
		return &patterns.Error{Kind: patterns.Timeout, Layer: st.svc.Name(), Maybe: true}
	case err == network.ErrRefused, err == network.ErrReset, err == network.ErrUnreachable:
		return &patterns.Error{Kind: patterns.Unavailable, Layer: st.svc.Name(), Maybe: err != network.ErrRefused, Cause: err}
	}
	return err
}

// start is what a copy does first in each of its lives.
func (st *storage) start(i int) {
	if st.set != nil {
		m := st.svc.members[i]
		st.ports[i] = st.ships.Listen(m.Machine().Host(), port{st, i})
		st.set.Serve(m.Group(), i)
	}
	if st.hearts != nil {
		st.hearts.start(i)
	}
}

// changed is told that a copy has come up or gone down, and tells the failover manager.
func (st *storage) changed(i int, up bool) {
	if !up && st.hearts != nil {
		st.hearts.stop(i)
	}
	switch {
	case !up && st.sc.State == "memory":
		st.lose(i)
	case !up && st.set != nil:
		st.set.Stop(i)
	}
	switch {
	case st.set == nil:
	case up:
		st.set.Up(i)
	default:
		st.ports[i].Close(true)
		st.set.Down(i)
	}
}

// lose takes away what a copy that is down had on its disk.
func (st *storage) lose(i int) {
	if st.set != nil {
		st.set.Lose(i)
	} else {
		st.copies[i].Lose()
	}
}

// reads reports whether an operation only reads: its name begins with "read". All others write.
func reads(op string) bool { return strings.HasPrefix(op, "read") }

// keep is what a copy does for an operation, after its work.
func (st *storage) keep(p *sim.Process, i int, o *op, req *patterns.Request) (patterns.Response, error) {
	switch read := reads(o.Op.Name); {
	case st.set != nil && read:
		return st.reads[i](p, *req)
	case st.set != nil:
		return st.writes[i](p, *req)
	case read:
		return patterns.Response{Version: st.copies[i].Get(req.Key)}, nil
	}
	st.copies[i].Put(req.Key, req.Value)
	return patterns.Response{Version: req.Value}, nil
}

// call returns the way from a client to the data. Clients know at once who the primary is.
func (st *storage) call(c client) patterns.Call {
	targets := st.svc.targets(c)
	read, write := st.primary(targets), st.primary(targets)
	if st.quorum() {
		copies := make([]replication.Copy, len(targets))
		for i, t := range targets {
			copies[i] = copyOver{t}
		}
		q := replication.NewQuorum(replication.QuorumConfig{N: st.sc.Copies, R: st.sc.R, W: st.sc.W}, copies)
		read, write = q.Read, q.Write
	} else if st.sc.Reads == "any" {
		read = st.svc.balancer(c, targets).Call
	}
	read, write = st.ledger.Reads(read), st.ledger.Writes(write)
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		if reads(req.Op) {
			return read(p, req)
		}
		return write(p, req)
	}
}

func (st *storage) primary(targets []balance.Target) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		i, _ := st.set.Primary()
		return targets[i].Call(p, req)
	}
}

// copyOver is a copy as the coordinator of a quorum reaches it: over the network.
type copyOver struct{ t balance.Target }

func (c copyOver) Write(p *sim.Process, req patterns.Request, version uint64) error {
	req.Value = version
	_, err := c.t.Call(p, req)
	return err
}

func (c copyOver) Read(p *sim.Process, req patterns.Request) (uint64, error) {
	resp, err := c.t.Call(p, req)
	return resp.Version, err
}

// failoverByHand makes another copy the primary, if the present one takes no writes or is not seen.
func (st *storage) failoverByHand() bool {
	if st.set == nil {
		return false
	}
	i, leads := st.set.Primary()
	if leads && (st.hearts == nil || st.hearts.beats(i)) {
		return false
	}
	return st.set.Promote()
}

// replaceable reports whether a copy may move to another machine, where it begins with nothing: only
// if another copy is up that it can learn from.
func (st *storage) replaceable(i int) bool {
	for j, m := range st.svc.members {
		if j != i && m.Up() {
			return true
		}
	}
	return false
}

// lost counts the acknowledged writes that are gone for good.
func (st *storage) lost() int {
	if st.set != nil {
		return st.set.Lost()
	}
	return st.ledger.Lost(func(key uint64) uint64 { return replication.Newest(st.copies, key) })
}

// applier returns what crashes copies, and whoever is the primary.
func (st *storage) applier() fault.Applier {
	copyOf := func(name string) int {
		return slices.IndexFunc(st.svc.members, func(m *member) bool { return m.Name() == name })
	}
	primary := "primary:" + st.svc.Name()
	return &copyFaults{
		applier: applier{
			sys:    st.svc.sys,
			victim: func(name string) bool { return name == primary || copyOf(name) >= 0 },
			kinds:  []fault.Kind{fault.Crash, fault.LostDisk},
			start: func(e *fault.Effect) {
				i := copyOf(e.Victim)
				st.svc.members[i].crash(e)
				if e.Kind == fault.LostDisk || e.Loses == fault.LosesDisk {
					st.lose(i)
				}
			},
		},
		st: st,
	}
}

// copyFaults is an applier that knows who the primary is.
type copyFaults struct {
	applier
	st *storage
}

// Resolve returns the copy that is the primary now.
func (c *copyFaults) Resolve(string) (victim string, ok bool) {
	if c.st.set == nil {
		return "", false
	}
	i, leads := c.st.set.Primary()
	return c.st.svc.members[i].Name(), leads
}
