package oracle

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	orca "github.com/cncf/xds/go/xds/data/orca/v3"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/sim"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/experimental/balancer/weight"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"pgregory.net/rapid"
)

// A grpcBalance is the settings that both are made from.
type grpcBalance struct {
	Weights  []int // of the targets
	Min, Max int   // size of the ring
	Steps    []balanceStep
}

// A balanceStep is a call that begins, or one that ends, or a target that breaks or works again.
type balanceStep struct {
	Flip   bool
	Target int
	Key    uint64
}

// A grpcTarget is one of ours.
type grpcTarget struct {
	name   string
	weight int
	broken bool
	held   bool // calls to it do not end
}

func (t *grpcTarget) Name() string    { return t.name }
func (t *grpcTarget) Healthy() bool   { return !t.broken }
func (t *grpcTarget) Weight() float64 { return float64(t.weight) }

func (t *grpcTarget) Call(p *sim.Process, _ patterns.Request) (patterns.Response, error) {
	if t.held {
		return patterns.Response{}, p.Sleep(time.Hour)
	}
	return patterns.Response{}, nil
}

// targets returns the same targets for both.
func (g grpcBalance) targets() (endpoints []resolver.Endpoint, names []string, ours []*grpcTarget, as []balance.Target) {
	endpoints, names = addresses(len(g.Weights))
	for i, w := range g.Weights {
		endpoints[i] = weight.Set(endpoints[i], weight.EndpointInfo{Weight: uint32(w)})
		ours = append(ours, &grpcTarget{name: names[i], weight: w})
		as = append(as, ours[i])
	}
	return endpoints, names, ours, as
}

// flip breaks a target, or mends it, for both.
func (ch *grpcChannel) flip(t *grpcTarget) {
	t.broken = !t.broken
	ch.setBroken(t.name, t.broken)
}

func (g grpcBalance) playRing(all seen) error {
	const header = "key"
	endpoints, _, targets, as := g.targets()
	theirs, err := newGRPCChannel("ring_hash_experimental", fmt.Sprintf(`{"minRingSize": %d, "maxRingSize": %d, "requestHashHeader": %q}`, g.Min, g.Max, header), endpoints)
	if err != nil {
		return err
	}
	defer theirs.close()
	cfg := balance.GRPCRingHash()
	cfg.Ring = balance.Ring{MinSize: g.Min, MaxSize: g.Max}
	return drive(cfg, as, func(p *sim.Process, ours *balance.Balancer) error {
		for i, s := range g.Steps {
			if s.Flip {
				theirs.flip(targets[s.Target%len(targets)])
				continue
			}
			var key [8]byte
			binary.LittleEndian.PutUint64(key[:], s.Key) // which is what ours makes of it
			info := balancer.PickInfo{Ctx: metadata.AppendToOutgoingContext(context.Background(), header, string(key[:]))}
			addr, _, err := theirs.pick(info)
			for errors.Is(err, balancer.ErrNoSubConnAvailable) { // it connects first
				all["connects first"]++
				addr, _, err = theirs.pick(info)
			}
			resp, ourErr := ours.Call(p, patterns.Request{ID: uint64(i + 1), Key: s.Key})
			if resp.From != addr || (ourErr == nil) != (err == nil) {
				return fmt.Errorf("step %d: key %x goes to %q, %v; theirs to %q, %v", i, s.Key, resp.From, ourErr, addr, err)
			}
			all[map[bool]string{true: "goes somewhere", false: "goes nowhere"}[err == nil]]++
		}
		return nil
	})
}

// drive calls f in a process, in a simulation with our balancer.
func drive(cfg balance.Config, targets []balance.Target, f func(*sim.Process, *balance.Balancer) error) (err error) {
	failed := simulate(func(s *sim.Simulation) {
		b := balance.New(cfg, sim.Keyed{}, targets)
		s.Go("caller", func(p *sim.Process) { err = f(p, b) })
	})
	return errors.Join(err, failed)
}

var balanceSteps = steps(rapid.Custom(func(t *rapid.T) balanceStep {
	return balanceStep{evenly(t, 8, "flip") == 0, evenly(t, 8, "target"), rapid.Uint64().Draw(t, "key")}
}))

func weights(t *rapid.T) (list []int) {
	same := rapid.Bool().Draw(t, "same")
	for range 1 + evenly(t, 8, "targets") {
		w := 1
		if !same {
			w += evenly(t, 16, "weight")
		}
		list = append(list, w)
	}
	return list
}

func TestGRPCRingHash(t *testing.T) {
	compare(t, rapid.Custom(func(t *rapid.T) grpcBalance {
		g := grpcBalance{Weights: weights(t), Min: oneOf(t, "min", 1, 2, 10, 64, 100, 100, 1024, 7)}
		g.Max = g.Min + oneOf(t, "more", 0, 1, 50, 3072)
		g.Steps = balanceSteps.Draw(t, "steps")
		return g
	}), grpcBalance.playRing, "connects first", "goes somewhere", "goes nowhere")
}

// Both begin anywhere, and grpc-go begins anew, in a new order, whenever a target breaks or works again. So
// what is compared is that from then on each round goes to the same targets, and in the same order as
// the round before.
func (g grpcBalance) playRoundRobin(all seen) error {
	endpoints, _, targets, as := g.targets()
	theirs, err := newGRPCChannel("round_robin", `{}`, endpoints)
	if err != nil {
		return err
	}
	defer theirs.close()
	return drive(balance.GRPCRoundRobin(), as, func(p *sim.Process, ours *balance.Balancer) error {
		var a, b []string // since the last news
		for i, s := range g.Steps {
			if s.Flip {
				theirs.flip(targets[s.Target%len(targets)])
				a, b = nil, nil
				continue
			}
			resp, ourErr := ours.Call(p, patterns.Request{ID: uint64(i + 1)})
			addr, _, err := theirs.pick(balancer.PickInfo{})
			if (ourErr == nil) != (err == nil) {
				return fmt.Errorf("step %d: %v; theirs: %v", i, ourErr, err)
			}
			if err != nil {
				all["goes nowhere"]++
				continue
			}
			a, b = append(a, resp.From), append(b, addr)
			up := 0
			for _, t := range targets {
				if !t.broken {
					up++
				}
			}
			if now := len(a); now > up {
				all["second round"]++
				if a[now-1] != a[now-1-up] || b[now-1] != b[now-1-up] {
					return fmt.Errorf("step %d: ours went to %v, theirs to %v", i, a, b)
				}
			} else if now == up {
				all["first round"]++
				if !slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))) {
					return fmt.Errorf("step %d: ours went to %v, theirs to %v", i, a, b)
				}
			}
		}
		return nil
	})
}

func TestGRPCRoundRobin(t *testing.T) {
	compare(t, rapid.Custom(func(t *rapid.T) grpcBalance {
		return grpcBalance{Weights: slices.Repeat([]int{1}, 1+evenly(t, 8, "targets")), Steps: balanceSteps.Draw(t, "steps")}
	}), grpcBalance.playRoundRobin, "first round", "second round", "goes nowhere")
}

// least_request draws from a source that nobody can seed, so that it is its distribution that is compared:
// with so many calls under way to each target, both choose a target as often as the least loaded of
// two that are drawn with replacement, within 6 standard errors.
func TestGRPCLeastRequest(t *testing.T) {
	const n = 100_000
	for _, load := range [][]int{{0, 1}, {2, 1, 0}, {0, 3, 1, 2, 5}, {1, 1, 1, 0}, {0, 0, 2, 2}} {
		t.Run(strings.Trim(fmt.Sprint(load), "[]"), func(t *testing.T) {
			err := inBubble(t, func() error {
				g := grpcBalance{Weights: slices.Repeat([]int{1}, len(load))}
				endpoints, names, targets, as := g.targets()
				theirs, err := newGRPCChannel("least_request_experimental", `{}`, endpoints)
				if err != nil {
					return err
				}
				defer theirs.close()
				a, b := map[string]int{}, map[string]int{}
				theirs.load(load, names)
				for range n {
					addr, done, err := theirs.pick(balancer.PickInfo{})
					if err != nil {
						return err
					}
					b[addr]++
					done(balancer.DoneInfo{})
				}
				err = simulate(func(s *sim.Simulation) {
					ours := balance.New(balance.GRPCLeastRequest(), sim.Keyed{}, as)
					for i := range load {
						for range load[i] {
							s.Go("under way", func(p *sim.Process) {
								for k, t := range targets {
									t.broken, t.held = k != i, true
								}
								ours.Call(p, patterns.Request{})
							})
						}
					}
					s.Go("caller", func(p *sim.Process) {
						for _, t := range targets {
							t.broken, t.held = false, false
						}
						for i := range n {
							resp, _ := ours.Call(p, patterns.Request{ID: uint64(i + 1)})
							a[resp.From]++
						}
					})
				})
				for i, name := range names {
					less, same := 0, 0
					for _, l := range load {
						if l < load[i] {
							less++
						} else if l == load[i] {
							same++
						}
					}
					all, not := len(load), len(load)-less // both draws are of those not less loaded; less those where both are more loaded
					p := float64(not*not-(not-same)*(not-same)) / float64(all*all) / float64(same)
					if se := math.Sqrt(p * (1 - p) / n); math.Abs(float64(a[name])/n-p) > 6*se || math.Abs(float64(b[name])/n-p) > 6*se {
						t.Errorf("%s is chosen %d times of %d, by theirs %d times, need %.4f ± %.4f of them", name, a[name], n, b[name], p, 6*se)
					}
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// load has so many calls under way to each.
func (ch *grpcChannel) load(calls []int, names []string) {
	have := make([]int, len(calls))
	for !slices.Equal(have, calls) {
		addr, done, err := ch.pick(balancer.PickInfo{})
		if err != nil {
			panic(err)
		}
		if i := slices.Index(names, addr); have[i] < calls[i] {
			have[i]++
		} else {
			done(balancer.DoneInfo{})
		}
	}
}

// A weightedStep is a call, after a while, with the report that its answer brings, or news of a target.
type weightedStep struct {
	Flip   bool
	Target int
	Wait   wait
	Calls  int
	Report [3]int // utilization, answers a second and failures of them; in eighths
}

type grpcWeighted struct {
	Targets                      int
	Update, Blackout, Expiration time.Duration
	Penalty                      float64
	Steps                        []weightedStep
}

// Whenever who is in use changes, grpc-go takes them in the order of a map, from a random place on: ours is given
// its order, and it our place.
func (g grpcWeighted) play(all seen) error {
	endpoints, _, targets, _ := grpcBalance{Weights: slices.Repeat([]int{1}, g.Targets)}.targets()
	seconds := func(d time.Duration) string { return fmt.Sprintf("%d.%09ds", d/time.Second, d%time.Second) }
	theirs, err := newGRPCChannel("weighted_round_robin", fmt.Sprintf(`{"blackoutPeriod": %q, "weightExpirationPeriod": %q, "weightUpdatePeriod": %q, "errorUtilizationPenalty": %v}`,
		seconds(g.Blackout), seconds(g.Expiration), seconds(g.Update), g.Penalty), endpoints)
	if err != nil {
		return err
	}
	defer theirs.close()
	cfg := balance.GRPCWeightedRoundRobin()
	cfg.Reports = balance.Reports{Update: g.Update, Blackout: g.Blackout, Expiration: g.Expiration, ErrorPenalty: g.Penalty}
	reports := map[string]*grpcReporter{}
	var as []balance.Target
	for _, t := range targets {
		reports[t.name] = &grpcReporter{grpcTarget: t}
		as = append(as, reports[t.name])
	}
	return drive(cfg, as, func(p *sim.Process, ours *balance.Balancer) error {
		made, heard, last := sim.Time(0), sim.Time(0), sim.Time(0)
		news := func() { // of who is in use
			made = last
			inUse := theirs.inTurn()
			slices.SortStableFunc(as, func(a, b balance.Target) int {
				return cmp.Compare(slices.Index(inUse, a.Name()), slices.Index(inUse, b.Name()))
			})
			ours.SetTargets(as)
			for _, r := range reports {
				r.report = balance.Report{}
			}
			ours.Call(p, patterns.Request{ID: uint64(last) + 1})
			theirs.setTurn(uint32(hidden(reflect.ValueOf(ours), "stride", "looked").Uint()))
		}
		synctest.Wait()
		news()
		for i, s := range g.Steps {
			due := made.Add((time.Duration(last-made)/g.Update + 1) * g.Update)
			at := s.Wait.until(last, []sim.Time{last, due, due, due, due, heard, heard, heard},
				[]time.Duration{0, 0, 0, g.Update, g.Update, g.Blackout, g.Blackout, g.Blackout + g.Update, g.Expiration, g.Expiration + g.Update})
			if at > made && at.Sub(made)%g.Update == 0 {
				at++ // nobody says which of two things at one instant is first
			}
			p.Sleep(at.Sub(last))
			time.Sleep(at.Sub(last))
			last = at
			if s.Flip {
				theirs.flip(targets[s.Target%len(targets)])
				news()
				all["news"]++
				continue
			}
			for k := range s.Calls {
				var report balance.Report
				if k == 0 { // the others bring one that says nothing
					report = balance.Report{Utilization: float64(s.Report[0]) / 8, Rate: float64(s.Report[1]) / 8, Failures: float64(s.Report[2]) / 8}
				}
				for _, r := range reports {
					r.report = report
				}
				addr, done, err := theirs.pick(balancer.PickInfo{})
				weights := hidden(reflect.ValueOf(ours), "stride", "weights")
				resp, ourErr := ours.Call(p, patterns.Request{ID: uint64(i + 1)})
				if resp.From != addr || (ourErr == nil) != (err == nil) {
					return fmt.Errorf("step %d, at %v, call %d: goes to %q, %v; theirs to %q, %v; weights were %v", i, at, k, resp.From, ourErr, addr, err, weights)
				}
				if err != nil {
					all["goes nowhere"]++
					continue
				}
				done(balancer.DoneInfo{ServerLoad: &orca.OrcaLoadReport{ApplicationUtilization: report.Utilization, RpsFractional: report.Rate, Eps: report.Failures}})
				if report.Rate > 0 && report.Utilization > 0 {
					heard = at
				}
				all[map[bool]string{true: "by weight", false: "in turn"}[weights.Len() > 0]]++
			}
		}
		return nil
	})
}

func TestGRPCWeightedRoundRobin(t *testing.T) {
	compare(t, rapid.Custom(func(t *rapid.T) grpcWeighted {
		return grpcWeighted{
			Targets: 1 + evenly(t, 5, "targets"), Penalty: oneOf[float64](t, "penalty", 0, 1, 1, 2.5),
			Update:     oneOf(t, "update", time.Second, time.Second, 100*time.Millisecond, 1500*time.Millisecond),
			Blackout:   oneOf(t, "blackout", 0, time.Second, 2500*time.Millisecond, 0),
			Expiration: oneOf(t, "expiration", 10*time.Second, 3*time.Second, time.Minute, 4500*time.Millisecond),
			Steps: steps(rapid.Custom(func(t *rapid.T) weightedStep {
				return weightedStep{
					Flip: evenly(t, 16, "flip") == 0, Target: evenly(t, 8, "target"), Wait: waits.Draw(t, "wait"),
					Calls:  oneOf(t, "calls", 1, 1, 1, 2, 3, 5, 8, 20),
					Report: [3]int{evenly(t, 8, "utilization"), evenly(t, 16, "rate"), oneOf(t, "failures", 0, 0, 1, 3)},
				}
			})).Draw(t, "steps"),
		}
	}), grpcWeighted.play, "by weight", "in turn", "goes nowhere", "news")
}

// A grpcReporter is a target of ours whose answers bring reports.
type grpcReporter struct {
	*grpcTarget
	report balance.Report
}

func (r *grpcReporter) LastReport() balance.Report { return r.report }

// hidden returns a field that a library or ours keeps for itself.
func hidden(of reflect.Value, path ...string) reflect.Value {
	for _, name := range path {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Interface {
			of = of.Elem()
		}
		of = of.FieldByName(name)
	}
	return reflect.NewAt(of.Type(), of.Addr().UnsafePointer()).Elem()
}

// picking returns the part of the library's picker that chooses by weight, if some connection is up.
func (ch *grpcChannel) picking() (reflect.Value, bool) {
	synctest.Wait()
	v := reflect.ValueOf(&ch.picker)
	return v, strings.HasSuffix(reflect.TypeOf(ch.picker).String(), "weightedroundrobin.picker")
}

// inTurn returns the addresses of those in use, in the order in which the library takes turns.
func (ch *grpcChannel) inTurn() (addrs []string) {
	v, ok := ch.picking()
	if !ok {
		return nil
	}
	list := hidden(v, "weightedPickers")
	for i := range list.Len() {
		addrs = append(addrs, hidden(list.Index(i), "weightedEndpoint", "pickedSC").Interface().(*grpcConn).addr)
	}
	return addrs
}

// setTurn sets how many the library has looked at.
func (ch *grpcChannel) setTurn(looked uint32) {
	if v, ok := ch.picking(); ok {
		hidden(v, "idx").Addr().Interface().(*atomic.Uint32).Store(looked)
	}
}
