package fault

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
)

// A Kind says what goes wrong. Scenarios, plans, notes and charts use the same word for it.
type Kind string

const (
	Crash      Kind = "crash"       // the victim stops and loses its memory, or its disk too
	Pause      Kind = "pause"       // the victim stands still, keeps its state, and its inbox fills
	Slow       Kind = "slow"        // work takes Factor times as long, and a share of it may fail
	Errors     Kind = "errors"      // a share of the calls is answered with an error
	Outage     Kind = "outage"      // a zone, a machine or a dependency is gone while it lasts
	Partition  Kind = "partition"   // messages between two sides are not delivered
	Loss       Kind = "loss"        // a share of the messages is lost
	Delay      Kind = "delay"       // every message takes so much longer
	Clock      Kind = "clock"       // the victim's clock is off, and runs fast or slow
	Surge      Kind = "surge"       // a workload offers Factor times its load
	CacheFlush Kind = "cache_flush" // a cache forgets everything
	Deploy     Kind = "deploy"      // a new version fails more often or is slower, until rolled back
	LostDisk   Kind = "lost_disk"   // the victim stops and what it had stored is gone
)

// A course says how the end of a cause and the end of its effect hang together.
type course int

const (
	lasting   course = iota // the cause lasts, and its effect ends with it
	leaving                 // the cause takes an instant; its effect stays until it is fixed
	momentary               // cause and effect take an instant; nothing is held
)

// A trait is what the package knows about a kind.
type trait struct {
	kind   Kind
	course course
	down   bool     // its victim answers nothing
	takes  []string // names of the parameters that mean something
}

var traits = []trait{
	{Crash, leaving, true, []string{"loses"}},
	{Pause, lasting, true, nil},
	{Slow, lasting, false, []string{"factor", "errors"}},
	{Errors, lasting, false, []string{"errors"}},
	{Outage, lasting, true, nil},
	{Partition, lasting, false, []string{"with", "one_way"}},
	{Loss, lasting, false, []string{"loss", "with", "one_way"}},
	{Delay, lasting, false, []string{"delay", "with", "one_way"}},
	{Clock, lasting, false, []string{"offset", "drift_ppb"}},
	{Surge, lasting, false, []string{"factor"}},
	{CacheFlush, momentary, false, nil},
	{Deploy, lasting, false, []string{"factor", "errors"}},
	{LostDisk, leaving, true, nil},
}

// trait returns what is known about k, or false for a word that is no kind.
func (k Kind) trait() (trait, bool) {
	i := slices.IndexFunc(traits, func(t trait) bool { return t.kind == k })
	if i < 0 {
		return trait{}, false
	}
	return traits[i], true
}

// Kinds returns every kind, in the order in which they are documented.
func Kinds() []Kind {
	kinds := make([]Kind, len(traits))
	for i, t := range traits {
		kinds[i] = t.kind
	}
	return kinds
}

// Takes returns the names of the parameters that mean something to k, as JSON spells them.
func (k Kind) Takes() []string {
	t, _ := k.trait()
	return slices.Clone(t.takes)
}

// Params are the strengths of a fault. Zero means none, so that a sweep can begin there; only a
// factor has no zero, because "unchanged" is 1.
type Params struct {
	Factor   float64       // slow, surge, deploy: work takes, or load becomes, so many times as much
	Errors   float64       // slow, errors, deploy: the share of calls that fail, 0 to 1
	Loses    string        // crash: "memory" (also if empty) or "disk"
	Loss     float64       // loss: the share of messages that are lost, 0 to 1
	Delay    time.Duration // delay: what is added to each message's latency
	With     []string      // partition, loss, delay: the other side; empty: everybody else
	OneWay   bool          // partition, loss, delay: only messages from the victim to the other side
	Offset   time.Duration // clock: what is added to it at the start
	DriftPPB int64         // clock: its rate in parts per billion: +1000 gains 1 µs a second
}

// LosesMemory and LosesDisk are what a crash may cost.
const (
	LosesMemory = "memory"
	LosesDisk   = "disk"
)

// A field is a named place in a struct: what JSON and errors call it, and where it is.
type field struct {
	name string
	at   any // a pointer
}

func (f field) isZero() bool { return reflect.ValueOf(f.at).Elem().IsZero() }

func (p *Params) fields() []field {
	return []field{
		{"factor", &p.Factor}, {"errors", &p.Errors}, {"loses", &p.Loses}, {"loss", &p.Loss},
		{"delay", &p.Delay}, {"with", &p.With}, {"one_way", &p.OneWay},
		{"offset", &p.Offset}, {"drift_ppb", &p.DriftPPB},
	}
}

// Validate reports everything about p that kind k does not take or that is out of range.
func (p Params) Validate(k Kind) error {
	t, ok := k.trait()
	if !ok {
		return fmt.Errorf("kind: %q is unknown, need one of %s", string(k), join(Kinds()))
	}
	var errs []error
	for _, f := range p.fields() {
		if !f.isZero() && !slices.Contains(t.takes, f.name) {
			errs = append(errs, fmt.Errorf("%s: means nothing to %s, which takes %s", f.name, k, orNothing(t.takes)))
		}
	}
	if (k == Slow || k == Surge || p.Factor != 0) && !(p.Factor > 0 && p.Factor <= math.MaxFloat64) {
		errs = append(errs, fmt.Errorf("factor: is %v, need more than 0", p.Factor))
	}
	if !isShare(p.Errors) {
		errs = append(errs, fmt.Errorf("errors: is %v, need 0 to 1", p.Errors))
	}
	if !isShare(p.Loss) {
		errs = append(errs, fmt.Errorf("loss: is %v, need 0 to 1", p.Loss))
	}
	if p.Loses != "" && p.Loses != LosesMemory && p.Loses != LosesDisk {
		errs = append(errs, fmt.Errorf("loses: is %q, need memory or disk", p.Loses))
	}
	if p.Delay < 0 {
		errs = append(errs, fmt.Errorf("delay: is %v, need 0 or more", p.Delay))
	}
	if slices.Contains(p.With, "") {
		errs = append(errs, errors.New("with: has an empty name"))
	}
	if p.DriftPPB <= -1e9 {
		errs = append(errs, fmt.Errorf("drift_ppb: is %d, need more than -1000000000 (a clock that stands still)", p.DriftPPB))
	}
	return errors.Join(errs...)
}

// String lists what is set, for notes: "20x, 10% errors". It is empty if nothing is.
func (p Params) String() string {
	var parts []string
	say := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if p.Factor != 0 {
		say("%vx", p.Factor)
	}
	if p.Errors != 0 {
		say("%.4g%% errors", 100*p.Errors)
	}
	if p.Loses != "" {
		say("loses %s", p.Loses)
	}
	if p.Loss != 0 {
		say("%.4g%% lost", 100*p.Loss)
	}
	if p.Delay != 0 {
		say("+%v", p.Delay)
	}
	switch {
	case p.OneWay && len(p.With) > 0:
		say("to %s", strings.Join(p.With, ", "))
	case p.OneWay:
		say("outgoing only")
	case len(p.With) > 0:
		say("with %s", strings.Join(p.With, ", "))
	}
	if p.Offset != 0 {
		say("off by %v", p.Offset)
	}
	if p.DriftPPB != 0 {
		say("drifts %d ppb", p.DriftPPB)
	}
	return strings.Join(parts, ", ")
}

func isShare(x float64) bool { return x >= 0 && x <= 1 }

func orNothing(names []string) string {
	if len(names) == 0 {
		return "no parameters"
	}
	return strings.Join(names, ", ")
}

func join(kinds []Kind) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return strings.Join(words, ", ")
}
