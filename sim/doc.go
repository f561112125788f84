// Package sim is the kernel: simulated time, pending events, processes, random streams.
//
// The promise: a run is fixed by its seed. The same program with the same [Seed] executes the same
// events at the same instants in the same order, draws the same numbers and ends with the same
// [Result.Digest], on every processor that Go supports and whatever else the machine does.
//
// The rules that keep it:
//
//   - Events happen in the order of (time, sequence number); nothing else ever decides an order.
//     What is scheduled for one instant happens in the order in which it was scheduled.
//   - One thing happens at a time. Inside a run there are no goroutines of your own, no channels,
//     no locks, no wall clock, no global random numbers, and no map iteration whose order matters.
//   - Chance comes from a [Stream] or a [Keyed] family that was asked for by name.
//   - Time is integer nanoseconds. Floating point may decide nothing unless it is computed the same
//     way everywhere (package dist does).
//
// Behaviour is written in two ways, freely mixed. A callback ([Simulation.After]) is the cheapest.
// A [Process] is sequential code that can sleep, wait for a [Signal], take from a [Mailbox], hold a
// [Resource], fork and join children, and be cut short by a deadline, an interrupt or a kill. Both
// belong to a [Group], the unit that is killed, paused and restarted together.
//
// A wait that is cut short returns an error, and the code after it runs; the error must be passed
// on by whoever did not open the [Scope] that ended. A kill is different: it unwinds the process,
// runs its deferred functions, and nothing after the wait; a wait in a deferred function unwinds
// again, and whatever the dead ask for (an event, a process) is ignored.
//
// A simulation is entered by [Run], a scoped function: when it returns, every process has been
// unwound and no goroutine is left behind.
package sim
