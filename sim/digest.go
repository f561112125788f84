package sim

import "math/bits"

// A Checkpoint is the digest after a number of events. Two runs that should be equal and are not
// part between the last checkpoint that they share and the next.
type Checkpoint struct {
	Events uint64 `json:"events"`
	At     Time   `json:"at"`
	Digest uint64 `json:"digest"`
}

// digest is a running hash of all that happened in a run.
type digest struct {
	sum         uint64
	events      uint64
	checkpoints []Checkpoint
	every       uint64
	next        uint64
}

const maxCheckpoints = 128 // kept per run; their distance doubles as a run grows

func newDigest() digest {
	return digest{sum: 0x6e696e6573, every: 1024, next: 1024}
}

// event takes one executed event in.
func (d *digest) event(at Time, seq uint64) {
	d.sum = bits.RotateLeft64(d.sum^uint64(at), 29) * 0x9e3779b97f4a7c15
	d.sum = bits.RotateLeft64(d.sum^seq, 31) * 0xbf58476d1ce4e5b9
	d.events++
	if d.events == d.next {
		d.checkpoint(at)
	}
}

// value takes a number that the model notes in.
func (d *digest) value(v uint64) {
	d.sum = bits.RotateLeft64(d.sum^v, 27) * 0x94d049bb133111eb
}

func (d *digest) text(s string) {
	d.value(hashName(s))
}

func (d *digest) checkpoint(at Time) {
	if len(d.checkpoints) == maxCheckpoints {
		kept := d.checkpoints[:0]
		for i := 1; i < maxCheckpoints; i += 2 {
			kept = append(kept, d.checkpoints[i])
		}
		d.checkpoints = kept
		d.every *= 2
	}
	d.checkpoints = append(d.checkpoints, Checkpoint{d.events, at, d.final()})
	d.next = d.checkpoints[len(d.checkpoints)-1].Events + d.every
}

func (d *digest) final() uint64 { return Mix(d.sum, d.events) }
