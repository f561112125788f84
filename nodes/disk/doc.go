// Package disk is a disk that keeps what was synced, and may lose the rest.
//
// There are two images of what was written ([Image]). Programs read the volatile one, in the memory
// of the operating system. A power cut leaves the durable one. Write changes the first; Sync
// (fsync) makes it the second, and takes the time of a device.
//
//	the program crashes       nothing is lost: what it wrote is the operating system's
//	the machine loses power   what was not synced is lost, all of it or the newest part ([Loss])
//	a sync fails              what it was to make durable is lost at once
//	the disk is lost          everything is
//
// What a failed sync leaves behind is the trap that data bases have fallen into: Linux and others
// drop the pages that could not be written and forget the error, so that a second fsync succeeds, and
// what the first one lacked is gone all the same (PostgreSQL, "fsyncgate", 2018). The safe
// answer to a failed sync is to crash, and to recover from what is durable.
//
// What goes wrong with the device is an [Impairment], held until it is released: slow, stalled,
// full, failing.
package disk
