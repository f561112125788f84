package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// A Cause is something that goes wrong again and again.
//
// Exactly one of Every, Rate and At says how often. Every and Rate are per victim: three replicas
// that each crash every 30 days crash three times in 30 days. The time between two occurrences
// on one victim is exponential, so that they are independent of each other and of what came
// before; that is what "every 30 days" means for a failure.
type Cause struct {
	Name    string
	Kind    Kind
	Victims []string // names that the model knows, or roles such as "leader:orders_db"

	Every time.Duration // the mean time between occurrences, known
	Rate  Rate          // what was seen so far, so that the mean is uncertain
	At    []sim.Time    // these instants and no others, on every victim

	// UpTime counts the time between occurrences only while the cause has no effect on its
	// victim: a machine that is broken cannot break. Without it, occurrences come at instants
	// that no repair moves, so that designs with quick and with slow repairs meet the same ones.
	UpTime bool

	// Lasts is how long the cause goes on, in seconds. Nil means until it is fixed; for a kind that
	// takes an instant (crash, lost_disk) it means that healing or people end its effect.
	Lasts dist.Distribution

	Params
}

// A Rate is what somebody has seen: so many events in so long. Three events in two years do not
// make a rate of 1.5 a year; they make rates around it likely.
type Rate struct {
	Events int
	In     time.Duration
}

// Mean returns the mean time between a cause's occurrences on one victim. It is [sim.Never]
// as a duration if nothing has ever been seen, or if the cause has fixed instants.
func (c Cause) Mean() time.Duration {
	switch {
	case c.Every > 0:
		return c.Every
	case c.Rate.Events > 0:
		return c.Rate.In / time.Duration(c.Rate.Events)
	}
	return time.Duration(sim.Never)
}

// PerVictim returns how many occurrences a victim meets on average in a length of time, such as
// a year of 365 days. A cause with fixed instants has no rate: it returns 0.
func (c Cause) PerVictim(span time.Duration) float64 {
	switch {
	case c.Every > 0:
		return float64(span) / float64(c.Every)
	case c.Rate.Events > 0:
		return float64(c.Rate.Events) * (float64(span) / float64(c.Rate.In))
	}
	return 0
}

// Expected returns how many occurrences all victims meet together in a length of time.
func (c Cause) Expected(span time.Duration) float64 {
	return float64(len(c.Victims)) * c.PerVictim(span)
}

// Validate reports every field that is missing or out of range.
func (c Cause) Validate() error {
	var errs []error
	say := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("fault %q: "+format, append([]any{c.Name}, args...)...))
	}
	if c.Name == "" {
		say("name: is missing")
	}
	if err := c.Params.Validate(c.Kind); err != nil {
		errs = append(errs, fmt.Errorf("fault %q: %w", c.Name, err))
	}
	for i, v := range c.Victims {
		if v == "" {
			say("victims: has an empty name")
		}
		if slices.Contains(c.Victims[:i], v) {
			say("victims: has %s twice", v)
		}
	}
	ways := 0
	for _, set := range []bool{c.Every != 0, c.Rate != Rate{}, len(c.At) > 0} {
		if set {
			ways++
		}
	}
	if ways != 1 {
		say("every, rate, at: %d of them are set, need exactly one", ways)
	}
	if c.Every < 0 {
		say("every: is %v, need more than 0", c.Every)
	}
	if c.Rate.Events < 0 || c.Rate.In < 0 || c.Rate.In == 0 && c.Rate.Events != 0 {
		say("rate: is %d in %v, need 0 or more events in more than 0 time", c.Rate.Events, c.Rate.In)
	}
	for _, at := range c.At {
		if at < 0 || at == sim.Never {
			say("at: is %v, need an instant of the run", at)
		}
	}
	if c.UpTime && len(c.At) > 0 {
		say("up_time: means nothing to fixed instants")
	}
	if t, ok := c.Kind.trait(); ok && t.course == momentary && c.Lasts != nil {
		say("lasts: means nothing to %s, which takes an instant", c.Kind)
	}
	return errors.Join(errs...)
}

// MarshalJSON writes the cause as a scenario's hash and a report need it; Lasts is written in the
// words of its String method.
func (c Cause) MarshalJSON() ([]byte, error) {
	fields := []field{{"name", &c.Name}, {"kind", &c.Kind}, {"victims", &c.Victims}, {"every", &c.Every},
		{"events", &c.Rate.Events}, {"in", &c.Rate.In}, {"up_time", &c.UpTime}}
	if len(c.At) > 0 {
		at := make([]string, len(c.At))
		for i, t := range c.At {
			at[i] = time.Duration(t).String()
		}
		fields = append(fields, field{"at", &at})
	}
	lasts := "until fixed"
	if c.Lasts != nil {
		lasts = c.Lasts.String()
	}
	return encodeFields(append(append(fields, field{"lasts", &lasts}), c.Params.fields()...))
}

// Likely returns the causes with every uncertain rate replaced by one that is likely after
// what was seen: a draw from the gamma distribution with shape Events+1/2 and rate In, the
// posterior of a Poisson rate under Jeffreys' prior. A study draws anew for each replicate, so
// that its intervals hold what is not known about the rates. Draws are keyed by cause.
func Likely(seed sim.Seed, causes []Cause) []Cause {
	likely := slices.Clone(causes)
	for i, c := range likely {
		if c.Rate == (Rate{}) {
			continue
		}
		draws := seed.Stream("fault/rate\x00" + c.Name)
		shape := float64(c.Rate.Events) + 0.5
		events := dist.Must(dist.NewGamma(shape, 1)).Sample(&draws) // in the time c.Rate.In
		likely[i].Rate = Rate{}
		likely[i].Every = max(dist.Seconds(c.Rate.In.Seconds()/max(events, 1e-300)), 1)
	}
	return likely
}

func encodeFields(fields []field) ([]byte, error) {
	b := []byte("{")
	for _, f := range fields {
		if f.isZero() {
			continue
		}
		value, err := f.encode()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		name, _ := json.Marshal(f.name)
		b = append(append(append(b, name...), ':'), value...)
	}
	return append(b, '}'), nil
}
