package disk

import "github.com/nines-sim/nines/sim"

// A Disk keeps values of type V by keys of type K. It begins empty, and with power.
//
// Its operations are for processes. A process that stops waiting for one, by a deadline or because
// it is killed, does not stop the operation: that is the operating system's, and only a power cut
// ends it.
type Disk[K comparable, V any] struct {
	cfg    Config
	image  *Image[K, V]
	device device
	cuts   sim.Stream // what survives power cuts
}

// New returns a disk. It panics if the configuration is not valid.
func New[K comparable, V any](s *sim.Simulation, name string, cfg Config) *Disk[K, V] {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	d := &Disk[K, V]{cfg: cfg, image: NewImage[K, V](), cuts: s.Stream("disk/" + name + "/cut")}
	d.device = newDevice(s, name, cfg, d)
	return d
}

// Image returns what is on the disk, for those who look from outside.
func (d *Disk[K, V]) Image() *Image[K, V] { return d.image }

// Write writes a value of size bytes. It can be read at once, and is durable after a Sync that
// begins later and succeeds. The error is [ErrFull], [ErrOff], or the end of the process's wait;
// then nothing was written.
func (d *Disk[K, V]) Write(p *sim.Process, key K, value V, size int) error {
	if err := d.intoMemory(p); err != nil {
		return err
	}
	grows := int64(size - d.image.get(key).size)
	if d.device.state.Full || d.cfg.Capacity > 0 && grows > 0 && d.image.Used()+grows > d.cfg.Capacity {
		return ErrFull
	}
	d.image.Put(key, value, size)
	return nil
}

// Delete removes a key, as a write does, even from a disk that is full.
func (d *Disk[K, V]) Delete(p *sim.Process, key K) error {
	if err := d.intoMemory(p); err != nil {
		return err
	}
	d.image.Delete(key)
	return nil
}

// intoMemory takes the time of a write. It always is a wait, so that the dead write nothing.
func (d *Disk[K, V]) intoMemory(p *sim.Process) error {
	if err := p.Sleep(d.device.draw(d.cfg.Write)); err != nil {
		return err
	}
	if !d.device.on {
		return ErrOff
	}
	return nil
}

// Read returns the value of a key, and false if there is none. What is not durable yet is read from
// memory, at once; all else comes from the device. The error is [ErrIO], [ErrOff], or the end of
// the process's wait.
func (d *Disk[K, V]) Read(p *sim.Process, key K) (value V, ok bool, err error) {
	if !d.image.Cached(key) {
		if err := d.device.do(p, op{bytes: int64(d.image.get(key).size), delay: d.cfg.Read}); err != nil {
			return value, false, err
		}
	}
	value, ok = d.image.Get(key)
	return value, ok, nil
}

// Sync makes every write durable that was made before. The error is [ErrIO], [ErrOff], or the end of
// the process's wait.
//
// After an ErrIO the writes that it was to make durable are gone, also for readers, and a Sync that
// succeeds later says nothing about them. After the end of a wait, it may or may not have happened.
func (d *Disk[K, V]) Sync(p *sim.Process) error {
	return d.device.do(p, op{sync: true, before: d.image.Written(), delay: d.cfg.Sync})
}

// PowerOff is a power cut: operations under way fail with [ErrOff], and what was not synced is lost,
// as the configuration says.
func (d *Disk[K, V]) PowerOff() {
	if !d.device.on {
		return
	}
	survivors := 0
	if d.cfg.PowerCut == LoseTail {
		survivors = d.cuts.IntN(d.image.Unsynced() + 1)
	}
	d.image.Crash(survivors)
	d.device.on = false
	d.device.abort(ErrOff)
}

// PowerOn ends a power cut.
func (d *Disk[K, V]) PowerOn() { d.device.on = true }

// Lose is the loss of the disk with all that is on it: operations under way fail with [ErrIO]. In its
// place is a new one, empty.
func (d *Disk[K, V]) Lose() {
	d.image.Erase()
	d.device.abort(ErrIO)
}

// Hold impairs the disk until the hold is released. Several holds act together: stalled or full if
// one of them says so, factors multiplied, and an operation succeeds if none of them makes it fail.
// It panics if a factor is less than 0, or a share is not from 0 to 1.
func (d *Disk[K, V]) Hold(i Impairment) *Hold { return d.device.hold(i) }

// bytes is what an operation that begins now has to move.
func (d *Disk[K, V]) bytes(o *op) int64 {
	if o.sync {
		return d.image.UnsyncedBytes(o.before)
	}
	return o.bytes
}

// ended is told how the device has done an operation.
func (d *Disk[K, V]) ended(o *op, err error) {
	switch {
	case !o.sync:
	case err == nil:
		d.image.Settle(o.before)
	default:
		d.image.Drop(o.before)
	}
}
