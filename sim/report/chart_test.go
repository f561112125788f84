package report

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestGolden compares the charts as SVG, which is text. After a wanted change, look at
// them (see TestLook) and then run with NINES_UPDATE=1.
func TestGolden(t *testing.T) {
	for _, name := range []string{"compare-webshop", "compare-extreme", "sweep-names", "timeline"} {
		var got bytes.Buffer
		if err := Write(&got, "svg", charts()[name]); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name+".svg")
		if os.Getenv("NINES_UPDATE") != "" {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

func TestSameChartSameBytes(t *testing.T) {
	for _, name := range []string{"compare-webshop", "sweep-numbers"} {
		for _, format := range Formats() {
			var first []byte
			for range 3 {
				var b bytes.Buffer
				if err := Write(&b, format, charts()[name]); err != nil {
					t.Fatal(err)
				}
				if first == nil {
					first = b.Bytes()
				}
				if !bytes.Equal(first, b.Bytes()) {
					t.Errorf("%s as %s differs when it is drawn again", name, format)
				}
			}
			if magic := map[string]string{"png": "\x89PNG", "svg": "<svg", "pdf": "%PDF"}[format]; !strings.HasPrefix(string(first), magic) {
				t.Errorf("%s begins with %q", format, first[:4])
			}
		}
	}
}

// box is the space that a text takes, with the ascent and descent of Liberation Sans.
type box struct {
	s                        string
	left, right, top, bottom float64
}

func boxes(p *picture) []box {
	var bs []box
	for _, m := range p.marks {
		if m, ok := m.(text); ok {
			wide := p.measure(m.s, m.size, m.bold)
			left := m.x - wide*float64(m.align)/2
			bs = append(bs, box{m.s, left, left + wide, m.y - 0.74*m.size, m.y + 0.21*m.size})
		}
	}
	return bs
}

// check reports texts that overlap or leave the page, and marks at no place at all.
func check(t interface{ Errorf(string, ...any) }, p *picture) {
	bs := boxes(p)
	for i, a := range bs {
		if a.left < 0 || a.right > p.width || a.top < 0 || a.bottom > p.height {
			t.Errorf("%q leaves the page: %+v of %v × %v", a.s, a, p.width, p.height)
		}
		for _, b := range bs[:i] {
			if a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom {
				t.Errorf("%q and %q overlap: %+v %+v", a.s, b.s, a, b)
			}
		}
	}
	for _, m := range p.marks {
		if s := fmt.Sprint(m); strings.Contains(s, "NaN") || strings.Contains(s, "Inf") {
			t.Errorf("%T at no place: %v", m, s)
		}
	}
}

func TestNothingOverlaps(t *testing.T) {
	all := charts()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) { check(t, all[name].layout()) })
	}
}

var availability = rapid.Custom(func(t *rapid.T) Estimate {
	nines := rapid.Float64Range(0, 7).Draw(t, "nines")
	missing := math.Pow(10, -nines)
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		return Estimate{1, 1 - missing, 1}
	case 1:
		return Estimate{0, 0, 1 - missing}
	}
	wide := rapid.Float64Range(0, 1).Draw(t, "wide")
	return Estimate{1 - missing, max(1-missing*(1+wide), 0), 1 - missing*(1-wide)}
})

var names = rapid.StringMatching(`[a-z][a-z0-9_ .]{0,70}`)

func TestAnyComparisonCanBeRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Comparison{
			Title: names.Draw(t, "title"), Level: 0.95,
			Target: rapid.SampledFrom([]float64{0, 0.5, 0.999, 0.9999999}).Draw(t, "target"),
			Causes: rapid.SliceOfN(names, 1, 16).Draw(t, "causes"),
			Footer: Footer{Command: strings.Join(rapid.SliceOfN(names, 0, 6).Draw(t, "command"), " "), Seeds: "1-40"},
		}
		for range rapid.IntRange(1, 20).Draw(t, "rows") {
			r := Row{Name: names.Draw(t, "name"), Availability: availability.Draw(t, "availability")}
			for range c.Causes {
				m := 0.0
				if r.Availability.Value < 1 {
					m = rapid.SampledFrom([]float64{0, 0.0001, 3, 200, 40000}).Draw(t, "minutes")
				}
				r.BadMinutes = append(r.BadMinutes, m)
			}
			r.Servers = rapid.IntRange(0, 20000).Draw(t, "servers")
			r.Load = rapid.Float64Range(0, 2000).Draw(t, "load")
			c.Rows = append(c.Rows, r)
		}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		check(t, c.layout())
	})
}

func TestAnySweepCanBeRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Sweep{
			Title: names.Draw(t, "title"), Legend: names.Draw(t, "legend"), Level: 0.95,
			X: Axis{Label: names.Draw(t, "x"), Scale: rapid.SampledFrom([]Scale{Linear, Log}).Draw(t, "x scale")},
			Y: Axis{Label: names.Draw(t, "y"), Scale: Nines},
		}
		xs := rapid.SliceOfNDistinct(rapid.Map(rapid.IntRange(1, 1e6), func(i int) float64 { return float64(i) / 10 }), 1, 12, rapid.ID).Draw(t, "xs")
		slices.Sort(xs)
		if rapid.Bool().Draw(t, "names") {
			for i := range xs {
				s.X.Names = append(s.X.Names, names.Draw(t, "value"))
				xs[i] = float64(i)
			}
		}
		for range rapid.IntRange(1, 10).Draw(t, "series") {
			series := Series{Name: names.Draw(t, "name")}
			for _, x := range xs {
				series.Points = append(series.Points, Point{x, availability.Draw(t, "y")})
			}
			s.Series = append(s.Series, series)
		}
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		check(t, s.layout())
	})
}

func TestAnyTimelineCanBeRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		to := time.Duration(rapid.Int64Range(1e6, 1e17).Draw(t, "to"))
		at := rapid.Map(rapid.Float64Range(-0.1, 1.1), func(x float64) time.Duration { return time.Duration(x * float64(to)) })
		line := Timeline{Title: names.Draw(t, "title"), To: to, Target: 0.999}
		for range rapid.IntRange(0, 30).Draw(t, "faults") {
			from := at.Draw(t, "from")
			line.Faults = append(line.Faults, Span{names.Draw(t, "cause"), names.Draw(t, "on"), from, from + max(at.Draw(t, "lasts"), 0)})
		}
		for range rapid.IntRange(0, 10).Draw(t, "alerts") {
			line.Alerts = append(line.Alerts, Mark{at.Draw(t, "at"), names.Draw(t, "name")})
		}
		n := rapid.IntRange(0, 20).Draw(t, "windows")
		for i := range n {
			step := to / time.Duration(n)
			line.Windows = append(line.Windows, Window{
				From: step * time.Duration(i), To: step * time.Duration(i+1),
				Good: rapid.Int64Range(0, 1e6).Draw(t, "good"), Bad: rapid.SampledFrom([]int64{0, 0, 3, 1e6}).Draw(t, "bad"),
			})
		}
		if err := line.Validate(); err != nil {
			t.Fatal(err)
		}
		check(t, line.layout())
	})
}

// words returns all that is written on a picture, in the order of drawing.
func words(p *picture) string {
	var s []string
	for _, m := range p.marks {
		if m, ok := m.(text); ok {
			s = append(s, m.s)
		}
	}
	return strings.Join(s, "|")
}

func TestNoFailureSeenIsABound(t *testing.T) {
	c := webshop()
	c.Rows = []Row{{Name: "lucky", Availability: Estimate{1, 0.9998, 1}, BadMinutes: make([]float64, 7)}}
	p := c.layout()
	if s := words(p); !strings.Contains(s, "lucky|>99.98|") || !strings.Contains(s, "none seen, <105") {
		t.Errorf("written: %s", s)
	}
	if s := words(p); strings.Contains(s, "|100|") || strings.Contains(s, "calm") {
		t.Errorf("claims 100 %%, or names a cause that did nothing: %s", s)
	}
	open := 0
	for _, m := range p.marks {
		if d, ok := m.(disc); ok {
			if d.fill != white {
				t.Errorf("a filled dot at %v, %v", d.x, d.y)
			}
			open++
		}
	}
	if open != 1 {
		t.Errorf("%d open markers, want 1", open)
	}
}

func TestSharesStandWhereBarsDiffer(t *testing.T) {
	if s := words(three().layout()); strings.Contains(s, "as shares") {
		t.Errorf("shares beside bars that can all be read: %s", s)
	}
	if s := words(webshop().layout()); !strings.Contains(s, "as shares") {
		t.Errorf("no shares beside bars of 2064 and of 63 minutes: %s", s)
	}
}

func TestCauseKeepsItsColour(t *testing.T) {
	with := causeColours([]string{Calm, "a", "b", "c"})
	without := causeColours([]string{"a", "b", "c", Calm})
	if with[0] != calm || without[3] != calm || !slices.Equal(with[1:], without[:3]) {
		t.Errorf("%v and %v", with, without)
	}
	seen := map[string]bool{}
	var many []string
	for i := range 21 {
		many = append(many, fmt.Sprint(i))
	}
	for _, c := range causeColours(many) {
		if seen[hex(c)] {
			t.Errorf("colour %s twice among 21 causes", hex(c))
		}
		seen[hex(c)] = true
	}
}

func TestBarsAreTrue(t *testing.T) {
	c := webshop()
	p := c.layout()
	colours := causeColours(c.Causes)
	wide := map[string]float64{} // of each cause's bars, shares and legend box
	for _, m := range p.marks {
		if a, ok := m.(area); ok && len(a.points) == 4 {
			wide[hex(white)+fmt.Sprint(a.colour)] += a.points[1].x - a.points[0].x
		}
	}
	// In the bars a minute is equally long for every cause; in the shares 208 points
	// are a row's total; a legend box is 9 points.
	var perMinute []float64
	for i := range c.Causes {
		minutes, shares := 0.0, 0.0
		for _, r := range c.Rows {
			minutes += r.BadMinutes[i]
			shares += r.BadMinutes[i] / total(r.BadMinutes)
		}
		perMinute = append(perMinute, (wide[hex(white)+fmt.Sprint(solid(colours[i]))]-9-208*shares)/minutes)
	}
	for _, v := range perMinute {
		if math.Abs(v-perMinute[0]) > 1e-9 {
			t.Errorf("points per minute differ by cause: %v", perMinute)
		}
	}
}

func TestValidateNamesEveryBadField(t *testing.T) {
	for _, c := range []struct {
		chart Chart
		want  []string
	}{
		{Comparison{}, []string{"no variants", "no causes", "level is 0"}},
		{Comparison{Level: 0.95, Target: 1, Causes: []string{"a"}, Rows: []Row{
			{Name: "x", Availability: Estimate{0.9, 0.95, 0.99}, BadMinutes: []float64{-1}},
			{Name: "y", Availability: Estimate{math.NaN(), 0, 1}, Load: math.NaN()},
		}}, []string{"target is 1", "x: availability is 0.9 in [0.95, 0.99]", "x: bad minutes by a are -1", "y: availability is NaN", "y: bad minutes for 0 causes, need 1", "y: 0 servers, load factor NaN"}},
		{Sweep{Level: 0.95}, []string{"no points"}},
		{Sweep{Level: 0.95, Y: Axis{Scale: Log}, Series: []Series{{"s", []Point{{2, Estimate{0, 0, 0}}, {1, Estimate{3, 4, 5}}}}}},
			[]string{"0 cannot be shown on a log axis", "x is 1 after 2", "3 in [4, 5]"}},
		{Sweep{Level: 2, X: Axis{Names: []string{"none"}}, Series: []Series{{"s", []Point{{1, Estimate{1, 1, 1}}}}}}, []string{"x is 1, need a whole number below 1", "level is 2"}},
		{Timeline{Target: 2, Windows: []Window{{3, 2, -1, 0}}, Faults: []Span{{"a", "b", 2, 1}}},
			[]string{"from 0s to 0s", "target is 2", "window 0 is from 3ns to 2ns", "-1 good", "fault a on b ends at 1ns"}},
	} {
		err := c.chart.Validate()
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%T: %v\nwant it to say %q", c.chart, err, want)
			}
		}
		if err := Write(&bytes.Buffer{}, "svg", c.chart); err == nil {
			t.Errorf("%T is drawn all the same", c.chart)
		}
	}
}

func TestSave(t *testing.T) {
	dir := t.TempDir()
	if err := Save(filepath.Join(dir, "chart.SVG"), three()); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{
		"chart.jpg": "unknown extension .jpg, need .png, .svg, .pdf",
		"chart":     "no extension, need .png, .svg, .pdf",
	} {
		if err := Save(filepath.Join(dir, name), three()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if err := Save(filepath.Join(dir, "none", "chart.svg"), three()); err == nil {
		t.Error("saved into a folder that does not exist")
	}
	before, _ := os.ReadFile(filepath.Join(dir, "chart.SVG"))
	if err := Save(filepath.Join(dir, "chart.SVG"), Comparison{}); err == nil {
		t.Error("saved a chart of nothing")
	}
	after, _ := os.ReadFile(filepath.Join(dir, "chart.SVG"))
	if len(before) == 0 || !bytes.Equal(before, after) {
		t.Errorf("a chart that could not be drawn changed the file from %d to %d bytes", len(before), len(after))
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 {
		t.Errorf("left in the folder: %v", entries)
	}
}
