package balance

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/patterns"
)

func TestPresets(t *testing.T) {
	for name, cfg := range map[string]Config{
		"Finagle": Finagle(), "FinaglePeakEWMA": FinaglePeakEWMA(), "Linkerd": Linkerd(),
		"EnvoyRoundRobin": EnvoyRoundRobin(), "EnvoyLeastRequest": EnvoyLeastRequest(), "EnvoyRingHash": EnvoyRingHash(), "EnvoyMaglev": EnvoyMaglev(),
		"GRPCRoundRobin": GRPCRoundRobin(), "GRPCLeastRequest": GRPCLeastRequest(),
		"GRPCWeightedRoundRobin": GRPCWeightedRoundRobin(), "GRPCRingHash": GRPCRingHash(), "Nginx": Nginx(),
	} {
		if err := cfg.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if m := cluster(Finagle(), -1, -1).pick(0, &patterns.Request{ID: 1}); m == nil {
		t.Error("Finagle: nobody is healthy, and nobody is called")
	}
}

func TestValidateRefusesWhatCannotBe(t *testing.T) {
	bad := Config{
		Pick: RoundRobin, Load: PeakEWMA, Stale: time.Second, EWMA: EWMA{Initial: -1, ErrorPenalty: -1}, Bound: 0.5, Overflow: 7,
		SlowStart: SlowStart{Window: time.Second}, Subset: Subset{Kind: Deterministic, Client: -1},
		Zones: Zones{Mode: Prefer, MinTargets: -1, Share: 2, Callers: []ZoneCallers{{"x", -1}}},
	}
	want := `balance: Load is peak EWMA, need in flight, unless the pick is least_requests or p2c
balance: Stale is 1s, need 0, unless the pick is least_requests or p2c
balance: EWMA.Decay is 0s, need more than 0
balance: EWMA.Initial is -1ns, need 0 or more
balance: EWMA.ErrorPenalty is -1ns, need 0 or more
balance: Bound is 0.5, need 0, or 1 to 1000 with the pick ring_hash or maglev
balance: Overflow is 7, need next or jump
balance: SlowStart.Window is 1s, need 0 with the pick round_robin
balance: SlowStart.Aggression is 0, need more than 0 and at most 1000
balance: SlowStart.MinWeight is 0, need more than 0 and at most 1
balance: Subset.Size is 0, need 1 or more
balance: Subset.Client is -1, need 0 or more
balance: Zones.MinTargets is -1, need 0 or more
balance: Zones.Share is 2, need 0 to 1
balance: Zones.Callers[0].Callers is -1, need 0 or more
balance: Zones.Overprovision is 0, need 1 to 1000`
	if diff := cmp.Diff(want, fmt.Sprint(bad.Validate())); diff != "" {
		t.Error(diff)
	}
	for want, cfg := range map[string]Config{
		"balance: Ring.MinSize is 9, need 1 to 8388608\nbalance: Ring.MaxSize is 8, need MinSize to 8388608":                          {Pick: RingHash, Ring: Ring{9, 8}},
		"balance: Table is 1024, need a prime number up to 5000011":                                                                   {Pick: Maglev, Table: 1024},
		"balance: Table is 1, need a prime number up to 5000011":                                                                      {Pick: Maglev, Table: 1},
		"balance: Pick is pick 9, need round_robin, random, least_requests, p2c, smooth_weighted, static_stride, ring_hash or maglev": {Pick: 9},
		`balance: Reports.Update is -1ns, need 0 or more`:                                                                             {Pick: Random, Reports: Reports{Update: -1}},
		`balance: Reports.Update is 1s, need 0, unless the pick is static_stride
balance: Reports.Blackout is -1ns, need 0 or more
balance: Reports.Expiration is 0s, need more than 0
balance: Reports.ErrorPenalty is -1, need 0 to 1,000,000`: {Pick: SmoothWeighted, Reports: Reports{time.Second, -1, 0, -1}},
		"balance: Load is 9, need in flight, peak EWMA or told": {Pick: LeastRequests, Load: 9},
	} {
		want, _, _ = strings.Cut(want, "\nbalance: Ring.MaxSize")
		if cfg.Pick == RingHash {
			want = "balance: Ring.MaxSize is 8, need MinSize to 8388608"
		}
		if diff := cmp.Diff(want, fmt.Sprint(cfg.Validate())); diff != "" {
			t.Error(diff)
		}
	}
	for _, w := range []float64{0, -1, math.NaN(), 1e7} {
		func() {
			defer func() {
				if v := recover(); v == nil {
					t.Errorf("a weight of %v is taken", w)
				}
			}()
			weights(Config{Pick: Random}, w)
		}()
	}
}
