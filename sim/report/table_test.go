package report

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func ExampleTable() {
	t := Table{
		Columns: []Column{{Header: "variant"}, {Header: "good % [95 %]"}, {Header: "bad min/yr", Right: true}, {Header: "load", Right: true}},
		Rows: [][]string{
			{"naive", "99.61 [99.48, 99.71]", "2050", "1.0×"},
			{"everything", "99.988 [99.984, 99.991]", "63", "1.1×"},
			{"stopped early"},
		},
	}
	t.WriteText(os.Stdout, TableStyle{})
	// Output:
	// variant        good % [95 %]            bad min/yr  load
	// naive          99.61 [99.48, 99.71]           2050  1.0×
	// everything     99.988 [99.984, 99.991]          63  1.1×
	// stopped early
}

func wide() Table {
	return Table{
		Columns: []Column{
			{Header: "variant"}, {Header: "bad minutes a year", Right: true}, {Header: "payment_slow", Right: true}, {Header: "bad_deploy", Right: true},
			{Header: "verdict"},
		},
		Rows: [][]string{
			{"everything_without_services_orders_db_store", "2050", "1120", "9", "better by 12 to 30 minutes"},
			{"naive", "63", "<0.01", "540", "same"},
		},
	}
}

func TestTableFits(t *testing.T) {
	for _, c := range []struct {
		width int
		want  string
	}{
		{100, `
                                           bad minutes  payment_    bad_
variant                                         a year      slow  deploy  verdict
everything_without_services_orders_db_st…         2050      1120       9  better by 12 to 30 minutes
naive                                               63     <0.01     540  same
`},
		{60, `
               bad minutes  payment_    bad_
variant             a year      slow  deploy  verdict
everything_w…         2050      1120       9  better by 12 …
naive                   63     <0.01     540  same
`},
		{40, `
            bad
          minu…
              a  paym…    bad_
variant    year   slow  deploy  verdict
everyth…   2050   1120       9  better …
naive        63  <0.01     540  same
`},
	} {
		var b strings.Builder
		if err := wide().WriteText(&b, TableStyle{Width: c.width}); err != nil {
			t.Fatal(err)
		}
		if got := "\n" + b.String(); got != c.want {
			t.Errorf("width %d:%swant%s", c.width, got, c.want)
		}
	}
}

func TestTableNeverShortensNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := Table{Columns: []Column{{Header: rapid.String().Draw(t, "text")}}}
		n := rapid.IntRange(0, 12).Draw(t, "numbers")
		row := []string{rapid.StringMatching(`[a-z_é]{0,60}`).Draw(t, "name")}
		for range n {
			table.Columns = append(table.Columns, Column{Header: rapid.StringMatching(`[a-z_ ]{0,20}`).Draw(t, "header"), Right: true})
			row = append(row, fmt.Sprint(rapid.IntRange(0, 1e6).Draw(t, "number")))
		}
		table.Columns[0].Header = strings.Map(func(r rune) rune {
			if r < ' ' {
				return -1
			}
			return r
		}, table.Columns[0].Header)
		table.Rows = [][]string{row}
		width := rapid.IntRange(10, 120).Draw(t, "width")
		var b strings.Builder
		table.WriteText(&b, TableStyle{Width: width})
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		last := lines[len(lines)-1]
		least := tightest
		for _, cell := range row[1:] {
			if !strings.Contains(last, cell) {
				t.Errorf("%s is not in %q", cell, last)
			}
			least += len(gap) + len(cell)
		}
		for _, s := range lines {
			if got := utf8.RuneCountInString(s); got > max(width, least) {
				t.Errorf("%d columns, want at most %d: %q", got, width, s)
			}
		}
	})
}

func TestTableStyles(t *testing.T) {
	table := Table{Columns: []Column{{Header: "a"}, {Header: "b", Right: true}}, Rows: [][]string{{"x, y", "1"}, {`say "z"`}}}
	if s := table.String(); strings.Contains(s, "\x1b") {
		t.Errorf("escapes that nobody asked for: %q", s)
	}
	var b strings.Builder
	table.WriteText(&b, TableStyle{Bold: true})
	if want := "\x1b[1ma        b\x1b[0m\n"; !strings.HasPrefix(b.String(), want) {
		t.Errorf("%q, want it to begin with %q", b.String(), want)
	}
	b.Reset()
	if err := table.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	if want := "a,b\n\"x, y\",1\n\"say \"\"z\"\"\",\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	if s := (Table{}).String(); s != "" {
		t.Errorf("a table of nothing is %q", s)
	}
}
