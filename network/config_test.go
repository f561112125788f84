package network_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

func TestEveryPairHasItsClass(t *testing.T) {
	places := map[string]network.Place{
		"a1":     {Region: "eu", Zone: "a", Rack: "1"},
		"a1too":  {Region: "eu", Zone: "a", Rack: "1"},
		"a2":     {Region: "eu", Zone: "a", Rack: "2"},
		"a":      {Region: "eu", Zone: "a"},
		"atoo":   {Region: "eu", Zone: "a"},
		"b1":     {Region: "eu", Zone: "b", Rack: "1"},
		"us":     {Region: "us", Zone: "a", Rack: "1"},
		"client": {Region: "eu"},
		"other":  {},
	}
	path := func(d int) network.Path { return network.Path{Latency: dist.Exactly(time.Duration(d) * ms)} }
	cfg := network.Config{
		SameHost: path(1), SameRack: path(2), SameZone: path(3), CrossZone: path(4), CrossRegion: path(5), Clients: path(6),
		Overrides: []network.Override{
			{Between: network.Between{From: network.Zones("b"), To: network.Part{Hosts: []string{"us"}}}, Path: path(7)},
			{Between: network.Between{From: network.Part{Clients: true}, To: network.In(network.Place{Region: "us"}), OneWay: true}, Path: path(8)},
			{Between: network.Between{From: network.Part{Hosts: []string{"other"}}, To: network.Part{Hosts: []string{"us"}}}, Path: path(9)},
		},
	}
	for _, c := range []struct {
		from, to string
		want     int
	}{
		{"a1", "a1", 1}, {"client", "client", 1},
		{"a1", "a1too", 2},
		{"a1", "a2", 3}, {"a1", "a", 3}, {"a", "atoo", 3},
		{"a1", "b1", 4},
		{"a1", "us", 5},
		{"a1", "client", 6}, {"other", "b1", 6}, {"client", "other", 6},
		{"b1", "us", 7}, {"us", "b1", 7},
		{"client", "us", 8}, {"us", "client", 6},
		{"other", "us", 9}, {"us", "other", 9}, // the last override counts
	} {
		var got sim.Time
		sim.Run(sim.Config{}, func(s *sim.Simulation) {
			n := network.New(s, cfg)
			from := n.AddHost(c.from, places[c.from])
			to := from
			if c.to != c.from {
				to = n.AddHost(c.to, places[c.to])
			}
			n.Send(from, to, 0, 0, func(any) { got = s.Now() }, nil)
			s.RunUntilIdle()
		})
		if want := sim.Time(time.Duration(c.want) * ms); got != want {
			t.Errorf("%s to %s takes %v, want %v", c.from, c.to, got, want)
		}
	}
}

func TestValidateNamesEveryBadField(t *testing.T) {
	if err := network.DefaultConfig().Validate(); err != nil {
		t.Errorf("default: %v", err)
	}
	if err := (network.Config{}).Validate(); err != nil {
		t.Errorf("zero: %v", err)
	}
	bad := network.Config{
		SameZone:   network.Path{Latency: dist.Exactly(-ms), Loss: -0.1, Duplicate: 1.1, Reorder: math.NaN()},
		Clients:    network.Path{Reorder: 0.1, Bandwidth: -1, Queue: -1},
		Overrides:  []network.Override{{Between: network.Between{From: network.Zones("a"), OneWay: true}, Path: network.Path{Queue: 10}}},
		Retransmit: -1, GiveUp: -1,
	}
	want := `network: same zone: Loss is -0.1, need 0 to 1
network: same zone: Duplicate is 1.1, need 0 to 1
network: same zone: Reorder is NaN, need 0 to 1
network: same zone: Latency is constant(-0.001), need a mean of 0 or more
network: clients: ReorderDelay is 0s, need more than 0 where Reorder is set
network: clients: Bandwidth is -1 bytes/s, need 0 or more
network: clients: Queue is -1 bytes, need 0 or more, and a Bandwidth to wait for
network: override 1 (a → everything): Queue is 10 bytes, need 0 or more, and a Bandwidth to wait for
network: Retransmit is -1ns, need 0 or more
network: GiveUp is -1ns, need 0 or more`
	if diff := cmp.Diff(want, bad.Validate().Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What is a mistake in code panics, and says what.
func TestMistakes(t *testing.T) {
	for want, f := range map[string]func(w *world){
		"need 0 to 1":    func(w *world) { network.New(w.s, network.Config{Clients: network.Path{Loss: 2}}) },
		"empty or taken": func(w *world) { w.n.AddHost("a", network.Place{}) },
		"unknown mode":   func(w *world) { w.n.Cut(network.Between{}, 0) },
		"no host nowhere": func(w *world) {
			w.n.Cut(network.Between{To: network.Part{Hosts: []string{"nowhere"}}}, network.BlockAtSend)
		},
		"Loss is 1.5":       func(w *world) { w.n.Impair(network.Between{}, network.Impairment{Loss: 1.5}) },
		"negative delay":    func(w *world) { w.n.Impair(network.Between{}, network.Impairment{Delay: -1}) },
		"negative size":     func(w *world) { w.n.Send(w.a, w.b, -1, 0, func(any) {}, nil) },
		"a listener on c":   func(w *world) { w.call(0, "", 0); w.l = w.t.Listen(w.c, w.echo); w.s.RunUntilIdle() },
		"different network": func(w *world) { w.n.Send(w.a, new(network.Host), 0, 0, nil, nil) },
	} {
		func() {
			_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
				w := newWorld(s, network.Config{})
				defer func() {
					if v := recover(); v != nil {
						s.Fail("%v", v)
					}
				}()
				f(w)
			})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("want %q, got %v", want, err)
			}
		}()
	}
}
