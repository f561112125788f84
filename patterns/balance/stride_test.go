package balance

import (
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// Weights of 1, 2 and 4 become 16384, 32768 and 65535. Place i is chosen in round r if
// (w·r + 32767·i) mod 65535 ≥ 65535 - w:
//
//	     a: 16384·r ≥ 49151   b: 32768·r + 32767 ≥ 32767   c
//	r=0      0                   32767 yes                 yes
//	r=1  16384                       0                     yes
//	r=2  32768                   32768 yes                 yes
//	r=3  49152 yes                   1                     yes
//	r=4      1                   32769 yes                 yes
func TestStaticStride(t *testing.T) {
	b := weights(Config{Pick: StaticStride}, 1, 2, 4)
	b.sameInUse()
	b.stride.inUse = b.members
	b.weigh(0)
	if w := b.stride.weights; len(w) != 3 || w[0] != 16384 || w[1] != 32768 || w[2] != 65535 {
		t.Fatalf("weights %v", w)
	}
	b.stride.looked = 0 // the next place is 1, in round 0
	var got strings.Builder
	for range 9 {
		got.WriteString(b.members[b.stride.next()].name)
	}
	if want := "bc" + "c" + "bc" + "ac" + "bc"; got.String() != want {
		t.Errorf("%s, want %s", &got, want)
	}
}

// Of 65,535 rounds each is chosen in as many as its weight says.
func TestStaticStrideIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ws := rapid.SliceOfN(rapid.Uint16(), 1, 4).Draw(t, "weights")
		ws[rapid.IntRange(0, len(ws)-1).Draw(t, "the greatest")] = 65535
		s := stride{inUse: make([]*member, len(ws)), weights: ws}
		s.looked--
		chosen := make([]int, len(ws))
		for {
			i := s.next()
			if s.looked >= 65535*uint32(len(ws)) {
				break
			}
			chosen[i]++
		}
		for i, w := range ws {
			if chosen[i] != int(w) {
				t.Fatalf("weights %v are chosen %v times", ws, chosen)
			}
		}
	})
}

func TestStaticStrideTakesTurns(t *testing.T) {
	for _, c := range []struct {
		name string
		ws   []float64
	}{
		{"equal weights", []float64{3, 3, 3}},
		{"weights that are equal after rounding", []float64{1e6, 1e6 - 1, 1e6}},
	} {
		if got := turns(weights(Config{Pick: StaticStride}, c.ws...), 6); got != "abcabc" && got != "bcabca" && got != "cabcab" {
			t.Errorf("%s: %s", c.name, got)
		}
	}
	if b := weights(Config{Pick: StaticStride}); b.pick(0, &patterns.Request{ID: 1}) != nil {
		t.Error("nobody is there, and is called")
	}
	begin := map[string]bool{}
	for seed := range uint64(50) {
		b := New(Config{Pick: StaticStride}, sim.Seed(seed+1).Keyed("balance"), []Target{&named{name: "a"}, &named{name: "b"}, &named{name: "c"}})
		begin[turns(b, 1)] = true
	}
	if len(begin) != 3 {
		t.Errorf("all begin with %v", begin)
	}
}

// A weight that rounds to nothing is never chosen in a round, but takes what is left out elsewhere.
func TestStaticStrideGoesOnToTheNext(t *testing.T) {
	b := weights(Config{Pick: StaticStride, AvoidLast: true}, 1e6, 1, 1e6)
	if got := turns(b, 6); got != "acacac" && got != "cacaca" {
		t.Errorf("%s", got)
	}
	for i := range uint64(4) {
		if m := b.pick(0, &patterns.Request{ID: i + 1, Avoid: "a"}); m.name == "a" {
			t.Error("goes to whom it is to avoid")
		}
	}
	b = weights(Config{Pick: StaticStride, AvoidLast: true}, 1e6, 1, 1)
	b.pick(0, &patterns.Request{ID: 1})
	b.stride.looked = 2
	if m := b.pick(0, &patterns.Request{ID: 9, Avoid: "a"}); m.name != "b" {
		t.Errorf("%s is next to a", m.name)
	}
	b = weights(Config{Pick: StaticStride, AvoidLast: true}, 4, 4, 1)
	shares := map[string]int{}
	for i := range uint64(5000) {
		shares[b.pick(0, &patterns.Request{ID: i + 1, Avoid: "b"}).name]++
	}
	if a := shares["a"]; a < 3998 || a > 4002 || a+shares["c"] != 5000 {
		t.Errorf("of the calls that leave b out, %v; need four of five to a", shares)
	}
}

// Someone who is sick has no turn; who is healthy again has one, and has reported nothing.
func TestStaticStrideNoticesHealth(t *testing.T) {
	cfg := Config{Pick: StaticStride, SkipUnhealthy: true}
	b := weights(cfg, 1, 1, 2)
	sick := &named{name: "c", sick: true}
	b.members[2].Target = sick
	if got := turns(b, 4); got != "abab" && got != "baba" {
		t.Errorf("without c: %s", got)
	}
	sick.sick = false
	if got := turns(b, 8); strings.Count(got, "c") != 4 {
		t.Errorf("c has half of the weight: %s", got)
	}
	sick.sick = true
	if got := turns(b, 4); got != "abab" && got != "baba" {
		t.Errorf("without c again: %s", got)
	}
	cfg.Panic = 1
	b = weights(cfg, 1, 1, 2)
	b.members[2].Target = sick
	sick.sick = true
	if got := turns(b, 8); strings.Count(got, "c") != 4 {
		t.Errorf("in a panic, c has half of the weight: %s", got)
	}
}

// A reporter reports what it is told to.
type reporter struct {
	named
	report Report
}

func (r *reporter) LastReport() Report { return r.report }

// reports returns a balancer over reporters a, b, c, ...
func reports(cfg Reports, n int) (*Balancer, []*reporter) {
	var list []*reporter
	var targets []Target
	for i := range n {
		list = append(list, &reporter{named: named{name: string(rune('a' + i))}})
		targets = append(targets, veil{list[i]})
	}
	return New(Config{Pick: StaticStride, Reports: cfg, SkipUnhealthy: true, AvoidLast: true}, sim.Seed(1).Keyed("balance"), targets), list
}

// hear lets every reporter report at an instant.
func hear(b *Balancer, at time.Duration, list ...Report) {
	for i, m := range b.members {
		m.Target.(veil).Target.(*reporter).report = list[i]
		m.inFlight++
		b.ended(sim.Time(at), m, 0, answered)
	}
}

// at returns whom so many calls at an instant go to.
func at(b *Balancer, when time.Duration, n int) (shares [3]int) {
	for i := range n {
		shares[b.pick(sim.Time(when), &patterns.Request{ID: uint64(i) + 1, Attempt: 1}).name[0]-'a']++
	}
	return shares
}

func TestReports(t *testing.T) {
	const s = time.Second
	cfg := Reports{Update: s, Blackout: 5 * s, Expiration: 20 * s, ErrorPenalty: 2}
	full := []Report{{0.5, 100, 0}, {0.5, 50, 0}, {0.25, 50, 25}} // 200, 100, and 50 / (0.25 + 2·½) = 40
	b, list := reports(cfg, 3)
	want := func(when time.Duration, a, bb, c int) {
		t.Helper()
		if got := at(b, when, a+bb+c); got != [3]int{a, bb, c} {
			t.Errorf("at %v: %v, want %v", when, got, [3]int{a, bb, c})
		}
	}
	want(0, 10, 10, 10) // nothing is known
	hear(b, s/2, full...)
	want(s, 10, 10, 10) // the blackout
	want(5*s+s/2-1, 10, 10, 10)
	want(5*s+s/2, 10, 10, 10) // over, but not time to weigh again
	want(6*s, 100, 50, 20)
	hear(b, 6*s+s/2, Report{0.5, 50, 0}, full[1], full[2])
	want(6*s+s/2, 100, 50, 20)
	want(7*s, 50, 50, 20)
	hear(b, 8*s, Report{}, Report{Rate: 1}, Report{Utilization: 1}) // nothing that says anything
	want(26*s, 50, 50, 20)
	want(26*s+s/2, 50, 50, 20)
	want(27*s, 10, 10, 10) // expired
	hear(b, 30*s, full...)
	want(34*s, 10, 10, 10) // and the blackout begins anew
	want(35*s, 100, 50, 20)

	list[1].sick = true
	want(36*s, 50, 0, 10)
	list[1].sick = false
	want(37*s, 50, 30, 10) // has the mean of 200 and 40
	hear(b, 38*s, full...)
	want(42*s+s-1, 50, 30, 10)
	want(43*s, 100, 50, 20)
}

// One who alone is known says nothing of the others; two say what a third is likely to be.
func TestReportsOfAFew(t *testing.T) {
	cfg := GRPCReports()
	cfg.Blackout = 0
	for _, c := range []struct {
		list []Report
		want [3]int
	}{
		{[]Report{{1, 1, 0}, {}, {}}, [3]int{20, 20, 20}},
		{[]Report{{1, 1, 0}, {1, 3, 0}, {}}, [3]int{10, 30, 20}},
		{[]Report{{1, 3, 0}, {1, 3, 3}, {}}, [3]int{24, 12, 18}},
	} {
		b, _ := reports(cfg, 3)
		hear(b, 0, c.list...)
		if n := c.want[0] + c.want[1] + c.want[2]; at(b, time.Second, n) != c.want {
			t.Errorf("%v: %v, want %v", c.list, at(b, time.Second, n), c.want)
		}
	}
}

// A call that was killed has brought no report, and who gives up a call hears none. A report that ends a
// period counts in the next.
func TestReportsAreHeard(t *testing.T) {
	cfg := Reports{Update: time.Second, Expiration: time.Hour}
	b, list := reports(cfg, 2)
	at(b, 0, 1)
	list[0].report = Report{1, 2, 0}
	b.members[0].inFlight++
	b.ended(0, b.members[0], 0, unwound)
	if b.members[0].reported.any {
		t.Error("a killed call has brought a report")
	}
	hear(b, time.Second, Report{1, 2, 0}, Report{1, 1, 0})
	if got := at(b, time.Second, 30); got != [3]int{15, 15, 0} {
		t.Errorf("as the period ends: %v", got)
	}
	if got := at(b, 2*time.Second, 30); got != [3]int{20, 10, 0} {
		t.Errorf("in the next: %v", got)
	}
}

// The instants at which a blackout ends and a report expires, to the nanosecond.
func TestReportExpires(t *testing.T) {
	cfg := Reports{Update: 1, Blackout: 10, Expiration: 100}
	var r reported
	r.hear(5, Report{Utilization: 0.5, Rate: 1}, &cfg)
	for _, c := range []struct {
		at   sim.Time
		want float64
	}{{14, 0}, {15, 2}, {104, 2}, {105, 0}} {
		if got := r.at(c.at, &cfg); got != c.want {
			t.Errorf("at %d: %v, want %v", c.at, got, c.want)
		}
	}
	r.hear(200, Report{Utilization: 0.5, Rate: 1}, &cfg)
	if r.at(209, &cfg) != 0 || r.at(210, &cfg) != 2 {
		t.Error("the blackout does not begin anew")
	}
}
