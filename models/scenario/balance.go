package scenario

import (
	"time"

	"github.com/nines-sim/nines/patterns/balance"
)

// Balance chooses the replica that a call goes to. Each instance of a caller chooses by what it knows itself.
type Balance struct {
	Preset         string `nines:"preset,preset"` // what a library does; the other keys change it
	balance.Config `nines:",inline"`
}

// In turn, whatever the health; another try goes to another replica if there is one. What counts only with
// other picks and modes is as in Envoy (choice_count 2, table_size 65537, slow start's aggression 1 and
// min_weight_percent 10, min_cluster_size 6, overprovisioning_factor 140), gRPC (rings of 1024 to 4096; blackout
// 10s, expiration 3m, error_penalty 1 of reports) and Finagle (decayTime 10s).
func (b *Balance) defaults() {
	b.Config = balance.Config{AvoidLast: true}
	b.aside()
}

// aside sets what has no meaning now to what it is when it gets one.
func (b *Balance) aside() {
	if b.Choices == 0 {
		b.Choices = 2
	}
	if b.EWMA.Decay == 0 {
		b.EWMA.Decay = 10 * time.Second
	}
	if b.Reports.Expiration == 0 {
		update := b.Reports.Update
		b.Reports = balance.GRPCReports()
		b.Reports.Update = update
	}
	if b.Ring.MaxSize == 0 {
		b.Ring = balance.DefaultRing()
	}
	if b.Table == 0 {
		b.Table = balance.DefaultTable
	}
	if b.SlowStart == (balance.SlowStart{Window: b.SlowStart.Window}) {
		b.SlowStart = balance.EnvoySlowStart(b.SlowStart.Window)
	}
	if b.Subset.Size == 0 {
		b.Subset.Size = 1
	}
	if b.Zones.Mode != balance.Aware {
		b.Zones.MinTargets, b.Zones.Share = 6, 1
	}
	if b.Zones.Overprovision == 0 {
		b.Zones.Overprovision = 1.4
	}
}

func (b *Balance) presets() []Preset { return presets(balance.Presets(), b.use) }

func (b *Balance) use(c balance.Config) {
	b.Config = c
	b.aside()
}

func (b *Balance) excludes(key string) string {
	compares := b.Pick == balance.LeastRequests || b.Pick == balance.Choices
	hashes := b.Hashes()
	switch {
	case (key == "choices" || key == "replace") && b.Pick != balance.Choices:
		return "has a meaning only with pick: p2c"
	case (key == "load" || key == "stale") && !compares:
		return "has a meaning only with pick: least and pick: p2c, which compare loads"
	case key == "ewma" && !(compares && b.Load == balance.PeakEWMA):
		return "has a meaning only with load: peak_ewma, and pick: least or pick: p2c"
	case key == "reports" && b.Pick != balance.StaticStride:
		return "has a meaning only with pick: static_stride"
	case key == "ring" && b.Pick != balance.RingHash:
		return "has a meaning only with pick: ring_hash"
	case key == "table" && b.Pick != balance.Maglev:
		return "has a meaning only with pick: maglev"
	case key == "bound" && !hashes:
		return "has a meaning only with pick: ring_hash and pick: maglev"
	case key == "overflow" && !(hashes && b.Bound > 0):
		return "has a meaning only with bound"
	case key == "slow_start" && (hashes || b.Pick == balance.RoundRobin || b.Pick == balance.StaticStride):
		return "has no meaning with this pick: random, least, p2c and smooth_weighted have it"
	}
	return ""
}

func (b *Balance) check(fail func(key, problem string)) {
	checkConfig[Balance](b.Of().Validate(), fail)
}

// Hashes reports whether the key of a request decides.
func (b *Balance) Hashes() bool { return b.Pick == balance.RingHash || b.Pick == balance.Maglev }

// Of returns the configuration.
func (b *Balance) Of() balance.Config {
	cfg := meant(b).Config
	if cfg.Reports.Update == 0 {
		cfg.Reports = balance.Reports{}
	}
	return cfg
}
