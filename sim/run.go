package sim

// Config says how a simulation runs.
type Config struct {
	Seed         Seed
	MaxSteps     uint64 // events after which the run fails with [ErrStepLimit]; 0 means no limit
	MaxAtInstant int    // events at one instant after which the run fails with [ErrLivelock]; 0 means 1,000,000
	Trampoline   bool   // every change of process goes through the driver: slower, with the same results; a profile then shows each process by itself
}

// A Result says how far a run got and what it did.
type Result struct {
	Seed        Seed
	Now         Time   // the last instant reached
	Events      uint64 // events executed
	Digest      uint64 // hash of every event and note; equal digests mean equal runs
	Checkpoints []Checkpoint
}

// Run runs one simulation. f builds the model and drives it ([Simulation.RunUntil] and its
// siblings). When f has returned, every process that is left is unwound, in the order in which
// they were started. The error is a [*Failure] or nil.
func Run(cfg Config, f func(s *Simulation)) (Result, error) {
	w := NewWorker()
	defer w.Close()
	return w.Run(cfg, f)
}

// A Worker runs one simulation after another and uses their memory and coroutines again. It
// belongs to one goroutine; several workers may run at once.
type Worker struct {
	queue      queue
	coroutines []*coroutine // idle
	processes  []*Process   // ended, that nobody can still refer to
}

// NewWorker returns a worker that holds nothing yet. Close it.
func NewWorker() *Worker { return &Worker{} }

// Close ends the worker's coroutines.
func (w *Worker) Close() {
	for _, c := range w.coroutines {
		c.stop()
	}
	w.coroutines = nil
}

// Run is [Run] on this worker.
func (w *Worker) Run(cfg Config, f func(s *Simulation)) (Result, error) {
	s := newSimulation(cfg, w)
	func() {
		defer s.close() // even if f panics, or ends its goroutine as t.FailNow does
		f(s)
	}()
	result := Result{
		Seed: cfg.Seed, Now: s.now, Events: s.digest.events,
		Digest: s.digest.final(), Checkpoints: s.digest.checkpoints,
	}
	return result, s.Err()
}
