// Package example is a simulation test as a newcomer writes it. The README shows it.
package example_test

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
	"github.com/nines-sim/nines/sim/fault"
	"github.com/nines-sim/nines/sim/simtest"
)

func TestOrdersSurviveTheLossOfAZone(t *testing.T) {
	simtest.Run(t, func(t *simtest.T, s *sim.Simulation) {
		orders := newOrders(s)
		if _, err := fault.Start(s, fault.Incident(s.Seed(), zoneLoss, sim.Time(time.Minute), 0.5), orders); err != nil {
			t.Fatal(err)
		}
		call := patterns.Chain(
			retry.New(retry.DefaultConfig(), s.Keyed("retry"), nil),
			timeout.New(timeout.Attempt(100*time.Millisecond)),
		).Wrap(balance.New(balance.DefaultConfig(), s.Keyed("balance"), orders.targets).Call)

		calls, failed := 0, 0
		s.Background("customers", func(p *sim.Process) {
			for p.Sleep(10*time.Millisecond) == nil {
				calls++
				p.Fork("customer", func(p *sim.Process) {
					if _, err := call(p, patterns.Request{ID: p.ID()}); err != nil {
						failed++
					}
				})
			}
		})
		t.Always("a lost zone costs at most 5 orders", func() bool { return failed <= 5 })
		s.RunUntil(sim.Time(5 * time.Minute))
		if good := calls - failed; good*100 < calls*99 {
			t.Errorf("%d of %d orders were placed, want 99 %%", good, calls)
		}
	})
}

// zoneLoss takes the power of a whole zone. Which zone, the seed of a test says.
var zoneLoss = fault.Cause{
	Name: "zone_loss", Kind: fault.Outage, Victims: []string{"zones.a", "zones.b", "zones.c"},
	Every: 365 * 24 * time.Hour, Lasts: dist.Exactly(90 * time.Second),
}

// orders is a service with a replica in each of three zones.
type orders struct {
	machines map[string]*nodes.Machine // by zone
	targets  []balance.Target
}

func newOrders(s *sim.Simulation) *orders {
	net := network.New(s, network.DefaultConfig())
	transport := network.NewTransport[patterns.Request, patterns.Response](net)
	customers := net.AddHost("customers", network.Place{})
	service := nodes.NewService(s, transport, nodes.DefaultConfig("orders"), place)
	o := &orders{machines: map[string]*nodes.Machine{}}
	for _, zone := range []string{"a", "b", "c"} {
		machine := nodes.NewMachine(s, net.AddHost("orders-"+zone, network.Place{Zone: zone}), 30*time.Second)
		replica := service.Add(machine)
		replica.Start()
		o.machines["zones."+zone] = machine
		o.targets = append(o.targets, target{replica, replica.Call(transport, customers)})
	}
	return o
}

// place places an order: five milliseconds of work.
func place(p *sim.Process, r *nodes.Replica, req patterns.Request) (patterns.Response, error) {
	return patterns.Response{}, r.Work(p, 5*time.Millisecond)
}

// A target is a replica as the customers reach it.
type target struct {
	*nodes.Replica
	call patterns.Call
}

func (t target) Call(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	return t.call(p, req)
}

// Applies and Start apply the loss of a zone: its machine has no power as long as that lasts.
func (o *orders) Applies(e fault.Entry) bool {
	return e.Kind == fault.Outage && o.machines[e.Victim] != nil
}

func (o *orders) Start(e *fault.Effect) {
	o.machines[e.Victim].PowerOff()
	e.OnEnd(o.machines[e.Victim].PowerOn)
}
