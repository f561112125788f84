package report

import (
	"io"
	"time"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"codeberg.org/go-pdf/fpdf"
)

// writePDF embeds the letters that it uses. It draws with fpdf rather than with
// gonum's canvas over it, which cannot fix the dates, puts fonts in map order and
// knows no letter outside Windows-1252.
func writePDF(w io.Writer, p *picture) error {
	d := fpdf.NewCustom(&fpdf.InitType{UnitStr: "pt", Size: fpdf.SizeType{Wd: p.width, Ht: p.height}})
	d.SetCatalogSort(true)
	d.SetCreationDate(time.Unix(0, 0).UTC()) // the same chart has the same bytes
	d.SetModificationDate(time.Unix(0, 0).UTC())
	d.SetTitle(p.title, true)
	d.SetMargins(0, 0, 0)
	d.SetAutoPageBreak(false, 0)
	d.AddUTF8FontFromBytes("sans", "", liberationsansregular.TTF)
	d.AddUTF8FontFromBytes("sans", "B", liberationsansbold.TTF)
	d.AddPage()
	for _, m := range p.marks {
		switch m := m.(type) {
		case text:
			style := ""
			if m.bold {
				style = "B"
			}
			d.SetFont("sans", style, m.size)
			d.SetTextColor(int(m.colour.R), int(m.colour.G), int(m.colour.B))
			d.Text(m.x-d.GetStringWidth(m.s)*float64(m.align)/2, m.y, m.s)
		case line:
			d.SetDrawColor(int(m.colour.R), int(m.colour.G), int(m.colour.B))
			d.SetLineWidth(m.width)
			d.SetDashPattern(m.dashes, 0)
			d.MoveTo(m.points[0].x, m.points[0].y)
			for _, q := range m.points[1:] {
				d.LineTo(q.x, q.y)
			}
			d.DrawPath("D")
		case area:
			d.SetFillColor(int(m.colour.R), int(m.colour.G), int(m.colour.B))
			d.SetAlpha(float64(m.colour.A)/255, "Normal")
			d.MoveTo(m.points[0].x, m.points[0].y)
			for _, q := range m.points[1:] {
				d.LineTo(q.x, q.y)
			}
			d.ClosePath()
			d.DrawPath("F")
			d.SetAlpha(1, "Normal")
		case disc:
			d.SetFillColor(int(m.fill.R), int(m.fill.G), int(m.fill.B))
			style := "F"
			if m.width > 0 {
				d.SetDrawColor(int(m.edge.R), int(m.edge.G), int(m.edge.B))
				d.SetLineWidth(m.width)
				d.SetDashPattern(nil, 0)
				style = "FD"
			}
			d.Circle(m.x, m.y, m.r, style)
		}
	}
	return d.Output(w)
}
