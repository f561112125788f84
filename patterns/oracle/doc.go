// Package oracle has no code: its tests drive the real Go libraries beside the state machines of
// [github.com/nines-sim/nines/patterns], through the same random sequences of calls, outcomes and
// instants, and compare every decision.
//
// What it promises: a preset that names a library behaves as that version of the library does, step by
// step, in at least 10,000 generated sequences for each library in each run of the tests, at the very
// instants, too, at which something expires, and a nanosecond before and after. README.md says for each
// library what is compared, and what is left out and why; each of these reasons has a test that shows it.
//
//	go test ./...                                  # in this folder: it is a module of its own
//	go test -run Gobreaker -rapid.checks=1000000   # one library, longer
//
// Libraries that read the clock run in a bubble of testing/synctest, on its time. A sequence is drawn
// before it is played, so that rapid can shrink one in which the two differ, and prints it: the last line
// says what was different. Each test also says what its sequences have to reach, and fails if they do not.
//
// It is a module of its own so that nobody who uses nines downloads these libraries.
package oracle
