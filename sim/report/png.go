package report

import (
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
)

// dpi makes a chart of 12 inches 2300 pixels wide: sharp on a dense screen, and
// still small enough to paste anywhere.
const dpi = 192

func writePNG(w io.Writer, p *picture) error {
	c := vgimg.PngCanvas{Canvas: vgimg.NewWith(
		vgimg.UseWH(vg.Points(p.width), vg.Points(p.height)),
		vgimg.UseDPI(dpi),
		vgimg.UseBackgroundColor(color.White),
	)}
	at := func(x, y float64) vg.Point { // vg counts y from the bottom
		return vg.Point{X: vg.Points(x), Y: vg.Points(p.height - y)}
	}
	path := func(points []point) vg.Path {
		var path vg.Path
		path.Move(at(points[0].x, points[0].y))
		for _, q := range points[1:] {
			path.Line(at(q.x, q.y))
		}
		return path
	}
	for _, m := range p.marks {
		switch m := m.(type) {
		case text:
			f := p.face(m.size, m.bold)
			x := m.x - f.Width(m.s).Points()*float64(m.align)/2
			c.SetColor(m.colour)
			c.FillString(f, at(x, m.y), m.s)
		case line:
			c.SetColor(m.colour)
			c.SetLineWidth(vg.Points(m.width))
			c.SetLineDash(lengths(m.dashes), 0)
			c.Stroke(path(m.points))
		case area:
			c.SetColor(m.colour)
			outline := path(m.points)
			outline.Close()
			c.Fill(outline)
		case disc:
			var circle vg.Path
			circle.Move(at(m.x+m.r, m.y))
			circle.Arc(at(m.x, m.y), vg.Points(m.r), 0, 2*math.Pi)
			circle.Close()
			c.SetColor(m.fill)
			c.Fill(circle)
			if m.width > 0 {
				c.SetColor(m.edge)
				c.SetLineWidth(vg.Points(m.width))
				c.SetLineDash(nil, 0)
				c.Stroke(circle)
			}
		}
	}
	_, err := c.WriteTo(w)
	return err
}

func lengths(points []float64) []vg.Length {
	var ls []vg.Length
	for _, p := range points {
		ls = append(ls, vg.Points(p))
	}
	return ls
}
