// Package nodes models machines and the services that run on them.
//
// A [Machine] is a host of the network that can lose its power, be paused, run slow and have a
// clock of its own. A [Service] answers calls on its [Replica]s, each on a machine. A replica has
// cpus, which a call holds while it is worked on, and threads, which it holds from when it is
// taken in until it is answered, even while it only waits for others; calls that find no thread
// wait in a bounded queue.
//
// Whoever gives up waiting does not stop the work that it asked for: the thread and the cpu stay
// taken until the work is done, unless the caller's timeout says that cancellation travels. Much of
// overload is such work that nobody waits for any more.
package nodes
