package report

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"
	"time"
)

// A Timeline is the chart of one run: the faults and the alerts, and under them, over
// the same time, the share of good calls and how many calls were good and bad.
type Timeline struct {
	Title    string
	Subtitle string
	From, To time.Duration // what is shown, since the start of the run
	Windows  []Window      // in order of time
	Faults   []Span
	Alerts   []Mark
	Target   float64 // of the objective, 0.999; 0: none is drawn
	Footer   Footer
}

// A Window is a stretch of the run and its calls.
type Window struct {
	From, To  time.Duration
	Good, Bad int64
}

// A Span is a fault, from its injection until its effect ends.
type Span struct {
	Name     string // the cause
	On       string // the victim
	From, To time.Duration
}

// A Mark is a moment with a name.
type Mark struct {
	At   time.Duration
	Name string
}

// Validate names everything that cannot be drawn. Faults and alerts outside the shown
// time are no mistake; they are left out.
func (t Timeline) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if t.From >= t.To {
		bad("timeline: from %v to %v, need some time between", t.From, t.To)
	}
	if !(t.Target >= 0 && t.Target < 1) {
		bad("timeline: target is %v, need 0 (none) to below 1", t.Target)
	}
	last := t.From
	for i, w := range t.Windows {
		if w.From < last || w.To <= w.From {
			bad("timeline: window %d is from %v to %v, need ascending ones that do not overlap", i, w.From, w.To)
		}
		if w.Good < 0 || w.Bad < 0 {
			bad("timeline: window %d has %d good and %d bad calls, need 0 or more", i, w.Good, w.Bad)
		}
		last = w.To
	}
	for _, f := range t.Faults {
		if f.To < f.From {
			bad("timeline: fault %s on %s ends at %v, before its start at %v", f.Name, f.On, f.To, f.From)
		}
	}
	return errors.Join(errs...)
}

// The sizes of a timeline.
const (
	timeWidth   = 620.0
	laneHeight  = 18.0
	mostLanes   = 12
	panelHeight = 110.0
)

// timelineLayout is a timeline and where its panels lie.
type timelineLayout struct {
	Timeline
	p      *picture
	left   float64
	across axis // seconds
}

func (t Timeline) layout() *picture {
	l := timelineLayout{Timeline: t, p: newPicture(0)}
	p := l.p
	p.title = fmt.Sprintf("%s. %d faults, %d alerts", t.Title, len(t.Faults), len(t.Alerts))
	lanes := l.lanes()
	alerts := l.alertLanes()
	share, rate := l.shareAxis(), l.rateAxis()

	label := 0.0
	for _, lane := range lanes {
		label = max(label, p.measure(lane.name, tickSize, false))
	}
	for _, tick := range slices.Concat(share.ticks, rate.ticks) {
		label = max(label, p.measure(tick.label, tickSize, false))
	}
	l.left = margin + min(max(label, p.measure("alerts", tickSize, false)), widestName) + 8
	p.width = l.left + timeWidth + margin + 12
	l.across = timeAxis(t.From, t.To, func(a axis) bool { return p.labelsFit(a, timeWidth) })

	y := p.header(t.Title, t.Subtitle) + 18
	lanesTop := y
	sharesTop := lanesTop + laneHeight*float64(len(lanes)+len(alerts)) + 30
	ratesTop := sharesTop + panelHeight + 34
	bottom := ratesTop + panelHeight

	for _, lane := range lanes {
		for _, f := range lane.spans { // its time, through all panels
			x0, x1 := l.x(f.From), l.x(f.To)
			p.rect(x0, lanesTop, max(x1-x0, 1), bottom-lanesTop, faultTime)
		}
	}
	for _, tick := range l.across.ticks {
		x := l.left + timeWidth*l.across.share(tick.at)
		p.rule(x, lanesTop, x, bottom, 0.75, faint)
	}
	for i, lane := range lanes {
		l.drawLane(lane, lanesTop+laneHeight*float64(i))
	}
	l.heading(sharesTop-8, "good calls")
	p.horizontalGrid(share, l.left, timeWidth, sharesTop, panelHeight)
	l.drawShares(share, sharesTop)

	l.heading(ratesTop-8, "calls a second")
	l.rateLegend(ratesTop - 8)
	p.horizontalGrid(rate, l.left, timeWidth, ratesTop, panelHeight)
	l.drawRates(rate, ratesTop)

	for i, lane := range alerts {
		l.drawAlerts(lane, i, lanesTop+laneHeight*float64(len(lanes)+i))
		for _, m := range lane { // through the panels, but not through their headings
			x := l.x(m.At)
			for _, top := range []float64{sharesTop, ratesTop} {
				l.p.rule(x, top, x, top+panelHeight, 0.9, okabeIto[0], 3, 2.5)
			}
		}
	}

	p.verticalGrid(l.across, l.left, timeWidth, bottom, bottom)
	p.footer(bottom+42, t.Footer)
	return p
}

// x returns where an instant stands; what lies outside stands at the edge.
func (l *timelineLayout) x(at time.Duration) float64 {
	return l.left + timeWidth*min(max(l.across.share(at.Seconds()), 0), 1)
}

func (l *timelineLayout) heading(y float64, s string) {
	l.p.add(text{x: l.left, y: y, s: s, size: textSize, bold: true, colour: black})
}

// faultTime shades the time of a fault.
var faultTime = color.NRGBA{253, 241, 232, 255}

// A lane holds the faults of one cause.
type lane struct {
	name  string
	spans []Span
}

// lanes gathers the faults by cause, in the order in which causes first appear. What
// is too many shares the last lane.
func (l *timelineLayout) lanes() []lane {
	var lanes []lane
	for _, f := range l.Faults {
		if f.To < l.From || f.From > l.To {
			continue
		}
		i := slices.IndexFunc(lanes, func(lane lane) bool { return lane.name == f.Name })
		if i < 0 {
			i = len(lanes)
			lanes = append(lanes, lane{name: f.Name})
		}
		lanes[i].spans = append(lanes[i].spans, f)
	}
	if len(lanes) > mostLanes {
		rest := lane{name: fmt.Sprintf("%d other causes", len(lanes)-mostLanes+1)}
		for _, other := range lanes[mostLanes-1:] {
			rest.spans = append(rest.spans, other.spans...)
		}
		lanes = append(lanes[:mostLanes-1], rest)
	}
	return lanes
}

func (l *timelineLayout) drawLane(lane lane, y float64) {
	base := y + laneHeight/2 + tickSize*0.36
	l.p.add(text{x: l.left - 6, y: base, s: l.p.fit(lane.name, tickSize, false, l.left-6-margin), size: tickSize, colour: black, align: end})
	free := l.left // where the last name ended
	for i, f := range lane.spans {
		x0, x1 := l.x(f.From), l.x(f.To)
		wide := max(x1-x0, 2)
		l.p.rect(x0, y+3, wide, laneHeight-6, solid(okabeIto[3]))
		if f.On == "" {
			continue
		}
		// The victim's name stands in the bar or after it, or nowhere: two bars of one
		// lane may overlap, when one cause has two victims at once.
		name := text{x: x0 + 4, y: base - 0.4, s: f.On, size: footSize, colour: white}
		room := l.p.measure(f.On, footSize, false) + 8
		if room > wide {
			name.x, name.colour = x0+wide+4, soft
		}
		if name.x-4 >= free && name.x+room <= l.left+timeWidth && l.clear(lane, i, x0, name.x+room) {
			l.p.add(name)
			free = name.x + room
		}
	}
}

// clear reports whether no other fault of the lane lies between two places.
func (l *timelineLayout) clear(lane lane, but int, from, to float64) bool {
	for i, f := range lane.spans {
		if i != but && l.x(f.From) < to && l.x(f.To)+2 > from {
			return false
		}
	}
	return true
}

// alertLanes shares the alerts out so that their names do not overlap.
func (l *timelineLayout) alertLanes() [][]Mark {
	var lanes [][]Mark
	var ends []float64
	scale := timeWidth / (l.To - l.From).Seconds()
	for _, m := range l.Alerts {
		if m.At < l.From || m.At > l.To {
			continue
		}
		from := (m.At - l.From).Seconds() * scale
		wide := l.p.measure(m.Name, tickSize, false) + 14
		if from+wide > timeWidth { // its name stands at the left
			from -= wide
		}
		i := slices.IndexFunc(ends, func(end float64) bool { return from >= end })
		if i < 0 {
			i = len(lanes)
			lanes, ends = append(lanes, nil), append(ends, 0)
		}
		lanes[i] = append(lanes[i], m)
		ends[i] = from + wide + 6
	}
	return lanes
}

func (l *timelineLayout) drawAlerts(marks []Mark, i int, y float64) {
	base := y + laneHeight/2 + tickSize*0.36
	if i == 0 {
		l.p.add(text{x: l.left - 6, y: base, s: "alerts", size: tickSize, colour: black, align: end})
	}
	for _, m := range marks {
		x := l.x(m.At)
		l.p.add(area{points: []point{{x - 4.5, y + 4}, {x + 4.5, y + 4}, {x, y + 13}}, colour: solid(okabeIto[0])})
		mark := text{x: x + 8, y: base, s: m.Name, size: tickSize, colour: black}
		if x+14+l.p.measure(m.Name, tickSize, false) > l.left+timeWidth {
			mark.x, mark.align = x-8, end
		}
		l.p.add(mark)
	}
}

// shareAxis shows at least the upper tenth, so that a dip of a thousandth does not
// look like an outage.
func (l *timelineLayout) shareAxis() axis {
	values := []float64{90, 100}
	for _, w := range l.Windows {
		if n := w.Good + w.Bad; n > 0 {
			values = append(values, 100*float64(w.Good)/float64(n))
		}
	}
	a := newAxis(Linear, values, func(a axis) bool { return linesFit(a, panelHeight) })
	for i := range a.ticks {
		a.ticks[i].label += " %"
	}
	return a
}

func (l *timelineLayout) rateAxis() axis {
	most := 0.0
	for _, w := range l.Windows {
		most = max(most, float64(w.Good+w.Bad)/(w.To-w.From).Seconds())
	}
	return newAxis(Linear, []float64{0, most}, func(a axis) bool { return linesFit(a, panelHeight) })
}

// drawShares draws a level line for each window; a window without calls is a gap.
func (l *timelineLayout) drawShares(a axis, top float64) {
	at := func(percent float64) float64 { return top + panelHeight*(1-a.share(percent)) }
	if l.Target > 0 {
		y := at(100 * l.Target)
		l.p.rule(l.left, y, l.left+timeWidth, y, 1.1, black, 4, 2.5)
		l.p.targetLabel(l.left+timeWidth, top-8, "target "+trimZeros(percent(l.Target, 9))+" %")
	}
	var steps []point
	flush := func() {
		if len(steps) > 0 {
			l.p.add(line{points: steps, colour: black, width: 1.4})
		}
		steps = nil
	}
	for i, w := range l.Windows {
		n := w.Good + w.Bad
		if n == 0 || i > 0 && w.From > l.Windows[i-1].To {
			flush()
		}
		if n == 0 {
			continue
		}
		y := at(100 * float64(w.Good) / float64(n))
		steps = append(steps, point{l.x(w.From), y}, point{l.x(w.To), y})
	}
	flush()
}

// The colours of good and bad calls.
var goodCalls, badCalls = okabeIto[4], okabeIto[3]

// drawRates stacks the bad calls of each window on the good ones.
func (l *timelineLayout) drawRates(a axis, top float64) {
	bottom := top + panelHeight
	var lower, upper []point // the tops of the good calls and of all
	for _, w := range l.Windows {
		seconds := (w.To - w.From).Seconds()
		good := bottom - panelHeight*a.share(float64(w.Good)/seconds)
		all := bottom - panelHeight*a.share(float64(w.Good+w.Bad)/seconds)
		lower = append(lower, point{l.x(w.From), good}, point{l.x(w.To), good})
		upper = append(upper, point{l.x(w.From), all}, point{l.x(w.To), all})
	}
	if len(lower) == 0 {
		return
	}
	floor := []point{{lower[len(lower)-1].x, bottom}, {lower[0].x, bottom}}
	l.p.add(area{points: slices.Concat(lower, floor), colour: solid(lighter(goodCalls))})
	slices.Reverse(lower)
	l.p.add(area{points: slices.Concat(upper, lower), colour: solid(badCalls)})
}

func (l *timelineLayout) rateLegend(y float64) {
	x := l.left + l.p.measure("calls a second", textSize, true) + 2*gutter
	for _, part := range []struct {
		name   string
		colour color.RGBA
	}{{"good", lighter(goodCalls)}, {"bad", badCalls}} {
		l.p.rect(x, y-8, 9, 9, solid(part.colour))
		l.p.add(text{x: x + 14, y: y, s: part.name, size: tickSize, colour: black})
		x += 14 + l.p.measure(part.name, tickSize, false) + gutter
	}
}

// timeAxis has ticks at the round times of clocks and calendars, and ends where the
// time does.
func timeAxis(from, to time.Duration, fits func(axis) bool) axis {
	const day = 24 * time.Hour
	var a axis
	for _, step := range []time.Duration{
		time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond,
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
		day, 2 * day, 7 * day, 14 * day, 28 * day, 91 * day, 182 * day, 364 * day, 3640 * day,
	} {
		if (to-from)/step > 50 {
			continue
		}
		a = axis{scale: Linear, lo: from.Seconds(), hi: to.Seconds()}
		for at := time.Duration(math.Ceil(float64(from)/float64(step))) * step; at <= to; at += step {
			a.ticks = append(a.ticks, tick{at.Seconds(), Duration(at)})
		}
		if fits(a) {
			return a
		}
	}
	return a
}
