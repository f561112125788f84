// Package fault says what goes wrong in a run, when, to whom, and for how long.
//
// A [Cause] is something that goes wrong so often and lasts so long: "each replica of orders
// crashes every 30 days", "payment is 20 times as slow, 14 times a year, for 8 minutes in the
// median". Before a run starts its causes are drawn into a [Plan]: a list of entries, each with
// a victim and an instant. A plan is data. The same JSON is written by [Draw], by a person and by
// whoever makes a failing plan smaller; a run replays it without asking where it came from.
//
// Draws are keyed by cause, victim and occurrence. A design with more replicas, or a scenario
// with one more cause, meets the same faults as before on everything that it shares with the
// old one.
//
// During the run, [Start] hands each entry to the one [Applier] that owns its victim. What an
// entry does to its victim is an [Effect]. The cause of it may end by itself, and the effect
// later: a crash takes an instant, and the process stays down until something restarts it. The
// [Ledger] keeps every effect, with the instants at which it started, its cause ended and the
// effect ended, and who ended it.
//
// Effects overlap. A victim therefore has no state that a fault sets and resets; it has [Holds],
// and its state follows from all of them. Ending one effect releases only its own hold.
package fault
