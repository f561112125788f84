package disk

import (
	"errors"
	"fmt"

	"github.com/nines-sim/nines/sim/dist"
)

// What programs see of a disk that fails them.
var (
	ErrIO   = errors.New("disk: input/output error")
	ErrFull = errors.New("disk: no space left")
	ErrOff  = errors.New("disk: without power")
)

// A Loss says what a power cut takes of what was not synced.
type Loss uint8

const (
	LoseAll  Loss = iota // everything
	LoseTail             // the newest part: any number of writes from the end, each equally likely
)

func (l Loss) String() string {
	switch l {
	case LoseAll:
		return "all"
	case LoseTail:
		return "tail"
	}
	return fmt.Sprintf("loss %d", uint8(l))
}

// Config describes a disk. Times are in seconds; a distribution that is nil is no time.
type Config struct {
	Write     dist.Distribution // of a write, into memory
	Read      dist.Distribution // of a read, beside the time for its bytes
	Sync      dist.Distribution // of a sync, beside the time for its bytes
	Bandwidth int64             // bytes a second that move to and from the device, one operation after the other; 0 is unlimited
	Depth     int               // operations that the device does at one time; more wait, first come, first served
	Capacity  int64             // bytes; 0 is unlimited
	PowerCut  Loss
}

// DefaultConfig returns a network disk as clouds have it (the baseline of Amazon EBS gp3): 125 MiB/s,
// and, with 1ms for each of 3 operations at one time, 3,000 operations a second.
func DefaultConfig() Config {
	op := dist.Must(dist.NewConstant(0.001))
	return Config{Read: op, Sync: op, Bandwidth: 125 << 20, Depth: 3}
}

// Validate returns an error that names every bad field, or nil.
func (cfg Config) Validate() error {
	var errs []error
	for _, t := range []struct {
		name string
		d    dist.Distribution
	}{{"Write", cfg.Write}, {"Read", cfg.Read}, {"Sync", cfg.Sync}} {
		if t.d != nil && t.d.Mean() < 0 {
			errs = append(errs, fmt.Errorf("disk: %s is %v, need a mean of 0 or more", t.name, t.d))
		}
	}
	if cfg.Bandwidth < 0 {
		errs = append(errs, fmt.Errorf("disk: Bandwidth is %d bytes/s, need 0 (unlimited) or more", cfg.Bandwidth))
	}
	if cfg.Depth < 1 {
		errs = append(errs, fmt.Errorf("disk: Depth is %d, need at least 1", cfg.Depth))
	}
	if cfg.Capacity < 0 {
		errs = append(errs, fmt.Errorf("disk: Capacity is %d bytes, need 0 (unlimited) or more", cfg.Capacity))
	}
	if cfg.PowerCut > LoseTail {
		errs = append(errs, fmt.Errorf("disk: PowerCut is %v, need all or tail", cfg.PowerCut))
	}
	return errors.Join(errs...)
}
