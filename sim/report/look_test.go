package report

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestLook writes charts of ordinary and of extreme data into the folder that
// NINES_CHARTS names. Numbers and texts are tested elsewhere; whether a chart is good
// to look at, only eyes can tell.
func TestLook(t *testing.T) {
	dir := os.Getenv("NINES_CHARTS")
	if dir == "" {
		t.Skip("NINES_CHARTS names no folder")
	}
	for name, chart := range charts() {
		for _, format := range Formats() {
			if err := Save(filepath.Join(dir, name+"."+format), chart); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func charts() map[string]Chart {
	return map[string]Chart{
		"compare-webshop": webshop(),
		"compare-three":   three(),
		"compare-twenty":  twenty(),
		"compare-extreme": extreme(),
		"sweep-names":     attempts(),
		"sweep-numbers":   latency(),
		"timeline":        outage(),
	}
}

var footer = Footer{Command: "nines compare webshop", Seeds: "1-40", Version: "v0.1.0", Scenario: "3f2a91c07be4"}

// webshop is the comparison that the first command makes, with invented figures.
func webshop() Comparison {
	row := func(name string, low, value, high float64, servers int, load float64, minutes ...float64) Row {
		return Row{Name: name, Availability: Estimate{value / 100, low / 100, high / 100}, BadMinutes: minutes, Servers: servers, Load: load}
	}
	return Comparison{
		Title: "webshop: checkout", Target: 0.999, Level: 0.95, Inputs: true,
		Causes: []string{Calm, "pod_crash", "zone_loss", "payment_slow", "bad_deploy", "sale", "db_disk"},
		Rows: []Row{
			row("naive", 99.48, 99.61, 99.71, 4, 1, 2, 1120, 61, 95, 540, 234, 12),
			row("redundant", 99.70, 99.76, 99.81, 10, 1, 1, 420, 40, 95, 540, 160, 12),
			row("timeouts", 99.73, 99.78, 99.83, 10, 1, 1, 350, 40, 75, 540, 150, 12),
			row("retries", 99.78, 99.83, 99.87, 10, 1.6, 1, 90, 40, 52, 300, 408, 12),
			row("budget", 99.85, 99.885, 99.91, 10, 1.1, 1, 92, 40, 60, 300, 102, 12),
			row("breaker", 99.89, 99.915, 99.935, 10, 1.1, 1, 80, 35, 12, 280, 30, 12),
			row("async", 99.90, 99.92, 99.94, 10, 1.1, 1, 85, 38, 4, 200, 80, 12),
			row("restarts", 99.91, 99.93, 99.945, 10, 1.1, 0, 9, 38, 60, 190, 70, 2),
			row("replicated", 99.88, 99.901, 99.92, 12, 1.1, 1, 85, 12, 60, 290, 72, 0),
			row("everything", 99.984, 99.988, 99.991, 12, 1.1, 0, 3, 9, 4, 38, 9, 0),
		},
		Footer: footer,
	}
}

func three() Comparison {
	c := webshop()
	c.Title = "minimal: read"
	c.Rows = []Row{c.Rows[3], c.Rows[4], c.Rows[5]}
	c.Target = 0
	return c
}

func twenty() Comparison {
	c := webshop()
	c.Title = "A title somebody wrote who has a great deal to say about the web shop, its checkout, what it needs and what it costs, and more"
	c.Causes = nil
	for i := range 16 {
		c.Causes = append(c.Causes, fmt.Sprintf("cause_%d_of_sixteen", i))
	}
	c.Rows = nil
	for i := range 20 {
		minutes := make([]float64, 16)
		for k := range minutes {
			minutes[k] = float64((k*7+i*3)%11) * 300 / float64(1+i*i)
		}
		a := 1 - total(minutes)/525600
		c.Rows = append(c.Rows, Row{
			Name:         fmt.Sprintf("everything_without_services_orders_db_store_ack_and_retry_%d", i),
			Availability: Estimate{a, 1 - (1-a)*1.4, 1 - (1-a)*0.7},
			BadMinutes:   minutes, Servers: 3 + i, Load: 1 + float64(i)/7,
		})
	}
	c.Footer.Command = "nines compare ./scenarios/of/our/team/webshop-with-a-long-name.yaml --leave-one-out everything --runs 400 --set 'calls.default.retry={attempts: 3, backoff: 50ms..1s, jitter: full, budget: 10%}' --set services.*.replicas=5 --chart chart.png"
	return c
}

// extreme has everything that is at the edge: always down, never seen to fail, one
// huge bar, unknown servers.
func extreme() Comparison {
	c := webshop()
	c.Title = "edges: put"
	zero := make([]float64, len(c.Causes))
	c.Rows = []Row{
		{Name: "always down", Availability: Estimate{0, 0, 0.02}, BadMinutes: []float64{525600, 0, 0, 0, 0, 0, 0}},
		{Name: "half", Availability: Estimate{0.5, 0.3, 0.7}, BadMinutes: []float64{0, 262800, 0, 0, 0, 0, 0}, Servers: 1, Load: 12.4},
		{Name: "seldom", Availability: Estimate{0.999995, 0.99998, 1}, BadMinutes: []float64{0, 1, 0.6, 0, 0.2, 0.8, 0.03}, Servers: 120, Load: 0.4},
		{Name: "none seen", Availability: Estimate{1, 0.99993, 1}, BadMinutes: zero, Servers: 5, Load: 1},
		{Name: "none seen, few calls", Availability: Estimate{1, 0.96, 1}, BadMinutes: zero, Servers: 5, Load: 1},
	}
	return c
}

func attempts() Sweep {
	s := Sweep{
		Title:  "retry-storm: attempts and budget",
		X:      Axis{Label: "calls.default.retry.budget", Names: []string{"none", "5%", "10%", "20%"}},
		Y:      Axis{Label: "good calls", Scale: Nines},
		Legend: "calls.default.retry.attempts",
		Target: 0.999, Level: 0.95, Footer: footer,
	}
	for i, name := range []string{"1", "2", "3", "5"} {
		series := Series{Name: name}
		for k := range 4 {
			bad := 0.004 / float64(1+i*k)
			if k == 0 {
				bad = 0.004 * float64(1+i*i)
			}
			e := Estimate{1 - bad, 1 - 1.4*bad, 1 - 0.7*bad}
			if i == 3 && k == 3 {
				e = Estimate{1, 0.9994, 1}
			}
			series.Points = append(series.Points, Point{X: float64(k), Y: e})
		}
		s.Series = append(s.Series, series)
	}
	return s
}

func latency() Sweep {
	s := Sweep{
		Title:  "webshop: how long to wait",
		X:      Axis{Label: "calls.default.timeout.attempt, ms", Scale: Log},
		Y:      Axis{Label: "p99 latency, ms", Scale: Log},
		Legend: "variant",
		Level:  0.9, Footer: footer,
	}
	for i, name := range []string{"retries", "budget", "a variant with a name that is far too long for its column"} {
		series := Series{Name: name}
		for k, x := range []float64{50, 100, 200, 500, 1000, 2000} {
			y := 40 * float64(1+i) * float64(1+k*k)
			e := Estimate{y, y * 0.8, y * 1.3}
			if i == 1 && k == 3 {
				e = Estimate{math.NaN(), 0, 0}
			}
			series.Points = append(series.Points, Point{X: x, Y: e})
		}
		s.Series = append(s.Series, series)
	}
	return s
}

// outage is a run in which a zone is lost during a sale.
func outage() Timeline {
	t := Timeline{
		Title: "webshop: everything, seed 7", Subtitle: "One run of 2 hours; a window is 30 s.",
		To: 2 * time.Hour, Target: 0.999, Footer: footer,
		Faults: []Span{
			{"zone_loss", "zones.b", 30 * time.Minute, 62 * time.Minute},
			{"sale", "workload.visits", 50 * time.Minute, 60 * time.Minute},
			{"pod_crash", "services.catalog.1", 10 * time.Minute, 10*time.Minute + 20*time.Second},
			{"pod_crash", "services.catalog.2", 11 * time.Minute, 11*time.Minute + 20*time.Second},
			{"pod_crash", "services.orders.0", 95 * time.Minute, 95*time.Minute + 40*time.Second},
			{"payment_slow", "services.payment", 100 * time.Minute, 118 * time.Minute},
		},
		Alerts: []Mark{{33 * time.Minute, "checkout_burn fires"}, {38 * time.Minute, "on-call acknowledges"}, {66 * time.Minute, "checkout_burn ends"}, {115 * time.Minute, "checkout_burn fires"}},
	}
	for i := range 240 {
		at := time.Duration(i) * 30 * time.Second
		w := Window{From: at, To: at + 30*time.Second, Good: 1800, Bad: int64(i * 7 % 3)}
		switch {
		case at >= 30*time.Minute && at < 34*time.Minute:
			w.Good, w.Bad = 1300, 500
		case at >= 50*time.Minute && at < 61*time.Minute:
			w.Good, w.Bad = 6000, 3000
		case at >= 100*time.Minute && at < 118*time.Minute:
			w.Good, w.Bad = 1750, 50
		}
		t.Windows = append(t.Windows, w)
	}
	return t
}
