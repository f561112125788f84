package scenario

import (
	"slices"
	"strings"
)

// Where each kind of fault can happen: to each of these of a service of our own, the usual one
// first; to an external service as a whole; to a zone; to a stream.
var (
	faultEach = map[string][]string{
		"crash": {"replica", "copy", "primary", "machine"}, "lost_disk": {"copy", "primary"},
		"pause": {"replica", "copy", "machine"}, "clock": {"replica", "copy", "machine"}, "slow": {"replica", "copy", "service"},
		"partition": {"replica", "copy", "service"}, "loss": {"replica", "copy", "service"}, "delay": {"replica", "copy", "service"},
		"outage": {"machine"}, "errors": {"service"}, "deploy": {"service"}, "cache_flush": {"service"},
	}
	faultsOfOthers = []string{"slow", "errors", "outage", "partition", "loss", "delay"}
	faultsOfZones  = []string{"outage", "partition", "loss", "delay"}
)

// Targets returns the names behind the path of a fault: "zones.b" is b, and "services.*" are all
// services of our own that the fault can happen to.
func (s *Scenario) Targets(f *Fault) []string {
	section, name := cut(f.On)
	var names []string
	switch section {
	case "services":
		for i := range s.Services {
			svc := &s.Services[i]
			needsStore := f.Each == "copy" || f.Each == "primary"
			switch {
			case name != "*" && name != svc.Name,
				name == "*" && svc.External,
				needsStore && svc.Store == nil,
				f.Kind == "cache_flush" && !hasCache(svc):
			default:
				names = append(names, svc.Name)
			}
		}
		return names
	case "zones":
		names = s.Zones
	case "workload":
		for _, w := range s.Workload {
			names = append(names, w.Name)
		}
	}
	if name == "*" {
		return names
	}
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n != name })
}

func (r *reviewer) theFaults() {
	healed := r.s.Healing.OnCall != nil
	for i := range r.s.Faults {
		f := &r.s.Faults[i]
		path := "faults." + f.Name
		if r.target(path+".on", f.On) {
			r.victims(path, f)
		}
		if f.From != "" {
			r.target(path+".from", f.From)
		}
		switch {
		case f.Lasts.UntilFixed && !healed:
			r.fail(path+".lasts", "", "is until_fixed, but nobody fixes it: healing.on_call is none")
		case (f.Kind == "crash" || f.Kind == "lost_disk") && f.Lasts.Length.IsZero() && !healed && r.s.Healing.Restart == nil && r.s.Healing.Replace == nil:
			r.note(path, "what crashes stays down: healing has no restart, replace or on_call")
		}
		if (f.Kind == "slow" || f.Kind == "surge" || f.Kind == "deploy") && f.By == 1 && f.Errors == 0 {
			r.note(path, "changes nothing: by is 1x and errors is 0%%")
		}
		if f.At != nil && r.s.Study.Method == "incidents" {
			r.fail(path+".at", "", "happens once at a set time, which has no yearly weight: study.method incidents needs every or rate")
		}
		if f.At == nil && f.PerYear() == 0 {
			r.note(path, "never happened, and its rate is taken as 0")
		}
	}
}

// target reports a path that is not the place of a victim.
func (r *reviewer) target(path, on string) bool {
	section, name := cut(on)
	names, known := map[string][]string{"services": r.services, "zones": r.s.Zones, "workload": r.streams}[section]
	if !known {
		near := ""
		for _, full := range slices.Concat(prefixed("services", r.services), prefixed("zones", r.s.Zones), prefixed("workload", r.streams)) {
			if strings.HasSuffix(full, "."+on) || near == "" && Nearest(on, []string{full}) != "" {
				near = full
			}
		}
		r.fail(path, near, "is %s, expected services.<name>, zones.<name> or workload.<name>", on)
		return false
	}
	if name == "*" && len(names) > 0 || slices.Contains(names, name) {
		return true
	}
	near := Nearest(name, names)
	if near != "" {
		near = section + "." + near
	}
	r.fail(path, near, "there is no %s", on)
	return false
}

// victims reports a fault that cannot happen where it is.
func (r *reviewer) victims(path string, f *Fault) {
	if f.Kind == "" {
		return
	}
	section, name := cut(f.On)
	svc := r.s.Service(name)
	allowed, each := faultEach[f.Kind], "each "+f.Each+" of "+f.On
	switch {
	case section == "workload":
		allowed = nil
		if f.Kind == "surge" {
			allowed = []string{"stream"}
		}
	case section == "zones":
		allowed = nil
		if slices.Contains(faultsOfZones, f.Kind) {
			allowed = []string{"zone"}
		}
	case svc != nil && svc.External:
		allowed = nil
		if slices.Contains(faultsOfOthers, f.Kind) {
			allowed = []string{"service"}
		}
	}
	switch {
	case len(allowed) == 0:
		r.fail(path+".on", "", "the kind %s cannot happen to %s, only to %s", f.Kind, f.On, strings.Join(placesOf(f.Kind), ", "))
	case !slices.Contains(allowed, f.Each):
		r.fail(path+".each", "", "the kind %s cannot happen to %s, only to each %s", f.Kind, each, strings.Join(allowed, ", "))
	case len(r.s.Targets(f)) > 0:
	case f.Kind == "cache_flush":
		r.note(path+".on", "no operation of %s has a cache: the fault changes nothing", f.On)
	default:
		r.fail(path+".each", "", "is %s, but %s has no store", f.Each, f.On)
	}
}

// placesOf says in words where a kind of fault can happen.
func placesOf(kind string) []string {
	var places []string
	if faultEach[kind] != nil {
		places = append(places, "services of our own")
	}
	if slices.Contains(faultsOfOthers, kind) {
		places = append(places, "external services")
	}
	if slices.Contains(faultsOfZones, kind) {
		places = append(places, "zones")
	}
	if kind == "surge" {
		places = append(places, "workload")
	}
	return places
}

func hasCache(svc *Service) bool {
	return slices.ContainsFunc(svc.Ops, func(op Op) bool { return op.Cache != nil })
}
