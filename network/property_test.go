package network_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
	"pgregory.net/rapid"
)

// A script is what happens to four hosts, drawn before the run.
type script struct {
	path       network.Path
	retransmit time.Duration
	giveUp     time.Duration
	ordered    bool
	cancels    bool
	steps      []step
}

type step struct {
	at       time.Duration
	verb     string
	from, to int
	lasts    time.Duration
	share    float64
	mode     network.Mode
	oneWay   bool
}

var verbs = []string{"send", "send", "stream", "stream", "call", "call", "call", "call", "cut", "impair", "power", "crash", "stop"}

func drawScript(t *rapid.T) script {
	duration := func(longest int, label string) time.Duration {
		return time.Duration(rapid.IntRange(0, longest).Draw(t, label)) * ms
	}
	share := func(label string) float64 { return rapid.SampledFrom([]float64{0, 0, 0.3, 1}).Draw(t, label) }
	sc := script{
		path: network.Path{
			Latency: rapid.SampledFrom([]dist.Distribution{
				nil, dist.Exactly(5 * ms), dist.Must(dist.NewExponential(0.01)),
			}).Draw(t, "latency"),
			Loss: share("loss") / 2, Duplicate: share("duplicate"), Reorder: share("reorder"), ReorderDelay: 20 * ms,
			Bandwidth: rapid.SampledFrom([]int64{0, 100_000}).Draw(t, "bandwidth"),
		},
		retransmit: rapid.SampledFrom([]time.Duration{0, 20 * ms}).Draw(t, "retransmit"),
		giveUp:     rapid.SampledFrom([]time.Duration{50 * ms, time.Second}).Draw(t, "give up"),
		ordered:    rapid.Bool().Draw(t, "ordered"),
		cancels:    rapid.Bool().Draw(t, "cancels"),
	}
	if sc.path.Bandwidth > 0 {
		sc.path.Queue = rapid.SampledFrom([]int{0, 3000}).Draw(t, "queue")
	}
	sc.steps = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{
			at:     duration(300, "at"),
			verb:   rapid.SampledFrom(verbs).Draw(t, "verb"),
			from:   rapid.IntRange(0, hosts-1).Draw(t, "from"),
			to:     rapid.IntRange(0, hosts-1).Draw(t, "to"),
			lasts:  duration(100, "lasts"),
			share:  share("share"),
			mode:   rapid.SampledFrom([]network.Mode{network.BlockAtSend, network.DropAtDelivery, network.BlockAtSend | network.DropAtDelivery}).Draw(t, "mode"),
			oneWay: rapid.Bool().Draw(t, "one way"),
		}
	}), 1, 40).Draw(t, "steps")
	return sc
}

const hosts = 4

// An actor is a host and the server on it, which works for 10ms on each request.
type actor struct {
	host   *network.Host
	l      *network.Listener[int, int]
	group  *sim.Group
	served map[int]int
	offs   int
	closes int
}

func (a *actor) Serve(x *network.Exchange[int, int]) {
	a.served[x.Request]++
	if x.Request%7 == 3 {
		x.Forget()
		return
	}
	x.OnAbandon = func(x *network.Exchange[int, int]) {
		if !x.Abandoned() {
			panic("abandoned, and not")
		}
	}
	a.group.Go("worker", func(p *sim.Process) {
		defer func() {
			if !a.group.Alive() {
				x.Reply(-1, nil) // the words of the dead reach nobody
			}
		}()
		if err := p.Sleep(10 * ms); err != nil {
			return
		}
		x.Reply(x.Request, nil)
	})
}

// perform runs a script and returns what is wrong with what happened.
func (sc script) perform(seed sim.Seed) (result sim.Result, wrong []string) {
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	result, err := sim.Run(sim.Config{Seed: seed}, func(s *sim.Simulation) {
		cfg := every(sc.path)
		cfg.Retransmit, cfg.GiveUp = sc.retransmit, sc.giveUp
		n := network.New(s, cfg)
		t := network.NewTransport[int, int](n)
		t.RequestBytes, t.AnswerBytes, t.Ordered, t.Cancels = 1000, 1000, sc.ordered, sc.cancels
		var actors [hosts]*actor
		var conns [hosts][hosts]*network.Conn
		for i := range actors {
			a := &actor{group: s.NewGroup(fmt.Sprint("group ", i)), served: map[int]int{}}
			a.host = n.AddHost(fmt.Sprint("host ", i), network.Place{Zone: fmt.Sprint("zone ", i/2)})
			a.l = t.Listen(a.host, a)
			actors[i] = a
		}
		for i, a := range actors {
			for j, b := range actors {
				conns[i][j] = n.Connect(a.host, b.host)
			}
		}
		var last [hosts][hosts]int
		sent, delivered := uint64(0), uint64(0)
		outcomes := map[int]error{}
		for i, st := range sc.steps {
			a, b := actors[st.from], actors[st.to]
			between := network.Between{From: network.Only(a.host), To: network.Only(b.host), OneWay: st.oneWay}
			s.At(sim.Time(st.at), func() {
				switch st.verb {
				case "send":
					sent++
					n.Send(a.host, b.host, 1000, 0, func(any) { delivered++ }, nil)
				case "stream":
					sent++
					number := i + 1 // steps are sorted by time
					conns[st.from][st.to].Send(1000, 0, func(any) {
						delivered++
						if before := last[st.from][st.to]; number <= before {
							bad("on one connection, message %d came after %d", number, before)
						}
						last[st.from][st.to] = number
					}, nil)
				case "call":
					if !a.host.Powered() {
						return
					}
					outcomes[i] = errors.New("none")
					a.group.Go(fmt.Sprint("caller ", i), func(p *sim.Process) {
						if st.lasts > 10*ms {
							defer p.WithTimeout(st.lasts).Close()
						}
						start := s.Now()
						answer, err := t.Call(p, a.host, b.host, b.l, uint64(i), i)
						outcomes[i] = err
						switch {
						case err == nil && answer != i:
							bad("call %d got the answer of %d", i, answer)
						case err == nil && b.served[i] != 1:
							bad("call %d succeeded and was served %d times", i, b.served[i])
						case err == nil && s.Now().Sub(start) < 10*ms:
							bad("call %d succeeded in less time than the work takes", i)
						case err != nil && answer != 0:
							bad("call %d got an answer with the error %v", i, err)
						case err == network.ErrRefused && b.served[i] > 0:
							bad("call %d was refused and served", i)
						}
					})
				case "cut":
					hold := n.Cut(between, st.mode)
					s.After(st.lasts, hold.Release)
				case "impair":
					hold := n.Impair(between, network.Impairment{
						Loss: st.share, Delay: st.lasts / 2, Reorder: st.share, ReorderDelay: st.lasts + 1,
					})
					s.After(st.lasts, hold.Release)
				case "power":
					if a.offs++; a.offs == 1 {
						a.host.PowerOff()
						a.group.Kill()
					}
					s.After(st.lasts, func() {
						if a.offs--; a.offs == 0 {
							a.host.PowerOn()
							a.group.Start()
						}
					})
				case "crash", "stop":
					a.closes++
					a.l.Close(st.verb == "crash")
					s.After(st.lasts, func() {
						if a.closes--; a.closes == 0 {
							a.l.Open()
						}
					})
				}
			})
		}
		for range 40 {
			s.RunUntil(s.Now().Add(10 * ms))
			if st := n.Total(); int64(st.InFlight()) < 0 {
				bad("more messages arrived than were sent: %v", st)
			}
		}
		for _, a := range actors {
			a.l.Close(true) // whoever waits for a server that forgot hears now
		}
		if err := s.RunUntilIdle(); err != nil {
			return
		}
		st := n.Total()
		if st.InFlight() != 0 {
			bad("idle, and yet: %v", st)
		}
		if st.Sent < sent || st.Delivered < delivered || delivered > sent+st.Duplicated {
			bad("%d sent and %d delivered here, but the network says: %v", sent, delivered, st)
		}
		for i := range sc.steps {
			switch err, called := outcomes[i]; {
			case !called || err == nil, errors.Is(err, sim.ErrDeadline), err == network.ErrRefused, err == network.ErrReset, err == network.ErrUnreachable:
			case err.Error() == "none": // its host was killed under it
			default:
				bad("call %d: %v", i, err)
			}
		}
	})
	if err != nil {
		bad("%v", err)
	}
	return result, wrong
}

// Whatever happens: no message is in two places or none, a connection keeps its order, each call
// has one outcome and it is its own, everybody who calls hears in the end, and the same script
// with the same seed is the same run.
func TestWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sc := drawScript(t)
		slices.SortStableFunc(sc.steps, func(a, b step) int { return int(a.at - b.at) })
		seed := sim.Seed(rapid.Uint64().Draw(t, "seed"))
		first, wrong := sc.perform(seed)
		for _, w := range wrong {
			t.Error(w)
		}
		if second, _ := sc.perform(seed); first.Digest != second.Digest {
			t.Errorf("two runs, two digests: %x and %x", first.Digest, second.Digest)
		}
	})
}
