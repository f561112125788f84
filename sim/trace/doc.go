// Package trace keeps what happened in one run and shows it: as a timeline that a person can read,
// as newline-delimited JSON for programs, as a file that opens in Perfetto, and beside another run
// to find where two that should be equal part.
//
// Two sorts of things happen. Notes ([sim.Simulation.Note]) are rare: faults, alerts, changes of a
// breaker. Every run makes them, and a [Recorder] that is attached keeps them. Spans are what calls
// do: a call, an attempt at it, the work on a server. There are so many that models offer them
// only to a recorder that they were given; a nil recorder takes none and costs a comparison.
//
// Watching changes nothing: a run has the same digest with a recorder as without one.
package trace
