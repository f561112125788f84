package report

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"strings"
	"time"
)

// A Comparison is the chart of several variants of one scenario under one objective.
// Each variant is a row: how available it is, with its interval, on an axis of nines;
// beside it the bad minutes of a year by cause, its servers and its load factor.
//
// Totals of 2050 and of 63 minutes meet in one chart. The bars stay linear from zero
// and carry their total as a number: on a logarithmic or square-root axis a stack lies
// about its parts, and a broken bar lies about its length. What gets lost is of what
// the short bars consist; so when the shortest falls below a sixth of the longest, a
// second column of bars, all equally long, shows each variant's minutes as shares.
// How the magnitudes compare can be read at the left, where equal steps are equal
// factors.
type Comparison struct {
	Title    string // "webshop: checkout"
	Subtitle string // one or two sentences; empty: what is shown and the interval level

	Target float64 // of the objective, 0.999; 0: none is drawn
	Level  float64 // of the intervals, 0.95
	Inputs bool    // the intervals hold the uncertainty of the incident rates too

	// Causes are all causes of the scenario, in its order, also those that did not
	// matter here: a cause's colour follows from its place.
	Causes []string
	Rows   []Row
	Year   time.Duration // that bad minutes are counted in; 0: 365 days

	Footer Footer
}

// A Row is one variant.
type Row struct {
	Name         string
	Availability Estimate  // of 0 to 1; a Value of exactly 1: no failure was seen, and Low is what is known
	BadMinutes   []float64 // a year (see Comparison.Year), due to each of the chart's Causes
	Servers      int       // 0: not known
	Load         float64   // attempts that reach the servers per call, relative to calls without retries; 0: not known
}

// Validate names everything that cannot be drawn.
func (c Comparison) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Rows) == 0 {
		bad("comparison: no variants to draw")
	}
	if len(c.Causes) == 0 {
		bad("comparison: no causes; a study that does not tell them apart has one")
	}
	if !(c.Target >= 0 && c.Target < 1) {
		bad("comparison: target is %v, need 0 (none) to below 1", c.Target)
	}
	if !(c.Level > 0 && c.Level < 1) {
		bad("comparison: interval level is %v, need between 0 and 1", c.Level)
	}
	if c.Year < 0 {
		bad("comparison: year is %v, need 0 (365 days) or more", c.Year)
	}
	for _, r := range c.Rows {
		if e := r.Availability; !(0 <= e.Low && e.Low <= e.Value && e.Value <= e.High && e.High <= 1) {
			bad("comparison: %s: availability is %v in [%v, %v], need 0 <= low <= value <= high <= 1", r.Name, e.Value, e.Low, e.High)
		}
		if len(r.BadMinutes) != len(c.Causes) {
			bad("comparison: %s: bad minutes for %d causes, need %d", r.Name, len(r.BadMinutes), len(c.Causes))
		}
		for i, m := range r.BadMinutes {
			if !(m >= 0 && !math.IsInf(m, 0)) && i < len(c.Causes) {
				bad("comparison: %s: bad minutes by %s are %v, need 0 or more", r.Name, c.Causes[i], m)
			}
		}
		if r.Servers < 0 || !(r.Load >= 0) {
			bad("comparison: %s: %d servers, load factor %v, need 0 (not known) or more", r.Name, r.Servers, r.Load)
		}
	}
	return errors.Join(errs...)
}

// The sizes of a comparison.
const (
	ninesWidth  = 236.0
	barsWidth   = 208.0 // of each column of bars, if there are two
	tableColumn = 46.0  // servers, load
)

// comparisonLayout is where the columns of a comparison lie.
type comparisonLayout struct {
	Comparison
	p                     *picture
	name, nameWidth       float64 // left edge and width of the names
	good, goodPoint       float64 // right edge and decimal point of the numbers beside them
	nines, bars, shares   float64 // left edges of the panels
	barsWidth             float64 // of the bars' panel, with the numbers at their ends
	axis                  axis    // of the nines
	colours               []color.RGBA
	servers, load         float64 // right edges of the text columns
	top, bottom, rowSpace float64 // of the rows
	twoBars               bool
}

func (c Comparison) layout() *picture {
	l := comparisonLayout{Comparison: c, p: newPicture(0), colours: causeColours(c.Causes)}
	l.p.title = c.alt()
	l.axis = l.ninesAxis()
	l.placeColumns()

	y := l.p.header(c.Title, c.subtitle())
	l.top = l.headings(y+26) + 8
	l.rowSpace = rowSpace(len(c.Rows))
	l.bottom = l.top + l.rowSpace*float64(len(c.Rows))

	l.drawGuides()
	l.drawNinesAxis()
	for i, r := range c.Rows {
		y := l.top + l.rowSpace*(float64(i)+0.5)
		l.drawText(r, y)
		l.drawEstimate(r.Availability, y)
	}
	l.drawBars()
	if l.twoBars {
		l.drawShares()
	}
	l.p.footer(l.bottom+40, c.Footer)
	return l.p
}

// rowSpace gives few rows air and many rows room.
func rowSpace(rows int) float64 {
	switch {
	case rows <= 6:
		return 28
	case rows <= 12:
		return 24
	}
	return 20
}

func (l *comparisonLayout) placeColumns() {
	widest := l.p.measure("variant", textSize, true)
	var whole, fraction float64
	for _, r := range l.Rows {
		widest = max(widest, l.p.measure(r.Name, rowSize, false))
		w, f := atPoint(r.Availability.Percent())
		whole = max(whole, l.p.measure(w, rowSize, false))
		fraction = max(fraction, l.p.measure(f, rowSize, false))
	}
	heading := l.p.measure("good %", textSize, true)
	number := max(whole+fraction, heading)
	l.twoBars = l.needsShares()
	l.name = margin
	l.nameWidth = min(widest, widestName)
	l.good = l.name + l.nameWidth + gutter + number
	l.goodPoint = l.good - fraction - (number-whole-fraction)/2
	l.nines = l.good + gutter + 8
	l.bars = l.nines + ninesWidth + l.p.measure(l.axis.ticks[len(l.axis.ticks)-1].label, tickSize, false)/2 + gutter
	l.barsWidth = barsWidth*1.5 + gutter
	right := l.bars + l.barsWidth
	if l.twoBars {
		l.barsWidth = barsWidth
		l.shares = l.bars + barsWidth + gutter
		right = l.shares + barsWidth
	}
	l.servers = right + gutter + tableColumn
	l.load = l.servers + tableColumn
	l.p.width = l.load + margin
}

func (l *comparisonLayout) needsShares() bool {
	longest, shortest := 0.0, math.Inf(1)
	for _, r := range l.Rows {
		if t := total(r.BadMinutes); t > 0 {
			longest, shortest = max(longest, t), min(shortest, t)
		}
	}
	return shortest < longest/6
}

func total(vs []float64) float64 {
	sum := 0.0
	for _, v := range vs {
		sum += v
	}
	return sum
}

func (c Comparison) subtitle() string {
	if c.Subtitle != "" {
		return c.Subtitle
	}
	from := "sampling"
	if c.Inputs {
		from = "sampling and incident rates"
	}
	return fmt.Sprintf("Share of good calls with %s %% intervals (%s), and the bad minutes %s by what they are due to.",
		Number(100*c.Level), from, c.per("of a year"))
}

// per says of which time bad minutes are counted.
func (c Comparison) per(year string) string {
	if c.Year == 0 || c.Year == 365*24*time.Hour {
		return year
	}
	return "in " + Duration(c.Year)
}

// alt says in words what the picture shows.
func (c Comparison) alt() string {
	var rows []string
	for _, r := range c.Rows {
		rows = append(rows, r.Name+" "+r.Availability.Percent()+" %")
	}
	return c.Title + ". " + strings.Join(rows, ", ")
}

// headings writes the panels' headings and the legend, from y down, and returns where
// they end.
func (l *comparisonLayout) headings(y float64) float64 {
	bold := func(x, y float64, s string, a align) {
		l.p.add(text{x: x, y: y, s: s, size: textSize, bold: true, colour: black, align: a})
	}
	bold(l.nines, y, "good calls", start)
	bold(l.bars, y, "bad minutes "+l.per("a year")+", by cause", start)
	if l.twoBars {
		bold(l.shares, y, "the same as shares", start)
	}
	low := l.legend(l.bars, l.servers-tableColumn-gutter, y+17)
	bold(l.name, low, "variant", start)
	bold(l.good, low, "good %", end)
	bold(l.servers, low, "servers", end)
	bold(l.load, low, "load", end)
	return low
}

// legend names the causes that have a part in some bar, in as many lines as it takes
// between left and right, and returns the last line's baseline.
func (l *comparisonLayout) legend(left, right, y float64) float64 {
	const box, space, apart = 9.0, 5.0, 12.0
	var widths []float64
	var widest, all float64
	for i, name := range l.Causes {
		wide := box + space + apart + l.p.measure(name, tickSize, false)
		widths = append(widths, min(wide, right-left))
		if l.seen(i) {
			widest = max(widest, widths[i])
			all += widths[i]
		}
	}
	x := left
	for i, name := range l.Causes {
		if !l.seen(i) {
			continue
		}
		wide := widths[i]
		if all > right-left+apart { // several lines read best as a grid
			wide = widest
		}
		if x > left && x+wide > right+apart {
			x, y = left, y+14
		}
		name = l.p.fit(name, tickSize, false, wide-box-space-apart)
		l.p.rect(x, y-box+1, box, box, solid(l.colours[i]))
		l.p.add(text{x: x + box + space, y: y, s: name, size: tickSize, colour: black})
		x += wide
	}
	return y
}

func (l *comparisonLayout) seen(cause int) bool {
	for _, r := range l.Rows {
		if r.BadMinutes[cause] > 0 {
			return true
		}
	}
	return false
}

// drawGuides lead the eye along the rows.
func (l *comparisonLayout) drawGuides() {
	for i := range len(l.Rows) + 1 {
		y := l.top + l.rowSpace*float64(i)
		l.p.rule(l.name, y, l.load, y, 0.75, hair)
	}
}

func (l *comparisonLayout) drawText(r Row, y float64) {
	base := y + rowSize*0.36
	name := l.p.fit(r.Name, rowSize, false, l.nameWidth)
	l.p.add(text{x: l.name, y: base, s: name, size: rowSize, colour: black})
	good := r.Availability.Percent()
	whole, _ := atPoint(good)
	l.p.add(text{x: l.goodPoint - l.p.measure(whole, rowSize, false), y: base, s: good, size: rowSize, colour: black})
	servers, load := none, none
	if r.Servers > 0 {
		servers = fmt.Sprint(r.Servers)
	}
	if r.Load > 0 {
		load = Factor(r.Load)
	}
	l.p.add(text{x: l.servers, y: base, s: servers, size: rowSize, colour: black, align: end})
	l.p.add(text{x: l.load, y: base, s: load, size: rowSize, colour: black, align: end})
}

func (l *comparisonLayout) ninesAxis() axis {
	var values []float64
	for _, r := range l.Rows {
		e := r.Availability
		values = append(values, e.Value, e.Low, e.High)
	}
	if l.Target > 0 {
		values = append(values, l.Target)
	}
	return newAxis(Nines, values, func(a axis) bool { return l.p.labelsFit(a, ninesWidth) })
}

func (l *comparisonLayout) drawNinesAxis() {
	at := func(v float64) float64 { return l.nines + ninesWidth*l.axis.at(v) }
	if l.Target > 0 {
		x := at(l.Target)
		l.p.rect(x, l.top, l.nines+ninesWidth-x, l.bottom-l.top, meets)
	}
	l.p.verticalGrid(l.axis, l.nines, ninesWidth, l.top, l.bottom)
	if l.Target > 0 {
		x := at(l.Target)
		l.p.rule(x, l.top-4, x, l.bottom, 1.1, black, 4, 2.5)
		label := "target " + trimZeros(percent(l.Target, 9)) + " %"
		half := l.p.measure(label, textSize, true) / 2
		x = min(max(x, l.nines+half), l.nines+ninesWidth-half)
		l.p.add(text{x: x, y: l.top - 8, s: label, size: textSize, bold: true, colour: black, align: middle})
	}
}

// drawEstimate draws a dot with its interval. Without a failure seen there is no dot,
// only the least that the availability can be: an open marker, and an arrow from it
// to the better side.
func (l *comparisonLayout) drawEstimate(e Estimate, y float64) {
	at := func(v float64) float64 { return l.nines + ninesWidth*min(max(l.axis.at(v), 0), 1) }
	low, high := at(e.Low), at(e.High)
	if e.High >= 1 {
		high = l.nines + ninesWidth - 2
		l.p.arrow(low, high, y)
	} else {
		l.p.rule(low, y, high, y, 2, black)
		for _, x := range []float64{low, high} {
			l.p.rule(x, y-3.5, x, y+3.5, 1.2, black)
		}
	}
	if e.Value >= 1 {
		l.p.add(disc{x: low, y: y, r: 3.6, fill: white, edge: black, width: 1.4})
		return
	}
	l.p.add(disc{x: at(e.Value), y: y, r: 3.8, fill: black, edge: white, width: 1})
}

func (l *comparisonLayout) drawBars() {
	longest := 0.0
	for _, r := range l.Rows {
		longest = max(longest, total(r.BadMinutes))
	}
	width := l.barsWidth
	for _, r := range l.Rows { // every bar has room for its number
		if t := total(r.BadMinutes); t > 0 {
			width = min(width, (l.barsWidth-l.p.measure(l.totalOf(r), rowSize, true)-5)*longest/t)
		}
	}
	a := fromZero(longest, func(a axis) bool { return l.p.labelsFit(a, width) })
	l.p.verticalGrid(a, l.bars, width, l.top, l.bottom)
	for i, r := range l.Rows {
		y := l.top + l.rowSpace*(float64(i)+0.5)
		x := l.bars
		for k, m := range r.BadMinutes {
			wide := width * m / a.hi
			l.segment(x, y, wide, k, m, Minutes(m))
			x += wide
		}
		l.p.add(text{x: x + 5, y: y + rowSize*0.36, s: l.totalOf(r), size: rowSize, bold: true, colour: black})
	}
}

// totalOf is the number at the end of a row's bar: a bound if no failure was seen.
func (l *comparisonLayout) totalOf(r Row) string {
	t := total(r.BadMinutes)
	if r.Availability.Value < 1 || t > 0 {
		return Minutes(t)
	}
	year := l.Year
	if year == 0 {
		year = 365 * 24 * time.Hour
	}
	return "none seen, <" + Minutes((1-r.Availability.Low)*year.Minutes())
}

func (l *comparisonLayout) drawShares() {
	a := axis{scale: Linear, lo: 0, hi: 100, ticks: []tick{{0, "0"}, {50, "50 %"}, {100, "100 %"}}}
	l.p.verticalGrid(a, l.shares, barsWidth, l.top, l.bottom)
	for i, r := range l.Rows {
		y := l.top + l.rowSpace*(float64(i)+0.5)
		sum := total(r.BadMinutes)
		if sum == 0 {
			high := l.barHeight()
			l.p.rect(l.shares, y-high/2, barsWidth, high, nought)
			continue
		}
		x := l.shares
		for k, m := range r.BadMinutes {
			wide := barsWidth * m / sum
			l.segment(x, y, wide, k, m, fmt.Sprintf("%.0f %%", 100*m/sum))
			x += wide
		}
	}
}

func (l *comparisonLayout) barHeight() float64 { return math.Round(l.rowSpace * 0.62) }

// segment draws one cause's part of a bar, with its number if there is room.
func (l *comparisonLayout) segment(x, y, wide float64, cause int, minutes float64, label string) {
	if minutes == 0 {
		return
	}
	high := l.barHeight()
	c := l.colours[cause]
	l.p.rect(x, y-high/2, wide, high, solid(c))
	if wide > 1.5 { // a hairline of white keeps neighbours apart in print
		l.p.rule(x+wide, y-high/2, x+wide, y+high/2, 0.6, white)
	}
	if l.p.measure(label, tickSize, false)+6 <= wide {
		l.p.add(text{x: x + wide/2, y: y + tickSize*0.36, s: label, size: tickSize, colour: ink(c), align: middle})
	}
}
