package fault

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
	"pgregory.net/rapid"
)

const year = 365 * 24 * time.Hour

func replicas(service string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = service + "/" + strconv.Itoa(i)
	}
	return names
}

func seconds(x float64) dist.Distribution { return dist.Must(dist.NewConstant(x)) }

func TestCauseSaysWhatIsWrong(t *testing.T) {
	good := Cause{Name: "c", Kind: Crash, Victims: []string{"v"}, Every: time.Hour}
	tests := []struct {
		about string
		spoil func(*Cause)
		want  string
	}{
		{"as it is", func(c *Cause) {}, ""},
		{"no name", func(c *Cause) { c.Name = "" }, `fault "": name: is missing`},
		{"no victims yet", func(c *Cause) { c.Victims = nil }, ""},
		{"a victim twice", func(c *Cause) { c.Victims = []string{"v", "w", "v"} }, `fault "c": victims: has v twice`},
		{"never", func(c *Cause) { c.Every = 0 }, `fault "c": every, rate, at: 0 of them are set, need exactly one`},
		{"two ways", func(c *Cause) { c.At = []sim.Time{1} }, `fault "c": every, rate, at: 2 of them are set, need exactly one`},
		{"a negative mean", func(c *Cause) { c.Every = -time.Hour }, `fault "c": every: is -1h0m0s, need more than 0`},
		{"nothing seen in two years", func(c *Cause) { c.Every, c.Rate = 0, Rate{0, 2 * year} }, ""},
		{"seen in no time", func(c *Cause) { c.Every, c.Rate = 0, Rate{3, 0} }, `fault "c": rate: is 3 in 0s, need 0 or more events in more than 0 time`},
		{"before the run", func(c *Cause) { c.Every, c.At = 0, []sim.Time{-1} }, `fault "c": at: is -1ns, need an instant of the run`},
		{"up-time of instants", func(c *Cause) { c.Every, c.At, c.UpTime = 0, []sim.Time{1}, true }, `fault "c": up_time: means nothing to fixed instants`},
		{"a flush that lasts", func(c *Cause) { c.Kind, c.Lasts = CacheFlush, seconds(1) }, `fault "c": lasts: means nothing to cache_flush, which takes an instant`},
		{"parameters", func(c *Cause) { c.Factor = 2 }, `fault "c": factor: means nothing to crash, which takes loses`},
	}
	for _, tt := range tests {
		c := good
		tt.spoil(&c)
		got := ""
		if err := c.Validate(); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.about, got, tt.want)
		}
	}
}

func TestCauseAsJSON(t *testing.T) {
	c := Cause{Name: "zone_loss", Kind: Outage, Victims: []string{"zones.a", "zones.b"}, Rate: Rate{1, 3 * year}, Lasts: seconds(1500)}
	got, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"zone_loss","kind":"outage","victims":["zones.a","zones.b"],"events":1,"in":"26280h0m0s","lasts":` +
		strconv.Quote(c.Lasts.String()) + `}`
	if string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestHowOftenAYear(t *testing.T) {
	tests := []struct {
		cause Cause
		want  float64
	}{
		{Cause{Every: 30 * 24 * time.Hour, Victims: replicas("orders", 3)}, 36.5},
		{Cause{Rate: Rate{3, 2 * year}, Victims: []string{"payment"}}, 1.5},
		{Cause{Rate: Rate{0, 2 * year}, Victims: []string{"payment"}}, 0},
		{Cause{At: []sim.Time{5}, Victims: []string{"payment"}}, 0},
		{Cause{Every: time.Hour}, 0}, // no victims
	}
	for _, tt := range tests {
		if got := tt.cause.Expected(year); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%+v: %v a year, want %v", tt.cause, got, tt.want)
		}
	}
}

func TestFixedInstants(t *testing.T) {
	c := Cause{Name: "sale", Kind: Surge, Victims: []string{"a", "b"}, At: []sim.Time{20, 10, 99}, Lasts: seconds(60), Params: Params{Factor: 5}}
	var got []string
	for _, e := range Draw(1, []Cause{c}, 99).Entries {
		got = append(got, e.Victim+" "+strconv.Itoa(e.Occurrence)+" "+e.At.String()+" "+e.Lasts.String())
	}
	want := []string{"a 1 10ns 1m0s", "b 1 10ns 1m0s", "a 2 20ns 1m0s", "b 2 20ns 1m0s"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// anyCauses draws causes with different names.
func anyCauses(t *rapid.T) []Cause {
	return rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) Cause {
		c := Cause{
			Name:    rapid.StringMatching(`[a-e]{1,2}`).Draw(t, "name"),
			Kind:    rapid.SampledFrom([]Kind{Crash, Pause, Outage, LostDisk, CacheFlush}).Draw(t, "kind"),
			Victims: replicas(rapid.SampledFrom([]string{"x", "y"}).Draw(t, "service"), rapid.IntRange(0, 4).Draw(t, "victims")),
		}
		if rapid.Bool().Draw(t, "known") {
			c.Every = time.Duration(rapid.IntRange(10, 100).Draw(t, "every")) * time.Second
		} else {
			c.Rate = Rate{rapid.IntRange(0, 5).Draw(t, "events"), time.Minute}
		}
		c.UpTime = rapid.Bool().Draw(t, "up time")
		if c.Kind != CacheFlush && rapid.Bool().Draw(t, "ends") {
			c.Lasts = dist.Must(dist.NewExponential(5))
		}
		return c
	}), 1, 4, func(c Cause) string { return c.Name }).Draw(t, "causes")
}

func TestDrawsOfOthersStay(t *testing.T) {
	const horizon = sim.Time(2 * time.Minute)
	rapid.Check(t, func(t *rapid.T) {
		seed := sim.Seed(rapid.Uint64().Draw(t, "seed"))
		causes := anyCauses(t)
		full := Draw(seed, causes, horizon)
		if err := full.Validate(); err != nil {
			t.Fatalf("drawn and not valid: %v", err)
		}

		i := rapid.IntRange(0, len(causes)-1).Draw(t, "change")
		c := &causes[i]
		gone := func(e Entry) bool { return e.Cause == c.Name }
		switch how := rapid.SampledFrom([]string{"drop cause", "drop victims", "shorter"}).Draw(t, "how"); how {
		case "drop cause":
			causes = slices.Delete(slices.Clone(causes), i, i+1)
		case "drop victims":
			keep := rapid.IntRange(0, len(c.Victims)).Draw(t, "keep")
			lost := c.Victims[keep:]
			gone = func(e Entry) bool { return e.Cause == c.Name && slices.Contains(lost, e.Victim) }
			c.Victims = c.Victims[:keep]
		case "shorter":
			if c.Kind == CacheFlush {
				t.Skip("takes an instant")
			}
			c.Lasts = seconds(1)
			part := Draw(seed, causes, horizon)
			for j, e := range full.Entries {
				if gone(e) {
					e.Lasts = time.Second
				}
				if diff := cmp.Diff(e, part.Entries[j]); diff != "" {
					t.Fatalf("%s lasts shorter, entry %d (-before +after):\n%s", c.Name, j, diff)
				}
			}
			return
		}
		part := Draw(seed, causes, horizon)
		want := slices.DeleteFunc(slices.Clone(full.Entries), gone)
		if !slices.EqualFunc(want, part.Entries, func(a, b Entry) bool { return cmp.Equal(a, b) }) {
			t.Fatalf("(-want +got):\n%s", cmp.Diff(want, part.Entries))
		}
	})
}

// A longer look at the same seed begins with the shorter one.
func TestHorizonOnlyCuts(t *testing.T) {
	c := Cause{Name: "c", Kind: Crash, Victims: replicas("x", 3), Every: time.Minute, Lasts: dist.Must(dist.NewExponential(5))}
	long := Draw(7, []Cause{c}, sim.Time(time.Hour))
	short := Draw(7, []Cause{c}, sim.Time(20*time.Minute))
	if len(short.Entries) < 20 {
		t.Fatalf("%d entries in 20 minutes of three victims", len(short.Entries))
	}
	if diff := cmp.Diff(short.Entries, long.Entries[:len(short.Entries)]); diff != "" {
		t.Errorf("(-short +long):\n%s", diff)
	}
}

// Occurrences on one victim are a Poisson process: mean and variance of their number are equal.
func TestOccurrencesAreExponential(t *testing.T) {
	const victims, perVictim = 4000, 9.0
	c := Cause{Name: "c", Kind: Crash, Victims: replicas("x", victims), Every: time.Minute, Lasts: dist.Must(dist.NewExponential(30))}
	p := Draw(11, []Cause{c}, sim.Time(perVictim*float64(time.Minute)))
	number := make(map[string]float64)
	var lasts float64
	for _, e := range p.Entries {
		number[e.Victim]++
		lasts += e.Lasts.Seconds()
	}
	var sum, squares float64
	for _, v := range c.Victims {
		sum += number[v]
		squares += (number[v] - perVictim) * (number[v] - perVictim)
	}
	mean, variance := sum/victims, squares/victims
	if se := math.Sqrt(perVictim / victims); math.Abs(mean-perVictim) > 4*se {
		t.Errorf("%.3f occurrences on a victim, want %v ± %.3f", mean, perVictim, 4*se)
	}
	// The fourth central moment of a Poisson number with mean m is m + 3m².
	if se := math.Sqrt((perVictim + 2*perVictim*perVictim) / victims); math.Abs(variance-perVictim) > 4*se {
		t.Errorf("variance %.3f, want %v ± %.3f", variance, perVictim, 4*se)
	}
	if mean, se := lasts/sum, 30/math.Sqrt(sum); math.Abs(mean-30) > 4*se {
		t.Errorf("they last %.2f s on average, want 30 ± %.2f", mean, 4*se)
	}
}

func TestLikelyRates(t *testing.T) {
	causes := []Cause{
		{Name: "known", Kind: Crash, Victims: []string{"v"}, Every: time.Hour},
		{Name: "seen", Kind: Crash, Victims: []string{"v"}, Rate: Rate{3, 2 * year}},
		{Name: "unseen", Kind: Crash, Victims: []string{"v"}, Rate: Rate{0, 2 * year}},
	}
	const n = 20_000
	var seen, unseen, squares float64
	for seed := range sim.Seed(n) {
		likely := Likely(seed, causes)
		if diff := cmp.Diff(causes[0], likely[0]); diff != "" {
			t.Fatalf("a known rate changed:\n%s", diff)
		}
		if alone := Likely(seed, causes[2:]); alone[0].Every != likely[2].Every {
			t.Fatalf("seed %d: another cause changed the draw", seed)
		}
		for _, c := range likely {
			if err := c.Validate(); err != nil {
				t.Fatal(err)
			}
		}
		x := likely[1].PerVictim(year)
		seen, squares, unseen = seen+x, squares+x*x, unseen+likely[2].PerVictim(year)
	}
	// Gamma with shape k+1/2 over 2 years has mean (k+1/2)/2 and variance (k+1/2)/4.
	check := func(what string, got, want, se float64) {
		t.Helper()
		if math.Abs(got-want) > 4*se || se > 0.03*want {
			t.Errorf("%s: %.4f, want %.4f ± %.4f", what, got, want, 4*se)
		}
	}
	check("seen three times, a year", seen/n, 3.5/2, math.Sqrt(3.5/4/n))
	check("never seen, a year", unseen/n, 0.5/2, math.Sqrt(0.5/4/n))
	mean := seen / n
	check("its variance", squares/n-mean*mean, 3.5/4, 3.5/4*math.Sqrt((2+6/3.5)/n))
	if causes[1].Rate.Events != 3 {
		t.Error("Likely changed its argument")
	}
}

func TestIncident(t *testing.T) {
	c := Cause{Name: "zone_loss", Kind: Outage, Victims: []string{"zones.a", "zones.b", "zones.c"}, Rate: Rate{1, 3 * year},
		Lasts: dist.Must(dist.NewExponential(600))}
	struck := make(map[string]int)
	const n = 3000
	for seed := range sim.Seed(n) {
		p := Incident(seed, c, sim.Time(time.Minute), 0.5)
		if err := p.Validate(); err != nil || len(p.Entries) != 1 {
			t.Fatal(err, p)
		}
		e := p.Entries[0]
		if want := dist.Seconds(600 * math.Ln2); e.Lasts.Round(time.Microsecond) != want.Round(time.Microsecond) || e.At != sim.Time(time.Minute) {
			t.Fatalf("%+v, want the median %v", e, want)
		}
		struck[e.Victim]++

		// A variant without zone c meets the incident in the same zone, if it has that zone.
		fewer := c
		fewer.Victims = []string{"zones.b", "zones.a"}
		if got := Incident(seed, fewer, 0, 0.5).Entries[0].Victim; e.Victim != "zones.c" && got != e.Victim {
			t.Fatalf("seed %d: %s with three zones, %s with two", seed, e.Victim, got)
		}
	}
	for zone, times := range struck {
		if se := math.Sqrt(n * 1. / 3 * 2 / 3); math.Abs(float64(times)-n/3) > 4*se {
			t.Errorf("%s is struck %d times of %d, want a third ± %.0f", zone, times, n, 4*se)
		}
	}
	if short, long := Incident(1, c, 0, 0.01), Incident(1, c, 0, 0.99); short.Entries[0].Lasts >= long.Entries[0].Lasts {
		t.Error("a higher quantile does not last longer")
	}
	c.Victims = nil
	if p := Incident(1, c, 0, 0.5); len(p.Entries) != 0 {
		t.Errorf("a cause without victims: %v", p)
	}
}

func TestIncidentOfARole(t *testing.T) {
	c := Cause{Name: "lead", Kind: Pause, Victims: []string{"leader:orders_db"}, Every: time.Hour, Lasts: seconds(30)}
	want := Entry{Cause: "lead", Kind: Pause, Role: "leader:orders_db", Occurrence: 1, At: 5, Lasts: 30 * time.Second}
	if diff := cmp.Diff([]Entry{want}, Incident(1, c, 5, 0.5).Entries); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPair(t *testing.T) {
	crash := Cause{Name: "crash", Kind: Crash, Victims: replicas("x", 3), Every: time.Hour}
	zone := Cause{Name: "zone", Kind: Outage, Victims: []string{"zones.a"}, Every: time.Hour, Lasts: dist.Must(dist.NewUniform(0, 100))}
	for seed := range sim.Seed(50) {
		mixed := Pair(seed, crash, zone, 10, 5, 0.5, 0.25)
		want := append(Incident(seed, crash, 10, 0.5).Entries, Incident(seed, zone, 15, 0.25).Entries...)
		if diff := cmp.Diff(want, mixed.Entries); diff != "" {
			t.Fatalf("two causes (-want +got):\n%s", diff)
		}
		two := Pair(seed, crash, crash, 10, 5, 0.5, 0.5)
		if err := two.Validate(); err != nil || two.Entries[0].Victim == two.Entries[1].Victim {
			t.Fatalf("two crashes: %v %v", two, err)
		}
		again := Pair(seed, zone, zone, 10, 0, 0.5, 0.25)
		if err := again.Validate(); err != nil || len(again.Entries) != 2 || again.Entries[1].Lasts != 25*time.Second {
			t.Fatalf("the only zone twice: %v %v", again, err)
		}
	}
	none := crash
	none.Victims = nil
	if p := Pair(1, none, none, 0, 0, 0.5, 0.5); len(p.Entries) != 0 {
		t.Errorf("no victims: %v", p)
	}
}

func TestDrawRefusesBadCode(t *testing.T) {
	good := Cause{Name: "c", Kind: Crash, Victims: []string{"v"}, Every: time.Hour}
	for about, call := range map[string]func(){
		"invalid cause":  func() { Draw(1, []Cause{{Name: "c"}}, 1) },
		"quantile 0":     func() { Incident(1, good, 0, 0) },
		"quantile 1":     func() { Incident(1, good, 0, 1) },
		"not a quantile": func() { Incident(1, good, 0, math.NaN()) },
		"negative gap":   func() { Pair(1, good, good, 0, -1, 0.5, 0.5) },
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.HasPrefix(r.(string), "fault: ") {
					t.Errorf("%s: recovered %v", about, r)
				}
			}()
			call()
		}()
	}
}
