package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/nines-sim/nines/sim/report"
	"github.com/nines-sim/nines/sim/study"
)

func (a *app) plot() *cobra.Command {
	var x, y, chart string
	cmd := &cobra.Command{
		Use:   "plot RESULTS...",
		Short: "Draw a metric of a sweep, with its interval, against a parameter",
		Long: `Draw a metric of one or more sweeps, with its interval, against one of the paths that were varied. Other
paths, and further folders, make further lines. The values that are drawn are printed too.

Metrics (--y): availability and bad_minutes, of the first objective or as checkout.availability of
another; bad_minutes that one cause brings to the first objective, as payment_slow.bad_minutes; and what
runs measure (load_factor, p50_ms, p99_ms, p999_ms, double, late, lost, alerts), of calm runs and timelines
or as payment_slow.p99_ms of the incidents of a cause.`,
		Args: cobra.MinimumNArgs(1),
		Example: a.examples(
			"plot nines-out/retry-storm-1a2b3c4d",
			"plot replicas --x services.api.replicas --y p99_ms --chart p99.svg",
		),
	}
	flags := cmd.Flags()
	flags.StringVar(&x, "x", "", "the path along the x axis (default: the first that was varied)")
	flags.StringVar(&y, "y", "availability", "the metric to draw")
	flags.StringVar(&chart, "chart", "", "the chart's file: .png, .svg or .pdf (default: METRIC.png in the first folder)")
	out := a.output(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if chart != "" {
			if _, err := report.FormatOf(chart); err != nil {
				return asUsage(err)
			}
		}
		d := &drawing{app: a, y: y}
		for _, arg := range args {
			if err := d.add(arg, x); err != nil {
				return err
			}
		}
		sweep := d.sweep()
		sweep.Footer.Command = a.command(cmd, args)
		if len(args) == 1 {
			sweep.Footer.Command = d.results[0].header.Command
		}
		if err := write(a, out.value, d.table(sweep, out.value), d.points, map[string]any{"x": d.axis, "y": y, "points": d.points}); err != nil {
			return err
		}
		if chart == "" {
			chart = filepath.Join(d.results[0].dir, strings.ReplaceAll(y, ".", "-")+".png")
		}
		if err := report.Save(chart, sweep); err != nil {
			return err
		}
		a.say("chart: %s", chart)
		return nil
	}
	return cmd
}

// A drawing is a chart of sweeps in the making.
type drawing struct {
	*app
	y       string
	axis    string // path along the x axis
	legend  []string
	results []*result
	first   *comparison
	values  []string // along the x axis, in order
	points  []drawn
}

// drawn is one point of the chart.
type drawn struct {
	X      string  `json:"x"`
	Series string  `json:"series,omitempty"`
	Value  float64 `json:"value"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Runs   int     `json:"runs"`
}

// add adds the points of one folder.
func (d *drawing) add(path, x string) error {
	res, err := d.readResult(path)
	if err != nil {
		return err
	}
	axis, others, err := res.along(x)
	if err != nil {
		return err
	}
	c, err := d.conclude(res)
	if err != nil {
		return err
	}
	if d.axis == "" {
		d.axis, d.first = axis.Path, c
		d.legend = nil
		for _, o := range others {
			d.legend = append(d.legend, shortPath(o.Path, pathsOf(others)))
		}
	} else if d.axis != axis.Path {
		return usage("%s varies %s and %s %s: choose one path with --x", d.results[0].dir, d.axis, res.dir, axis.Path)
	}
	d.results = append(d.results, res)
	for _, v := range axis.Values {
		if !slices.Contains(d.values, v) {
			d.values = append(d.values, v)
		}
	}
	for _, f := range c.Variants {
		at, _ := f.Point.Get(axis.Path)
		var series []string
		for _, o := range others {
			value, _ := f.Point.Get(o.Path)
			series = append(series, value)
		}
		p, err := c.metric(f, d.y)
		if err != nil {
			return err
		}
		p.X, p.Series = at, strings.Join(series, ", ")
		if len(d.results) > 1 {
			p.Series = strings.TrimSuffix(filepath.Base(res.dir)+" "+p.Series, " ")
		}
		d.points = append(d.points, p)
	}
	return nil
}

// along returns the axis to draw along, and the others that were varied.
func (r *result) along(x string) (study.Axis, study.Grid, error) {
	varied := r.plan.varied()
	if len(varied) == 0 {
		varied = r.plan.grid()
	}
	i := slices.IndexFunc(varied, func(axis study.Axis) bool {
		return x == "" || axis.Path == x || strings.HasSuffix(axis.Path, "."+x)
	})
	if i < 0 {
		return study.Axis{}, nil, unknown("varied path", x, endings(varied))
	}
	return varied[i], slices.Delete(slices.Clone(varied), i, i+1), nil
}

// endings lists the paths of a grid with all their endings.
func endings(g study.Grid) []string {
	var list []string
	for _, path := range pathsOf(g) {
		for rest, more := path, true; more; _, rest, more = strings.Cut(rest, ".") {
			list = append(list, rest)
		}
	}
	return list
}

// errNotYet says that a run is not in the journal: the sweep goes on, or was ended before its time.
var errNotYet = errors.New("not in the journal")

// conclude draws the conclusions of a sweep from its journal, without a single run.
func (a *app) conclude(res *result) (*comparison, error) {
	p, err := a.planSweep(res.src, res.plan)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	rows := map[string]study.Measurement{}
	for _, r := range res.rows {
		rows[r.Key()] = r.Measurement
	}
	lookUp := func(_ context.Context, c study.Case) (study.Measurement, error) {
		m, ok := rows[c.Key()]
		if !ok {
			return m, errNotYet
		}
		return m, nil
	}
	sum, err := p.conclude(lookUp)
	if err != nil && !errors.Is(err, errNotYet) {
		return nil, err
	}
	if len(sum.Variants) == 0 {
		return nil, usage("%s: no run is finished at every point yet", res.dir)
	}
	if sum.Incomplete {
		a.say("%s: %d of its %s are used; the sweep was not finished", res.dir, sum.Runs, count(len(res.rows), "run"))
	}
	return &comparison{Summary: sum, plan: p, name: res.plan.Scenario, hash: res.header.Scenario, version: res.header.Version}, nil
}

// conclude does the study with runs that are looked up, in order.
func (p *plan) conclude(lookUp study.Simulate) (*study.Summary, error) {
	if p.timeline != nil {
		return p.timeline.Run(context.Background(), study.Pool{Jobs: 1}, lookUp)
	}
	return p.incidents.Run(context.Background(), study.Pool{Jobs: 1}, lookUp)
}

// metric returns a finding's value of a metric, with its interval.
func (c *comparison) metric(f study.Finding, name string) (drawn, error) {
	of, metric := "", name
	if before, after, dotted := cutLast(name, "."); dotted {
		of, metric = before, after
	}
	if metric == "availability" || metric == "bad_minutes" {
		i := slices.IndexFunc(c.Objectives, func(o study.Objective) bool { return o.Name == of || of == "" })
		if i < 0 && metric == "bad_minutes" {
			if d, ok := c.badBy(f, of); ok {
				return d, nil
			}
		}
		if i < 0 {
			var names []string
			for _, o := range c.Objectives {
				names = append(names, o.Name)
			}
			if metric == "bad_minutes" {
				for name := range minutes(f.Objectives[0]) {
					names = append(names, name)
				}
				slices.Sort(names)
				return drawn{}, unknown("objective or cause", of, names)
			}
			return drawn{}, unknown("objective", of, names)
		}
		value := f.Objectives[i].Availability
		if metric == "bad_minutes" {
			value = f.Objectives[i].BadMinutes
		}
		return drawn{Value: value.Value, Low: value.Low, High: value.High, Runs: c.runsOf(f, "")}, nil
	}
	if of == "" {
		of = study.Calm
	}
	return c.measured(f, of, metric)
}

// badBy returns the bad minutes of the first objective that a cause brings, or calm runs: independent parts, whose
// distances from the estimate add up like standard errors.
func (c *comparison) badBy(f study.Finding, cause string) (d drawn, known bool) {
	down, up := 0.0, 0.0
	for _, part := range f.Objectives[0].ByCause {
		if column(part.Class) != cause {
			continue
		}
		known = true
		b := part.BadMinutes
		d.Value += b.Value
		down += (b.Value - b.Low) * (b.Value - b.Low)
		up += (b.High - b.Value) * (b.High - b.Value)
		d.Runs += c.runsOf(f, part.Class)
	}
	d.Low, d.High = d.Value-math.Sqrt(down), d.Value+math.Sqrt(up)
	return d, known
}

func (c *comparison) runsOf(f study.Finding, class string) int {
	n := 0
	for _, r := range c.Rows {
		if r.Variant == f.Variant && r.Point.String() == f.Point.String() && (class == "" || r.Class() == class) {
			n++
		}
	}
	return n
}

// measured returns the mean of what the runs of a class measured, with Student's interval.
func (c *comparison) measured(f study.Finding, class, metric string) (drawn, error) {
	var values, weights []float64
	known := map[string]bool{}
	for _, r := range c.Rows {
		if r.Variant != f.Variant || r.Point.String() != f.Point.String() || r.Class() != class {
			continue
		}
		for name := range r.Metrics {
			known[name] = true
		}
		if v, ok := r.Metrics[metric]; ok {
			values, weights = append(values, v), append(weights, r.Weight)
		}
	}
	if len(values) == 0 {
		var names []string
		for name := range known {
			names = append(names, name)
		}
		if known == nil || len(names) == 0 {
			return drawn{}, unknown("class of runs", class, c.classNames())
		}
		slices.Sort(names)
		return drawn{}, unknown("metric", metric, append([]string{"availability", "bad_minutes", "CAUSE.bad_minutes", "CAUSE." + names[0]}, names...))
	}
	mean, sd := stat.MeanStdDev(values, weights)
	half := 0.0
	if n := float64(len(values)); n > 1 {
		level := f.Objectives[0].Availability.Level
		half = distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile((1+level)/2) * sd / math.Sqrt(n)
	}
	return drawn{Value: mean, Low: mean - half, High: mean + half, Runs: len(values)}, nil
}

func (c *comparison) classNames() []string {
	var names []string
	for _, class := range c.Classes {
		names = append(names, class.Name)
	}
	return names
}

// sweep makes the chart of the points.
func (d *drawing) sweep() report.Sweep {
	s := report.Sweep{
		Title:  d.first.name + ": " + label(d.y),
		X:      report.Axis{Label: d.axis},
		Y:      report.Axis{Label: label(d.y)},
		Legend: strings.Join(d.legend, ", "),
		Level:  d.first.Variants[0].Objectives[0].Availability.Level,
		Footer: report.Footer{
			Seeds: fmt.Sprintf("%d-%d", d.first.FirstSeed, d.first.LastSeed), Version: d.first.version, Scenario: d.first.hash,
		},
	}
	if strings.HasSuffix(d.y, "availability") {
		s.Y.Scale, s.Y.Label = report.Nines, "good calls"
		for i, o := range d.first.Objectives {
			if i == 0 && d.y == "availability" || d.y == o.Name+".availability" {
				s.Title = d.first.name + ": " + o.Name
				if o.Target < 1 {
					s.Target = o.Target
				}
			}
		}
	}
	numbers, unit := numeric(d.values)
	if numbers == nil {
		s.X.Names = d.values
	} else if unit != "" {
		s.X.Label += ", " + unit
	}
	for _, p := range d.points {
		i := slices.IndexFunc(s.Series, func(x report.Series) bool { return x.Name == p.Series })
		if i < 0 {
			i = len(s.Series)
			s.Series = append(s.Series, report.Series{Name: p.Series})
		}
		place := slices.Index(d.values, p.X)
		at := float64(place)
		if numbers != nil {
			at = numbers[place]
		}
		s.Series[i].Points = append(s.Series[i].Points, report.Point{X: at, Y: report.Estimate{Value: p.Value, Low: p.Low, High: p.High}})
	}
	for _, series := range s.Series {
		slices.SortFunc(series.Points, func(x, y report.Point) int { return cmp.Compare(x.X, y.X) })
	}
	return s
}

// label says a metric in words.
func label(y string) string {
	of, metric := "", y
	if before, after, dotted := cutLast(y, "."); dotted {
		of, metric = " of "+before, after
	}
	switch {
	case metric == "bad_minutes":
		metric = "bad minutes a year"
	case metric == "load_factor":
		metric = "calls sent for each asked for"
	case strings.HasSuffix(metric, "_ms"):
		return strings.TrimSuffix(metric, "_ms") + of + ", ms"
	}
	return metric + of
}

// numeric reads values as numbers of one unit: 1, 2, 5; 5%, 10%; 50ms, 100ms. Nil if they are not.
func numeric(values []string) (numbers []float64, unit string) {
	for i, v := range values {
		of := strings.TrimLeft(v, "-0123456789.")
		n, err := strconv.ParseFloat(strings.TrimSuffix(v, of), 64)
		if err != nil || i > 0 && of != unit {
			return nil, ""
		}
		unit = of
		numbers = append(numbers, n)
	}
	return numbers, unit
}

// table lists what is drawn, for a program with numbers in full.
func (d *drawing) table(s report.Sweep, form string) report.Table {
	t := report.Table{Columns: []report.Column{{Header: d.axis}}}
	several := len(s.Series) > 1
	if several {
		t.Columns = append(t.Columns, report.Column{Header: cmp.Or(s.Legend, "series")})
	}
	t.Columns = append(t.Columns, report.Column{Header: d.y, Right: true}, report.Column{Header: "low", Right: true},
		report.Column{Header: "high", Right: true}, report.Column{Header: "runs", Right: true})
	show := report.Number
	switch {
	case form == asCSV:
		show = func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	case s.Y.Scale == report.Nines:
		show = func(v float64) string { return strconv.FormatFloat(v, 'g', 7, 64) }
	}
	for _, p := range d.points {
		row := []string{p.X}
		if several {
			row = append(row, p.Series)
		}
		t.Rows = append(t.Rows, append(row, show(p.Value), show(p.Low), show(p.High), strconv.Itoa(p.Runs)))
	}
	return t
}
