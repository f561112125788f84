package system

import (
	"fmt"
	"strings"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
)

// Causes returns the scenario's faults with the victims that they find in it.
//
// Victims are called "shop" (a service), "shop/0" (a replica or copy), "primary:orders_db" (whoever
// leads), "machines.shop-0" (the machine that replica 0 is on), "zones.a" and "workload.visits".
func Causes(sc *scenario.Scenario) []fault.Cause {
	causes := make([]fault.Cause, len(sc.Faults))
	for i := range sc.Faults {
		causes[i] = cause(sc, &sc.Faults[i])
	}
	return causes
}

// Timeline draws what goes wrong in the measured part of a run of the scenario's length.
func Timeline(sc *scenario.Scenario, seed uint64) fault.Plan {
	plan := fault.Draw(sim.Seed(seed), Causes(sc), sim.Time(sc.Study.Lasts))
	for i := range plan.Entries {
		plan.Entries[i].At = plan.Entries[i].At.Add(sc.Study.Warmup)
	}
	return plan
}

func cause(sc *scenario.Scenario, f *scenario.Fault) fault.Cause {
	c := fault.Cause{
		Name: f.Name, Kind: fault.Kind(f.Kind), Victims: victims(sc, f),
		Every: f.Every, Rate: fault.Rate{Events: f.Rate.N, In: f.Rate.In},
	}
	if f.At != nil {
		c.At = []sim.Time{sim.Time(*f.At)} // of the measured part
	}
	if !f.Lasts.UntilFixed && !f.Lasts.Length.IsZero() {
		c.Lasts = f.Lasts.Length.Distribution()
	}
	switch c.Kind {
	case fault.Slow, fault.Surge:
		c.Factor, c.Errors = f.By, f.Errors
	case fault.Deploy:
		c.Errors = f.Errors
		if f.By != 1 {
			c.Factor = f.By
		}
	case fault.Errors:
		c.Errors = f.Errors
	case fault.Loss:
		c.Loss = f.Loss
	case fault.Delay:
		c.Delay = f.Delay
	case fault.Clock:
		c.Offset, c.DriftPPB = time.Duration(f.Offset), int64(f.Drift*1e9)
	case fault.Crash:
		c.Loses = f.Loses
	}
	switch c.Kind {
	case fault.Partition, fault.Loss, fault.Delay:
		c.OneWay = f.OneWay
		if f.From != "" {
			c.With = targets(sc, &scenario.Fault{Kind: f.Kind, On: f.From})
		}
	}
	return c
}

// targets returns the paths of what a fault is on: "services.shop", "zones.a".
func targets(sc *scenario.Scenario, f *scenario.Fault) []string {
	section, _, _ := strings.Cut(f.On, ".")
	var list []string
	for _, name := range sc.Targets(f) {
		list = append(list, section+"."+name)
	}
	return list
}

// victims returns the names that a fault can meet, one at a time.
func victims(sc *scenario.Scenario, f *scenario.Fault) []string {
	var list []string
	for _, path := range targets(sc, f) {
		service, ours := strings.CutPrefix(path, "services.")
		switch {
		case !ours:
			list = append(list, path)
		case f.Each == "service":
			list = append(list, service)
		case f.Each == "primary":
			list = append(list, "primary:"+service)
		default:
			for i := range sc.Service(service).Instances() {
				victim := fmt.Sprintf("%s/%d", service, i)
				if f.Each == "machine" {
					victim = "machines." + machineName(service, i)
				}
				list = append(list, victim)
			}
		}
	}
	return list
}

// serviceOf returns the service that a victim is part of; of a zone or a stream, itself.
func serviceOf(victim string) string {
	if host, ok := strings.CutPrefix(victim, "machines."); ok {
		return host[:strings.LastIndex(host, "-")]
	}
	service, _, _ := strings.Cut(strings.TrimPrefix(victim, "primary:"), "/")
	return service
}
