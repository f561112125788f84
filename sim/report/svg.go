package report

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"io"
	"strconv"
	"strings"
)

// families are fonts with the same widths, first the one that the layout was
// measured with. They are named, not embedded: embedding makes a chart of 20 KB one
// of a megabyte.
const families = "Liberation Sans, Arial, Helvetica, sans-serif"

// writeSVG writes texts with their anchor, so that a column stays aligned even in a
// viewer that substitutes a font of other widths.
func writeSVG(w io.Writer, p *picture) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%spt" height="%spt" viewBox="0 0 %s %s" role="img" font-family="%s">`+"\n",
		num(p.width), num(p.height), num(p.width), num(p.height), families)
	fmt.Fprintf(&b, "<title>%s</title>\n", html.EscapeString(p.title))
	fmt.Fprintf(&b, `<rect width="%s" height="%s" fill="#ffffff"/>`+"\n", num(p.width), num(p.height))
	for _, m := range p.marks {
		switch m := m.(type) {
		case text:
			fmt.Fprintf(&b, `<text x="%s" y="%s" font-size="%s"`, num(m.x), num(m.y), num(m.size))
			if m.bold {
				b.WriteString(` font-weight="bold"`)
			}
			if m.align != start {
				fmt.Fprintf(&b, ` text-anchor="%s"`, [...]string{middle: "middle", end: "end"}[m.align])
			}
			fmt.Fprintf(&b, ` fill="%s">%s</text>`+"\n", hex(m.colour), html.EscapeString(m.s))
		case line:
			fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="%s"`, coordinates(m.points), hex(m.colour), num(m.width))
			if len(m.dashes) > 0 {
				fmt.Fprintf(&b, ` stroke-dasharray="%s"`, nums(m.dashes))
			}
			b.WriteString("/>\n")
		case area:
			fmt.Fprintf(&b, `<polygon points="%s" fill="%s"`, coordinates(m.points), hex(color.RGBA{m.colour.R, m.colour.G, m.colour.B, 255}))
			if m.colour.A != 255 {
				fmt.Fprintf(&b, ` fill-opacity="%s"`, num(float64(m.colour.A)/255))
			}
			b.WriteString("/>\n")
		case disc:
			fmt.Fprintf(&b, `<circle cx="%s" cy="%s" r="%s" fill="%s"`, num(m.x), num(m.y), num(m.r), hex(m.fill))
			if m.width > 0 {
				fmt.Fprintf(&b, ` stroke="%s" stroke-width="%s"`, hex(m.edge), num(m.width))
			}
			b.WriteString("/>\n")
		}
	}
	b.WriteString("</svg>\n")
	_, err := b.WriteTo(w)
	return err
}

// num writes a coordinate with two decimals, a few thousandths of a millimetre: what
// differs between processors lies far below.
func num(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	if s == "-0" {
		return "0"
	}
	return s
}

func nums(vs []float64) string {
	s := make([]string, len(vs))
	for i, v := range vs {
		s[i] = num(v)
	}
	return strings.Join(s, " ")
}

func coordinates(points []point) string {
	s := make([]string, len(points))
	for i, q := range points {
		s[i] = num(q.x) + "," + num(q.y)
	}
	return strings.Join(s, " ")
}

func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }
