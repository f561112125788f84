package scenario

import (
	"time"

	"github.com/nines-sim/nines/patterns/shed"
)

// A Discipline says which calls wait in front of a busy replica, for how long, and who is next.
type Discipline struct {
	Preset           string        `nines:"preset,preset"`                // rules that are known; the other keys change them
	Length           int           `nines:"length,min=0,unlimited"`       // calls that may wait; more are turned away (overloaded)
	Wait             time.Duration `nines:"wait,none"`                    // longest wait; who waits longer is turned away
	Order            string        `nines:"order,one=fifo|lifo|priority"` // who goes first. fifo: who came first; lifo: who came last; priority: who has the highest priority
	DropExpired      bool          `nines:"drop_expired"`                 // skip calls whose deadline has passed; needs timeout.propagate
	shed.QueueConfig `nines:",inline"`
}

// A round number between Tomcat's acceptCount of 100 and the somaxconn of 4096 of Linux. The target and the interval of
// a rule are 5 ms and 100 ms, as in RFC 8289.
func (q *Discipline) defaults() { q.Length, q.Order = 1000, "fifo" }

func (q *Discipline) presets() []Preset {
	return presets(shed.QueuePresets(), func(c shed.QueueConfig) { q.QueueConfig = c })
}

// settle gives a rule its usual target and interval.
func (q *Discipline) settle(written func(key string) bool) {
	usual := shed.RFC8289()
	if q.Rule == shed.KeepAll {
		usual = shed.QueueConfig{}
	}
	if !written("target") && (q.Target == 0) != (usual.Target == 0) {
		q.Target = usual.Target
	}
	if !written("interval") && (q.Interval == 0) != (usual.Interval == 0) {
		q.Interval = usual.Interval
	}
}

func (q *Discipline) excludes(key string) string {
	switch key {
	case "target", "interval":
		if q.Rule == shed.KeepAll {
			return "has a meaning only with a rule"
		}
	case "newest_above", "newest_after":
		if q.Order != "fifo" {
			return "has a meaning only with order: fifo"
		}
	}
	return ""
}

func (q *Discipline) check(fail func(key, problem string)) {
	if q.Order != "fifo" && (q.Rule == shed.CoDel || q.Rule == shed.FollyCoDel) {
		fail("order", "is "+q.Order+", need fifo with rule: "+q.Rule.String()+": the wait of others says nothing of the queue")
		return
	}
	checkConfig[Discipline](q.Rules().Validate(), fail)
}

// Rules returns the configuration of what decides about the line, beside its length, wait and order. It is the zero
// value if nothing does.
func (q *Discipline) Rules() shed.QueueConfig {
	return meant(q).QueueConfig
}
