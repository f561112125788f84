package report

import (
	"image/color"
	"strings"

	stdfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/vg"
)

// A picture is a list of marks on a page. A chart is laid out once, from the top
// down, and its height is known only at the end; then one of the formats draws the
// marks. Tests read the marks too: what is written, and that nothing overlaps.
//
// Lengths are points (1/72 inch); x grows to the right and y downwards, from the
// top left corner. A text's y is its baseline.
type picture struct {
	width, height float64
	title         string // for readers who cannot see it
	marks         []any  // text, line, area or disc, drawn in this order
	fonts         *font.Cache
}

type text struct {
	x, y   float64
	s      string
	size   float64
	bold   bool
	colour color.RGBA
	align  align
}

type line struct {
	points []point
	colour color.RGBA
	width  float64
	dashes []float64
}

type area struct {
	points []point
	colour color.NRGBA
}

type disc struct {
	x, y, r float64
	fill    color.RGBA
	edge    color.RGBA
	width   float64 // of the edge; 0: none
}

type point struct{ x, y float64 }

// align says which part of a text stands at its x.
type align int

const (
	start align = iota
	middle
	end
)

func newPicture(width float64) *picture {
	return &picture{width: width, fonts: font.NewCache(liberation.Collection())}
}

func (p *picture) add(m any) { p.marks = append(p.marks, m) }

// rect fills the rectangle whose top left corner is at x, y.
func (p *picture) rect(x, y, w, h float64, c color.NRGBA) {
	p.add(area{points: []point{{x, y}, {x + w, y}, {x + w, y + h}, {x, y + h}}, colour: c})
}

// rule draws a straight line.
func (p *picture) rule(x0, y0, x1, y1, width float64, c color.RGBA, dashes ...float64) {
	p.add(line{points: []point{{x0, y0}, {x1, y1}}, colour: c, width: width, dashes: dashes})
}

// face is Liberation Sans, whose widths are those of Arial and Helvetica, so that a
// layout measured with it holds in an SVG viewer that has only one of those.
func (p *picture) face(size float64, bold bool) font.Face {
	f := font.Font{Typeface: "Liberation", Variant: "Sans"}
	if bold {
		f.Weight = stdfont.WeightBold
	}
	return p.fonts.Lookup(f, vg.Points(size))
}

// measure returns the width of s.
func (p *picture) measure(s string, size float64, bold bool) float64 {
	f := p.face(size, bold)
	return f.Width(s).Points()
}

// fit shortens s in its middle until it is no wider than width: the start says what
// it is, and names made by a program differ at the end.
func (p *picture) fit(s string, size float64, bold bool, width float64) string {
	if p.measure(s, size, bold) <= width {
		return s
	}
	r := []rune(s)
	for keep := len(r) - 1; keep > 1; keep-- {
		head := (keep + 1) / 2
		short := string(r[:head]) + "…" + string(r[len(r)-(keep-head):])
		if p.measure(short, size, bold) <= width {
			return short
		}
	}
	return "…"
}

// wrap breaks s between words into lines no wider than width; a word wider than
// that is shortened.
func (p *picture) wrap(s string, size float64, width float64) []string {
	var lines []string
	var current string
	for _, word := range strings.Fields(s) {
		word = p.fit(word, size, false, width)
		longer := strings.TrimSpace(current + " " + word)
		if current != "" && p.measure(longer, size, false) > width {
			lines = append(lines, current)
			longer = word
		}
		current = longer
	}
	if current != "" {
		lines = append(lines, current)
	}
	return lines
}
