package network

import (
	"errors"
	"fmt"
	"time"

	"github.com/nines-sim/nines/sim/dist"
)

// A Class says how far apart two hosts are.
type Class uint8

// The classes of pairs, the nearest first.
const (
	SameHost Class = iota
	SameRack
	SameZone
	CrossZone
	CrossRegion
	Clients // one of the two is outside every zone
	Classes
)

var classNames = [Classes]string{"same host", "same rack", "same zone", "cross zone", "cross region", "clients"}

func (c Class) String() string {
	if c < Classes {
		return classNames[c]
	}
	return "unknown class"
}

// A Path says what a message meets between two hosts, in one direction. The zero Path delivers
// everything at once. Each ordered pair of hosts has a link of its own: bandwidth and queue are
// not shared between pairs.
type Path struct {
	Latency      dist.Distribution // one way, of each message; nil is none
	Loss         float64           // share of messages lost by chance
	Duplicate    float64           // share of messages that arrive twice, the copy with a latency of its own
	Reorder      float64           // share of messages that take ReorderDelay longer, so that later ones overtake them
	ReorderDelay time.Duration     // needed if Reorder is set
	Bandwidth    int64             // bytes a second; 0 is unlimited
	Queue        int               // bytes that may wait for the bandwidth, more are dropped; 0 is unlimited
}

// An Override gives pairs of hosts another path than their class has. It replaces all of it.
type Override struct {
	Between
	Path Path
}

// Config describes a network. The zero Config has no latency, no faults, and no patience limit.
type Config struct {
	SameHost    Path
	SameRack    Path
	SameZone    Path
	CrossZone   Path
	CrossRegion Path
	Clients     Path

	// Overrides replace the paths of some pairs; of several that match a pair, the last counts.
	Overrides []Override

	// Retransmit is how long a [Transport] waits before it sends a message again that was lost,
	// dropped or blocked; the wait doubles each time, up to two minutes. 0 is never: what is lost
	// stays lost, and the caller hears nothing.
	Retransmit time.Duration

	// GiveUp is how long a peer may be silent before the call returns [ErrUnreachable]: since a
	// request or an answer that does not get through was first sent, or since the peer lost its
	// power. A server that takes its time is not silent: its host acknowledges. 0 is never.
	GiveUp time.Duration
}

// DefaultConfig returns a network as large cloud providers have it, without faults: one-way
// latencies of 20µs within a host, 50µs within a rack, 0.3ms within a zone, 1ms between zones, 40ms
// between regions, and 20ms to clients. Messages are retransmitted after 200ms (TCP_RTO_MIN in
// Linux), and peers given up after 127s (six retransmissions of a SYN, tcp_syn_retries in Linux).
func DefaultConfig() Config {
	oneWay := func(d time.Duration) Path { return Path{Latency: dist.Exactly(d)} }
	return Config{
		SameHost:    oneWay(20 * time.Microsecond),
		SameRack:    oneWay(50 * time.Microsecond),
		SameZone:    oneWay(300 * time.Microsecond),
		CrossZone:   oneWay(time.Millisecond),
		CrossRegion: oneWay(40 * time.Millisecond),
		Clients:     oneWay(20 * time.Millisecond),
		Retransmit:  200 * time.Millisecond,
		GiveUp:      127 * time.Second,
	}
}

// Validate returns an error that names every bad field, or nil.
func (cfg Config) Validate() error {
	var bad []error
	for c := range Classes {
		bad = append(bad, cfg.class(c).validate(c.String())...)
	}
	for i, o := range cfg.Overrides {
		bad = append(bad, o.Path.validate(fmt.Sprintf("override %d (%v)", i+1, o.Between))...)
	}
	if cfg.Retransmit < 0 {
		bad = append(bad, fmt.Errorf("network: Retransmit is %v, need 0 or more", cfg.Retransmit))
	}
	if cfg.GiveUp < 0 {
		bad = append(bad, fmt.Errorf("network: GiveUp is %v, need 0 or more", cfg.GiveUp))
	}
	return errors.Join(bad...)
}

func (p *Path) validate(where string) (bad []error) {
	for _, share := range []struct {
		name  string
		value float64
	}{{"Loss", p.Loss}, {"Duplicate", p.Duplicate}, {"Reorder", p.Reorder}} {
		if !(share.value >= 0 && share.value <= 1) {
			bad = append(bad, fmt.Errorf("network: %s: %s is %v, need 0 to 1", where, share.name, share.value))
		}
	}
	if p.Latency != nil && p.Latency.Mean() < 0 {
		bad = append(bad, fmt.Errorf("network: %s: Latency is %v, need a mean of 0 or more", where, p.Latency))
	}
	if p.ReorderDelay < 0 || p.ReorderDelay == 0 && p.Reorder > 0 {
		bad = append(bad, fmt.Errorf("network: %s: ReorderDelay is %v, need more than 0 where Reorder is set", where, p.ReorderDelay))
	}
	if p.Bandwidth < 0 {
		bad = append(bad, fmt.Errorf("network: %s: Bandwidth is %d bytes/s, need 0 or more", where, p.Bandwidth))
	}
	if p.Queue < 0 || p.Queue > 0 && p.Bandwidth == 0 {
		bad = append(bad, fmt.Errorf("network: %s: Queue is %d bytes, need 0 or more, and a Bandwidth to wait for", where, p.Queue))
	}
	return bad
}

func (cfg *Config) class(c Class) *Path {
	return [Classes]*Path{&cfg.SameHost, &cfg.SameRack, &cfg.SameZone, &cfg.CrossZone, &cfg.CrossRegion, &cfg.Clients}[c]
}

// path returns what the configuration says of messages from one host to another.
func (cfg *Config) path(from, to *Host) *Path {
	for i := len(cfg.Overrides) - 1; i >= 0; i-- {
		if o := &cfg.Overrides[i]; o.matches(from, to) {
			return &o.Path
		}
	}
	return cfg.class(classOf(from, to))
}
