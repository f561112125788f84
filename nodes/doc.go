// Package nodes models machines and the services that run on them.
//
// A [Machine] is a host of the network that can lose its power, be paused and have a clock of its
// own. A [Service] answers calls on its [Replica]s, each a program on a machine. A replica has cpus,
// which a call holds while it is worked on, and threads, which it holds from when it is taken in
// until it is answered, even while it only waits for others; calls that find no thread wait in a
// bounded queue. An [External] is somebody else's service, of which only the answers are known.
//
// Whoever gives up waiting does not stop the work that it asked for: the thread and the cpu stay
// taken until the work is done, unless the transport says that cancellation travels
// ([network.Transport.Cancels]). Much of overload is such work that nobody waits for any more.
//
// What a caller sees when something breaks:
//
//	the replica crashes        its calls are reset, new ones are refused
//	the machine loses power    silence, and a reset when the machine is back
//	the replica is paused      silence; its calls are read when it goes on
//	the queue is full          overloaded, at once
//
// Each machine has a clock. A request's deadline is an instant on the clock of whoever holds the
// request, so that what travels is the time that is left, as in gRPC.
package nodes
