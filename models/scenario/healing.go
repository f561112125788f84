package scenario

import "time"

// Healing says what ends the effect of a fault: a supervisor, a spare machine, a person.
type Healing struct {
	Restart *Restart `nines:"restart"` // a supervisor starts crashed replicas again
	Replace *Replace `nines:"replace"` // a replica whose machine is gone moves to another one
	OnCall  *OnCall  `nines:"on_call"` // a person is paged, and fixes what nothing else has ended
}

// Restart starts a crashed replica again on the same machine.
type Restart struct {
	After   time.Duration `nines:"after"`          // from the crash until it is started
	Boot    Length        `nines:"boot"`           // from the start until it takes calls; always the same
	Backoff Span          `nines:"backoff"`        // added to after from the second restart in a row on: doubling from the first to the longest
	Reset   time.Duration `nines:"reset,positive"` // a replica that was up for so long starts over with the waits
	Probe   *Liveness     `nines:"probe"`          // restarts replicas that are up and do not answer, too
}

// Kubernetes: CrashLoopBackOff of 10 s doubling to 5 min, reset after 10 min (KEP-4603).
func (r *Restart) defaults() {
	r.After, r.Backoff, r.Reset = 10*time.Second, Span{10 * time.Second, 5 * time.Minute}, 10*time.Minute
	r.Boot = Exactly(20 * time.Second)
}

// Liveness is a probe whose failure kills. One that shares the threads of an overloaded service
// turns overload into restarts.
type Liveness struct {
	Every    time.Duration `nines:"every,positive"`   // between two probes of a replica
	Timeout  time.Duration `nines:"timeout,positive"` // a later answer is a failure
	Failures int           `nines:"failures,min=1"`   // in a row until the replica is restarted
}

// Kubernetes: a liveness probe's periodSeconds, timeoutSeconds, failureThreshold.
func (l *Liveness) defaults() { *l = Liveness{10 * time.Second, time.Second, 3} }

// Replace starts a replica on another machine when its own is gone, in a zone of its service that has
// power. A copy of a store leaves its data behind, and moves only if another copy is up.
type Replace struct {
	After  time.Duration `nines:"after"`                  // from the loss until it is noticed
	Boot   Length        `nines:"boot"`                   // until the new machine takes calls; always the same
	Spares int           `nines:"spares,min=0,unlimited"` // machines that stand by
}

// Kubernetes evicts from an unreachable node after 5 min (tolerationSeconds 300).
func (r *Replace) defaults() {
	r.After, r.Spares, r.Boot = 5*time.Minute, Unlimited, Exactly(2*time.Minute)
}

// OnCall is the person who ends what nothing else ends: bad deploys, lost primaries, crashed
// replicas that no supervisor restarts.
type OnCall struct {
	PagedBy []string      `nines:"paged_by,ref=alert"` // alerts that wake them
	Ack     Length        `nines:"ack"`                // from the page until they look
	Fix     Length        `nines:"fix"`                // from then until it is fixed
	Unpaged time.Duration `nines:"unpaged,positive"`   // somebody notices after so long without a page
}

// Round numbers of the order that incident reviews give.
func (o *OnCall) defaults() {
	o.Ack, o.Fix, o.Unpaged = Exactly(5*time.Minute), Exactly(30*time.Minute), Day
}

// An Alert watches an objective and pages when its error budget burns too fast, over a long and a
// short window at once.
type Alert struct {
	Name   string        `nines:",name"`
	On     string        `nines:"on,ref=objective,required"`    // objectives.<name>
	Preset string        `nines:"preset,one=sre-workbook,none"` // a known set of rules: of the SRE workbook, "Alerting on SLOs"
	Rules  []Rule        `nines:"rules,auto=of the preset"`     // any of them pages; beside a preset, or in its place
	Scrape time.Duration `nines:"scrape,positive"`              // between two looks at the counters; the rules are evaluated then
}

func (a *Alert) defaults() { a.Scrape = 15 * time.Second }

// A Rule pages while the error budget burns too fast in both windows.
type Rule struct {
	Name  string        `nines:",name"`
	Burn  float64       `nines:"burn,factor,min=0,required"` // 1x uses up exactly the budget
	Long  time.Duration `nines:"long,positive,required"`     // the window that makes it significant
	Short time.Duration `nines:"short,positive,required"`    // the window that makes it stop soon
}

// SREWorkbook returns the paging rules of "The Site Reliability Workbook", chapter 5, table 5-8.
func SREWorkbook() []Rule {
	return []Rule{
		{Name: "fast", Burn: 14.4, Long: time.Hour, Short: 5 * time.Minute},
		{Name: "slow", Burn: 6, Long: 6 * time.Hour, Short: 30 * time.Minute},
	}
}
