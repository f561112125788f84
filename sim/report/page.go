package report

import (
	"image/color"
	"math"
	"strings"
)

// The sizes that charts share, in points.
const (
	margin    = 24.0
	gutter    = 14.0 // between columns
	titleSize = 15.0
	textSize  = 10.0
	rowSize   = 10.5
	tickSize  = 9.0
	footSize  = 8.0

	widestName = 200.0 // longer names of rows and lanes are shortened
)

// A Footer says how to make the chart again.
type Footer struct {
	Command  string // "nines compare webshop"
	Seeds    string // "1-40"
	Version  string // "v0.1.0"
	Scenario string // hash of the scenario
}

// labelsFit reports whether an axis of this width can show its labels side by side,
// and not too many of them.
func (p *picture) labelsFit(a axis, width float64) bool {
	last := math.Inf(-1)
	for _, t := range a.ticks {
		half := p.measure(t.label, tickSize, false) / 2
		x := width * a.share(t.at)
		if x-half < last+10 {
			return false
		}
		last = x + half
	}
	return len(a.ticks) <= 7
}

// verticalGrid draws the grid of a horizontal axis and its labels under it.
func (p *picture) verticalGrid(a axis, left, width, top, bottom float64) {
	for _, t := range a.ticks {
		x := left + width*a.share(t.at)
		p.rule(x, top, x, bottom, 0.75, faint)
		p.rule(x, bottom, x, bottom+3.5, 0.75, soft)
		p.add(text{x: x, y: bottom + 14, s: t.label, size: tickSize, colour: soft, align: middle})
	}
	p.rule(left, bottom, left+width, bottom, 0.75, soft)
}

// arrow draws a line to the right with a head at its end.
func (p *picture) arrow(from, to, y float64) {
	p.rule(from, y, to-5, y, 2, black)
	p.add(area{points: []point{{to, y}, {to - 7, y - 4}, {to - 7, y + 4}}, colour: solid(black)})
}

// header writes title and subtitle and returns the last baseline.
func (p *picture) header(title, subtitle string) float64 {
	y := 20 + titleSize
	p.add(text{x: margin, y: y, s: p.fit(title, titleSize, true, p.width-2*margin), size: titleSize, bold: true, colour: black})
	for i, s := range p.wrap(subtitle, textSize, p.width-2*margin) {
		y += 14
		if i == 0 {
			y += 3
		}
		p.add(text{x: margin, y: y, s: s, size: textSize, colour: soft})
	}
	return y
}

// footer writes the footer and ends the page below it.
func (p *picture) footer(y float64, f Footer) {
	var parts []string
	for _, part := range [][2]string{{"", f.Command}, {"seeds ", f.Seeds}, {"nines ", f.Version}, {"scenario ", f.Scenario}} {
		if part[1] != "" {
			parts = append(parts, part[0]+part[1])
		}
	}
	lines := p.wrap(strings.Join(parts, "  ·  "), footSize, p.width-2*margin)
	for i, s := range lines {
		p.add(text{x: margin, y: y + 11*float64(i), s: s, size: footSize, colour: soft})
	}
	p.height = y + 11*float64(max(len(lines)-1, 0)) + 16
}

// marker draws the i-th kind of marker: disc, square, triangle, diamond, and the
// triangle's other direction.
func (p *picture) marker(i int, x, y float64, fill, edge color.RGBA) {
	const r = 3.4
	var corners []point
	switch i % 5 {
	case 0:
		p.add(disc{x: x, y: y, r: r, fill: fill, edge: edge, width: 1.2})
		return
	case 1:
		corners = []point{{x - r, y - r}, {x + r, y - r}, {x + r, y + r}, {x - r, y + r}}
	case 2:
		corners = []point{{x, y - 1.3*r}, {x + 1.2*r, y + 0.9*r}, {x - 1.2*r, y + 0.9*r}}
	case 3:
		corners = []point{{x, y - 1.4*r}, {x + 1.4*r, y}, {x, y + 1.4*r}, {x - 1.4*r, y}}
	case 4:
		corners = []point{{x, y + 1.3*r}, {x + 1.2*r, y - 0.9*r}, {x - 1.2*r, y - 0.9*r}}
	}
	p.add(area{points: corners, colour: solid(fill)})
	p.add(line{points: append(corners, corners[0], corners[1]), colour: edge, width: 1.2})
}

// targetLabel names a target's line, at the right end of a panel's heading.
func (p *picture) targetLabel(right, y float64, label string) {
	x := right - p.measure(label, tickSize, true)
	p.add(text{x: right, y: y, s: label, size: tickSize, bold: true, colour: black, align: end})
	p.rule(x-26, y-3, x-6, y-3, 1.1, black, 4, 2.5)
}

// horizontalGrid draws the grid of a vertical axis and its labels at the left of it.
func (p *picture) horizontalGrid(a axis, left, width, top, height float64) {
	for _, t := range a.ticks {
		y := top + height*(1-a.share(t.at))
		p.rule(left, y, left+width, y, 0.75, faint)
		p.add(text{x: left - 6, y: y + tickSize*0.36, s: t.label, size: tickSize, colour: soft, align: end})
	}
}
