package export_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/nines-sim/nines/models/export"
	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns/balance"
)

// families are those of policies between a caller and a callee.
func families(t *testing.T) (pages []scenario.Page) {
	t.Helper()
	for _, p := range scenario.Pages() {
		if strings.HasPrefix(p.Where, "calls.") {
			pages = append(pages, p)
		}
	}
	if len(pages) != 10 {
		t.Fatalf("%d families, need 10: is one new?", len(pages))
	}
	return pages
}

// valuesOf returns values that a key could have, as a file writes them. The format refuses some of them.
func valuesOf(k scenario.PageKey) (values []string) {
	words := strings.Split(strings.NewReplacer(", none", "|none", ", unlimited", "|unlimited", ", all", "|all").Replace(k.Unit), "|")
	for _, word := range words {
		switch word {
		case "duration":
			values = append(values, "130ms", "7s")
		case "ratio":
			values = append(values, "30%", "70%")
		case "factor":
			values = append(values, "1x", "3x")
		case "number":
			values = append(values, "0", "60")
		case "rate":
			values = append(values, "4/s")
		case "number in time":
			values = append(values, "40 in 2s")
		case "span":
			values = append(values, "1ms..2ms", "30ms..3s")
		case "list of kinds":
			values = append(values, "[timeout]", "[rejected]", "[unavailable, conflict]")
		case "list":
			values = append(values, "[100ms, 200ms]")
		case "section":
			values = append(values, "{}")
		default: // a word
			values = append(values, word)
		}
	}
	return values
}

// A tried configuration is one of a family, made by setting keys one after the other.
type tried struct {
	sets []string
	*scenario.Policies
}

// set makes a configuration, if it is valid.
func set(f *scenario.File, sets ...string) (tried, bool) {
	s, err := f.Variant("", sets...)
	if err != nil {
		return tried{}, false
	}
	p := s.Calls.Between("web", "api")
	return tried{sets, &p}, true
}

// configurations returns what a family can be: as each preset makes it; and as it is by default, or with one choice
// made otherwise: a word in place of another, a section that is there or not, something that is none or not.
func configurations(t *testing.T, f *scenario.File, p scenario.Page) (list []tried) {
	t.Helper()
	add := func(sets ...string) {
		c, ok := set(f, sets...)
		if ok && !slices.ContainsFunc(list, func(d tried) bool { return reflect.DeepEqual(c.Policies, d.Policies) }) {
			list = append(list, c)
		}
	}
	at := "calls.web.api." + p.Name
	for _, preset := range p.Presets {
		add(fmt.Sprintf("%s={preset: %s}", at, preset.Preset))
	}
	add(at + "={}")
	for _, k := range p.Keys {
		if strings.ContainsAny(k.Unit, "|,") || k.Unit == "section" {
			for _, v := range valuesOf(k) {
				add(at+"={}", at+"."+k.Key+"="+v)
			}
		}
	}
	if len(list) == 0 {
		t.Fatalf("%s: no configuration is valid", p.Name)
	}
	return list
}

// Whichever key of whatever configuration is changed: the text is another, or a remark names the key, or the section
// that it is in, or one of the keys in it.
func TestEveryKeyIsWrittenOrNamed(t *testing.T) {
	f, err := scenario.Parse("x.yaml", []byte(`
nines: 1
services:
  web: {ops: {page: {work: 5ms, calls: [api.get]}}}
  api: {replicas: 10, ops: {get: {work: 5ms}}}
workload: {users: {rate: 1/s, mix: {web.page: 100%}}}
calls: {web: {api: {retry: {}}}}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range families(t) {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			changes := 0
			lost := make(map[string]bool)
			for _, from := range configurations(t, f, p) {
				var before []written
				for _, target := range export.Targets() {
					before = append(before, write(&target, p.Name, from))
				}
				for _, k := range p.Keys {
					if k.Key == "preset" {
						continue
					}
					for _, v := range valuesOf(k) {
						to, ok := set(f, append(slices.Clone(from.sets), "calls.web.api."+p.Name+"."+k.Key+"="+v)...)
						if !ok || reflect.DeepEqual(from.Policies, to.Policies) || idle(p.Name, k.Key, from.Policies, to.Policies) {
							continue
						}
						changes++
						for i, target := range export.Targets() {
							id := target.Name + " " + k.Key
							if lost[id] || before[i].names(p.Name, k.Key) {
								continue
							}
							if after := write(&target, p.Name, to); after.text == before[i].text && !after.names(p.Name, k.Key) {
								lost[id] = true
								t.Errorf("%s is not told %s", target.Name, strings.Join(to.sets, ", then "))
							}
						}
					}
				}
			}
			if changes < 10 {
				t.Errorf("only %d changes were tried", changes)
			}
		})
	}
}

// decides names the keys that decide whether one has a meaning: a remark on these is one on it. A name that ends with a
// dot stands for the keys of a section.
var decides = map[string][]string{
	"timeout.margin": {"propagate"},

	"retry.spread": {"jitter"}, "retry.width": {"jitter"}, "retry.step": {"growth"}, "retry.factor": {"growth", "jitter"}, "retry.growth": {"jitter"},
	"retry.pushback_max": {"pushback"}, "retry.pushback_slack": {"pushback"}, "retry.clip": {"elapsed"}, "retry.pay_late": {"budget"},
	"retry.budget.": {"budget.kind"},

	"hedge.delay": {"mode"}, "hedge.delays": {"mode"}, "hedge.quantile": {"mode"}, "hedge.step": {"mode"}, "hedge.steps": {"mode"},
	"hedge.settled": {"mode"}, "hedge.last": {"mode"}, "hedge.factor": {"mode"}, "hedge.plus": {"mode"}, "hedge.learn_from": {"mode"},
	"hedge.refresh": {"mode"}, "hedge.min_calls": {"mode"}, "hedge.min": {"mode"}, "hedge.max": {"mode"}, "hedge.budget.": {"budget.kind"},

	"breaker.slow": {"slow_rate"}, "breaker.gap": {"consecutive"}, "breaker.row_in_window": {"consecutive"}, "breaker.trial_closes": {"trial"},
	"breaker.successes": {"verdict"}, "breaker.min_calls": {"rate"},

	"limit.slack": {"algorithm"}, "limit.warm_up": {"algorithm"}, "limit.cold": {"algorithm"}, "limit.count_rejected": {"algorithm"},

	"bulkhead.max": {"kind"}, "bulkhead.wait": {"kind"}, "bulkhead.waiting": {"kind"}, "bulkhead.order": {"kind"}, "bulkhead.keep_alive": {"kind"},
	"bulkhead.connections": {"kind"}, "bulkhead.streams": {"kind"}, "bulkhead.retries": {"kind"},

	"balance.ewma.": {"load"}, "balance.reports.": {"pick", "reports.update"}, "balance.ring.": {"pick"}, "balance.table": {"pick"},
	"balance.bound": {"pick"}, "balance.slow_start.": {"pick", "slow_start.window"}, "balance.zones.": {"zones.mode"},

	"outlier.consecutive.": {"consecutive.failures"}, "outlier.consecutive_gateway.": {"consecutive_gateway.failures"},
	"outlier.consecutive_local.": {"split"}, "outlier.success_rate.": {"success_rate.factor"}, "outlier.failure_share.": {"failure_share.threshold"},
}

// idle reports whether a change of a key means nothing, in the scenario as in any target.
func idle(family, key string, p, q *scenario.Policies) bool {
	name := family + "." + key
	switch {
	case name == "breaker.verdict": // where all probes have to succeed, so that one failure is enough
		return all(p.Breaker)
	case name == "breaker.successes": // all may be written as their number
		return all(p.Breaker) && all(q.Breaker)
	case name == "breaker.whole_percent": // a share is no less than 50% if the whole percents of it are not
		return p.Breaker.Rate == math.Round(p.Breaker.Rate*100)/100
	case name == "breaker.min_calls" && p.Breaker.Last > 0: // all that count
		return p.Breaker.MinCalls >= p.Breaker.Last && q.Breaker.MinCalls >= p.Breaker.Last
	case name == "breaker.window":
		return p.Breaker.Last > 0 || !windowed(p.Breaker)
	case name == "balance.pick": // round robin, where weights are alike
		inTurn := []balance.Pick{balance.RoundRobin, balance.SmoothWeighted}
		return slices.Contains(inTurn, p.Balance.Pick) && slices.Contains(inTurn, q.Balance.Pick)
	case strings.HasPrefix(name, "balance.slow_start.") && key != "slow_start.window":
		return p.Balance.SlowStart.Window == 0
	case strings.HasPrefix(name, "balance.reports.") && key != "reports.update":
		return p.Balance.Reports.Update == 0
	case name == "balance.zones.min_targets", name == "balance.zones.share":
		return p.Balance.Zones.Mode != balance.Aware
	case name == "balance.zones.overprovision":
		return p.Balance.Zones.Mode != balance.Prefer
	case strings.HasPrefix(name, "outlier.success_rate.") && key != "success_rate.factor":
		return p.Outlier.Rate.Factor == 0
	case strings.HasPrefix(name, "outlier.failure_share.") && key != "failure_share.threshold":
		return p.Outlier.Share.Threshold == 0
	case strings.HasPrefix(name, "outlier.") && !strings.HasPrefix(name, "outlier.accrual"):
		return p.Outlier.Accrual != nil
	}
	return false
}

// all reports whether all probes have to succeed.
func all(b *scenario.Breaker) bool { return b.Successes == 0 || b.Successes == b.Probes }

// windowed reports whether a breaker looks back over a time.
func windowed(b *scenario.Breaker) bool {
	return b.Count > 0 || b.Rate > 0 || b.SlowRate > 0 || b.RowInWindow || b.AtStart
}

// A written configuration is what a target makes of one.
type written struct {
	text    string
	remarks []export.Remark
}

// write writes a family, and with what is about all tries of a call, that it is retried.
func write(target *export.Target, family string, c tried) written {
	families := []string{family}
	if family == "timeout" || family == "balance" {
		families = append(families, "retry")
	}
	text, remarks, _ := target.Write("web", "api", c.Policies, families...)
	return written{text, remarks}
}

// names reports whether a remark is on a key: on it, on what it is in, on what is in it, or on what decides whether it
// has a meaning.
func (w written) names(family, key string) bool {
	section, _, _ := strings.Cut(key, ".")
	keys := append([]string{key}, decides[family+"."+key]...)
	keys = append(keys, decides[family+"."+section+"."]...)
	for _, key := range keys {
		at := "calls.web.api." + family + "." + key
		if slices.ContainsFunc(w.remarks, func(r export.Remark) bool {
			return r.Path == at || strings.HasPrefix(at, r.Path+".") || strings.HasPrefix(r.Path, at+".")
		}) {
			return true
		}
	}
	return false
}
