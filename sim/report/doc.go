// Package report shows results: charts as PNG, SVG and PDF, and tables as text and CSV.
// It computes nothing that is not in its input and knows no simulation, so that charts
// can be drawn from results of long ago.
//
// A chart is a value ([Comparison], [Sweep], [Timeline]); [Save] draws it:
//
//	err := report.Save("webshop.png", report.Comparison{Title: "webshop: checkout", ...})
//
// The same value gives the same bytes, in every format.
//
// What was never seen to fail is shown as the bound that it is, never as 100 %: an
// availability of exactly 1 is written ">99.97" and drawn as an open marker with an
// arrow, from the low end of its interval.
package report
