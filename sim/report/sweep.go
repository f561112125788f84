package report

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"
)

// A Sweep is the chart of a metric, with its intervals, against a parameter; a second
// parameter makes several series.
//
// Between numbers the intervals form a band, since what lies between two of them was
// asked for too. Between names ("none", "5 %") nothing lies: there each point has a bar
// of its own, and series stand side by side. Series differ by colour, marker and dashes,
// so that the chart survives a grey printer.
type Sweep struct {
	Title    string
	Subtitle string // empty: what is shown and the interval level
	X, Y     Axis
	Legend   string // what the series are: the second parameter's path
	Series   []Series
	Target   float64 // a line across, on Y; 0: none
	Level    float64 // of the intervals, 0.95
	Footer   Footer
}

// An Axis says what an axis shows.
type Axis struct {
	Label string // with the unit: "p99 latency, ms"
	Scale Scale
	Names []string // for X: categories, in order; a point's X counts in them from 0
}

// A Series is one line of a [Sweep].
type Series struct {
	Name   string
	Points []Point // by ascending X
}

// A Point is one setting's result. A Y of NaN is a gap: nothing was measured there. On
// a Nines axis a value of exactly 1 means that no failure was seen.
type Point struct {
	X float64
	Y Estimate
}

// Validate names everything that cannot be drawn.
func (s Sweep) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	drawable := func(scale Scale, v float64) bool {
		switch scale {
		case Log:
			return v > 0 && !math.IsInf(v, 0)
		case Nines:
			return 0 <= v && v <= 1
		}
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	}
	points := 0
	for _, series := range s.Series {
		last := math.Inf(-1)
		for _, p := range series.Points {
			switch {
			case s.X.Names != nil && (p.X != math.Trunc(p.X) || p.X < 0 || p.X >= float64(len(s.X.Names))):
				bad("sweep: %s: x is %v, need a whole number below %d, the number of names", series.Name, p.X, len(s.X.Names))
			case s.X.Names == nil && !drawable(s.X.Scale, p.X):
				bad("sweep: %s: x is %v, which a %v axis cannot show", series.Name, p.X, s.X.Scale)
			case !(p.X > last):
				bad("sweep: %s: x is %v after %v, need ascending", series.Name, p.X, last)
			}
			last = p.X
			if math.IsNaN(p.Y.Value) {
				continue
			}
			points++
			for _, v := range []float64{p.Y.Value, p.Y.Low, p.Y.High} {
				if !drawable(s.Y.Scale, v) {
					bad("sweep: %s: at x = %v, %v cannot be shown on a %v axis", series.Name, p.X, v, s.Y.Scale)
				}
			}
			if !(p.Y.Low <= p.Y.Value && p.Y.Value <= p.Y.High) {
				bad("sweep: %s: at x = %v, %v in [%v, %v], need low <= value <= high", series.Name, p.X, p.Y.Value, p.Y.Low, p.Y.High)
			}
		}
	}
	if points == 0 {
		bad("sweep: no points to draw")
	}
	if s.Target != 0 && !drawable(s.Y.Scale, s.Target) {
		bad("sweep: target %v cannot be shown on a %v axis", s.Target, s.Y.Scale)
	}
	if !(s.Level > 0 && s.Level < 1) {
		bad("sweep: interval level is %v, need between 0 and 1", s.Level)
	}
	return errors.Join(errs...)
}

// The plot of a sweep, and the largest legend beside it.
const (
	plotWidth   = 470.0
	plotHeight  = 270.0
	legendWidth = 180.0
)

// sweepLayout is a sweep with its axes and where they lie.
type sweepLayout struct {
	Sweep
	p         *picture
	xs, ys    axis
	left, top float64
}

func (s Sweep) layout() *picture {
	l := sweepLayout{Sweep: s, p: newPicture(0)}
	p := l.p
	p.title = s.Title + ". " + s.Y.Label + " against " + s.X.Label
	l.xs, l.ys = l.horizontal(), l.vertical()

	l.left = margin
	for _, t := range l.ys.ticks {
		l.left = max(l.left, margin+p.measure(t.label, tickSize, false)+6)
	}
	p.width = l.left + plotWidth + margin
	if len(s.Series) > 1 {
		p.width += gutter + l.legendColumn()
	}
	y := p.header(s.Title, s.subtitle())
	y += 26
	p.add(text{x: margin, y: y, s: s.Y.Label, size: textSize, bold: true, colour: black})
	l.top = y + 12
	bottom := l.top + plotHeight

	p.horizontalGrid(l.ys, l.left, plotWidth, l.top, plotHeight)
	p.verticalGrid(l.xs, l.left, plotWidth, l.top, bottom)
	if s.Target != 0 {
		l.drawTarget()
	}
	for i := range s.Series {
		l.drawBand(i)
	}
	for i := range s.Series {
		l.drawSeries(i)
	}
	if len(s.Series) > 1 {
		l.drawLegend(l.left + plotWidth + gutter + 6)
	}
	p.add(text{x: l.left + plotWidth/2, y: bottom + 30, s: p.fit(s.X.Label, textSize, true, plotWidth), size: textSize, bold: true, colour: black, align: middle})
	p.footer(bottom+56, s.Footer)
	return p
}

func (s Sweep) subtitle() string {
	if s.Subtitle != "" {
		return s.Subtitle
	}
	shape := "Bands"
	if s.X.Names != nil {
		shape = "Bars"
	}
	return fmt.Sprintf("%s are %s %% intervals.", shape, Number(100*s.Level))
}

// horizontal returns the x axis: ticks at the values themselves if there is room, for
// they are what somebody chose.
func (l *sweepLayout) horizontal() axis {
	fits := func(a axis) bool { return l.p.labelsFit(a, plotWidth) }
	if l.X.Names != nil {
		a := axis{scale: Linear, lo: -0.5, hi: float64(len(l.X.Names)) - 0.5}
		room := plotWidth/float64(len(l.X.Names)) - 6
		for i, name := range l.X.Names {
			a.ticks = append(a.ticks, tick{float64(i), l.p.fit(name, tickSize, false, room)})
		}
		return a
	}
	var values []float64
	for _, s := range l.Series {
		for _, p := range s.Points {
			values = append(values, p.X)
		}
	}
	slices.Sort(values)
	values = slices.Compact(values)
	own := axis{scale: l.X.Scale}
	for _, v := range values {
		label := Number(v)
		if l.X.Scale == Nines {
			label = trimZeros(percent(v, 9)) + " %"
		}
		if t := l.X.Scale.place(v); !math.IsInf(t, 0) {
			own.ticks = append(own.ticks, tick{t, label})
		}
	}
	if n := len(own.ticks); n > 0 {
		own.lo, own.hi = own.ticks[0].at, own.ticks[n-1].at
		pad := (own.hi - own.lo) * 0.04
		if pad == 0 {
			pad = 1
		}
		own.lo, own.hi = own.lo-pad, own.hi+pad
		if fits(own) {
			return own
		}
	}
	return newAxis(l.X.Scale, values, fits)
}

func (l *sweepLayout) vertical() axis {
	var values []float64
	for _, s := range l.Series {
		for _, p := range s.Points {
			if !math.IsNaN(p.Y.Value) {
				values = append(values, p.Y.Value, p.Y.Low, p.Y.High)
			}
		}
	}
	if l.Target != 0 {
		values = append(values, l.Target)
	}
	return newAxis(l.Y.Scale, values, func(a axis) bool { return linesFit(a, plotHeight) })
}

// linesFit reports whether the labels of a vertical axis stand apart.
func linesFit(a axis, height float64) bool {
	for i := 1; i < len(a.ticks); i++ {
		if height*(a.share(a.ticks[i].at)-a.share(a.ticks[i-1].at)) < 2*tickSize {
			return false
		}
	}
	return len(a.ticks) <= 8
}

// x returns where a point of series i stands. Categories are shared out among the
// series, so that intervals stand side by side.
func (l *sweepLayout) x(i int, p Point) float64 {
	x := l.left + plotWidth*l.xs.at(p.X)
	if n := len(l.Series); l.X.Names != nil && n > 1 {
		step := min(plotWidth/float64(len(l.X.Names))*0.7/float64(n), 14)
		x += step * (float64(i) - float64(n-1)/2)
	}
	return x
}

// y keeps what lies beyond the axis at its end.
func (l *sweepLayout) y(v float64) float64 {
	return l.top + plotHeight*(1-min(max(l.ys.at(v), 0), 1))
}

// drawTarget draws the target's line, and names it above the plot: wherever a label
// stood on the line, some chart would have data there.
func (l *sweepLayout) drawTarget() {
	y := l.y(l.Target)
	l.p.rule(l.left, y, l.left+plotWidth, y, 1.1, black, 4, 2.5)
	label := "target " + Number(l.Target)
	if l.Y.Scale == Nines {
		label = "target " + trimZeros(percent(l.Target, 9)) + " %"
	}
	l.p.targetLabel(l.left+plotWidth, l.top-12, label)
}

// bound reports whether no failure was seen at this point, so that there is no value
// to draw a line through.
func (l *sweepLayout) bound(p Point) bool { return l.Y.Scale == Nines && p.Y.Value >= 1 }

// runs splits a series at its gaps, and at bounds if asked.
func (l *sweepLayout) runs(points []Point, atBounds bool) [][]Point {
	var runs [][]Point
	var run []Point
	for _, p := range points {
		if math.IsNaN(p.Y.Value) || atBounds && l.bound(p) {
			runs, run = append(runs, run), nil
			continue
		}
		run = append(run, p)
	}
	return append(runs, run)
}

func (l *sweepLayout) drawBand(i int) {
	if l.X.Names != nil {
		return
	}
	for _, run := range l.runs(l.Series[i].Points, false) {
		if len(run) < 2 {
			continue
		}
		var outline []point
		for _, p := range run {
			outline = append(outline, point{l.x(i, p), l.y(p.Y.High)})
		}
		for _, p := range slices.Backward(run) {
			outline = append(outline, point{l.x(i, p), l.y(p.Y.Low)})
		}
		l.p.add(area{points: outline, colour: translucent(seriesColour(i), 46)})
	}
}

func (l *sweepLayout) drawSeries(i int) {
	c := seriesColour(i)
	points := l.Series[i].Points
	for _, run := range l.runs(points, true) {
		if len(run) < 2 {
			continue
		}
		var through []point
		for _, p := range run {
			through = append(through, point{l.x(i, p), l.y(p.Y.Value)})
		}
		l.p.add(line{points: through, colour: c, width: 1.6, dashes: seriesDashes(i)})
	}
	for _, p := range points {
		if math.IsNaN(p.Y.Value) {
			continue
		}
		x, low, high := l.x(i, p), l.y(p.Y.Low), l.y(p.Y.High)
		if l.X.Names != nil || l.bound(p) || len(points) == 1 {
			l.p.rule(x, low, x, high, 1.2, c)
		}
		if l.bound(p) {
			l.p.add(area{points: []point{{x, high}, {x - 3.5, high + 6}, {x + 3.5, high + 6}}, colour: solid(c)})
			l.p.marker(i, x, low, white, c)
			continue
		}
		l.p.marker(i, x, l.y(p.Y.Value), c, c)
	}
}

func (l *sweepLayout) legendColumn() float64 {
	wide := l.p.measure(l.Legend, tickSize, true)
	for _, s := range l.Series {
		wide = max(wide, 36+l.p.measure(s.Name, tickSize, false))
	}
	return min(wide, legendWidth) + 6
}

func (l *sweepLayout) drawLegend(x float64) {
	wide := l.legendColumn() - 6
	y := l.top + 8
	for _, s := range l.p.wrap(l.Legend, tickSize, wide) {
		l.p.add(text{x: x, y: y, s: s, size: tickSize, bold: true, colour: black})
		y += 12
	}
	y += 5
	for i, s := range l.Series {
		c := seriesColour(i)
		l.p.add(line{points: []point{{x, y - 3}, {x + 28, y - 3}}, colour: c, width: 1.6, dashes: seriesDashes(i)})
		l.p.marker(i, x+14, y-3, c, c)
		l.p.add(text{x: x + 36, y: y, s: l.p.fit(s.Name, tickSize, false, wide-36), size: tickSize, colour: black})
		y += 15
	}
}

// seriesColour leaves yellow out: a thin yellow line is lost on white.
func seriesColour(i int) color.RGBA {
	n := len(okabeIto) - 1
	c := okabeIto[i%n]
	if i/n%2 == 1 {
		return color.RGBA{c.R / 2, c.G / 2, c.B / 2, 255}
	}
	return c
}

func seriesDashes(i int) []float64 {
	return [][]float64{nil, {6, 3}, {2, 2}, {8, 3, 2, 3}, {10, 3}, {4, 2, 1, 2}, {3, 3}}[i%7]
}
