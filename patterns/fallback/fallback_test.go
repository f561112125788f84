package fallback_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/fallback"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// simulate runs f as the first process there is.
func simulate(t interface{ Fatal(...any) }, f func(p *sim.Process)) {
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		s.Go("caller", f)
		s.RunUntilIdle()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fails returns a call that fails with err, or succeeds if it is nil.
func fails(err error) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		return patterns.Response{From: "primary"}, err
	}
}

func failure(kind patterns.Kind) *patterns.Error {
	return &patterns.Error{Kind: kind, Layer: "primary"}
}

func TestStories(t *testing.T) {
	secondary := func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		return patterns.Response{From: "secondary"}, nil
	}
	second := &patterns.Error{Kind: patterns.Refused, Layer: "secondary"}
	toCall := fallback.ToCall(fallback.DefaultConfig(), secondary)
	toAnswer := fallback.ToAnswer(fallback.DefaultConfig(), patterns.Response{From: "menu", Value: 7})
	toBroken := fallback.ToCall(fallback.DefaultConfig(), fails(second))
	for _, c := range []struct {
		name   string
		policy *fallback.Fallback
		err    error
		want   string
	}{
		{"not needed", toCall, nil, "primary degraded=false 0 <nil>"},
		{"somebody else", toCall, failure(patterns.Timeout), "secondary degraded=false 0 <nil>"},
		{"instead of what a breaker turned away", toCall, failure(patterns.Rejected), "secondary degraded=false 0 <nil>"},
		{"not for this kind", toCall, failure(patterns.Conflict), "primary degraded=false 0 primary: conflict"},
		{"a fixed answer", toAnswer, failure(patterns.Failed), "menu degraded=true 7 <nil>"},
		{"both fail", toBroken, failure(patterns.Failed), "primary degraded=false 0 fallback: failed: primary: failed\nsecondary: refused"},
	} {
		simulate(t, func(p *sim.Process) {
			resp, err := c.policy.Wrap(fails(c.err))(p, patterns.Request{})
			if got := fmt.Sprintf("%s degraded=%v %d %v", resp.From, resp.Degraded, resp.Value, err); got != c.want {
				t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
			}
		})
	}
	if got := toCall.Counts(); got != (fallback.Counts{Used: 2}) {
		t.Errorf("%+v", got)
	}
	if got := toBroken.Counts(); got != (fallback.Counts{Failed: 1}) {
		t.Errorf("%+v", got)
	}
}

// If both fail, both are to be found in the error, whose kind is the first's; and if either may
// have happened, something may have.
func TestBothFail(t *testing.T) {
	for _, maybe := range [][2]bool{{false, true}, {true, false}, {false, false}} {
		first, second := failure(patterns.Timeout), &patterns.Error{Kind: patterns.Refused, Layer: "secondary", Maybe: maybe[1]}
		first.Maybe = maybe[0]
		simulate(t, func(p *sim.Process) {
			_, err := fallback.ToCall(fallback.DefaultConfig(), fails(second)).Wrap(fails(first))(p, patterns.Request{})
			got, ok := err.(*patterns.Error)
			if !ok || got.Kind != patterns.Timeout || got.Maybe != (maybe[0] || maybe[1]) || !errors.Is(err, first) || !errors.Is(err, second) {
				t.Errorf("%#v", err)
			}
		})
		if first.Maybe != maybe[0] {
			t.Error("the first error was changed")
		}
	}
}

// The end of a scope is passed on, in the call and in the other way.
func TestEndOfAScopePasses(t *testing.T) {
	hangs := func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		return patterns.Response{}, p.Sleep(time.Hour)
	}
	for _, calls := range [][2]patterns.Call{{hangs, fails(nil)}, {fails(failure(patterns.Failed)), hangs}} {
		simulate(t, func(p *sim.Process) {
			policy := patterns.Chain(timeout.New(timeout.Total(time.Second)), fallback.ToCall(fallback.DefaultConfig(), calls[1]))
			_, err := policy.Wrap(calls[0])(p, patterns.Request{})
			if e, ok := err.(*patterns.Error); !ok || e.Layer != "total" || p.Now() != sim.Time(time.Second) {
				t.Errorf("at %v: %v", p.Now(), err)
			}
		})
	}
}

// Two at a time are answered in another way, which takes a second. Who leaves, or is killed, makes room.
func TestConcurrent(t *testing.T) {
	cfg := fallback.DefaultConfig()
	cfg.Concurrent = 2
	for _, c := range []struct{ name, callers, want string }{
		{"the third is turned away", "0s 0s 0s", "1s 1s full@0s"},
		{"until one has its answer", "0s 500ms 999ms 1s", "1s 1.5s full@999ms 2s"},
		{"who gives up makes room", "0s/200ms 0s 199ms 201ms", "late@200ms 1s full@199ms 1.201s"},
		{"who is killed does", "0s/kill200ms 0s 199ms 200ms", "killed 1s full@199ms 1.2s"},
	} {
		words := strings.Fields(c.callers)
		list := make([]string, len(words))
		simulate(t, func(p *sim.Process) {
			slow := func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
				return patterns.Response{From: "secondary"}, p.Sleep(time.Second)
			}
			policy := fallback.ToCall(cfg, slow)
			s := p.Sim()
			for i, word := range words {
				when, patience, _ := strings.Cut(word, "/")
				after := time.Hour
				if patience != "" {
					after = duration(t, strings.TrimPrefix(patience, "kill"))
				}
				s.At(sim.Time(duration(t, when)), func() {
					list[i] = "killed"
					caller := s.Go("caller", func(p *sim.Process) {
						call := timeout.New(timeout.Total(after)).Wrap(policy.Wrap(fails(failure(patterns.Failed))))
						_, err := call(p, patterns.Request{})
						switch e, _ := err.(*patterns.Error); {
						case e == nil:
							list[i] = p.Now().String()
						case e.Layer == "fallback" && e.Kind == patterns.Failed && strings.HasSuffix(e.Error(), "fallback: rejected"):
							list[i] = "full@" + p.Now().String()
						default:
							list[i] = "late@" + p.Now().String()
						}
					})
					if strings.HasPrefix(patience, "kill") {
						s.After(after, caller.Kill)
					}
				})
			}
		})
		if got := strings.Join(list, " "); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func duration(t *testing.T, text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Whoever comes, leaves and is killed when: never more than so many at a time, nobody is turned away while there is
// room, and every failure that is not passed on is counted once.
func TestRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := fallback.DefaultConfig()
		cfg.Concurrent = rapid.IntRange(0, 3).Draw(t, "concurrent")
		var policy *fallback.Fallback
		var wrong []string
		var ended fallback.Counts // as the callers saw it
		gaveUp := uint64(0)
		simulate(t, func(p *sim.Process) {
			s := p.Sim()
			underWay, most := 0, 0
			luck := s.Stream("secondary")
			secondary := func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
				underWay++
				most = max(most, underWay)
				defer func() { underWay-- }()
				if err := p.Sleep(time.Duration(luck.IntN(5)) * time.Second); err != nil {
					return patterns.Response{}, err
				}
				if luck.Chance(0.3) {
					return patterns.Response{}, &patterns.Error{Kind: patterns.Refused, Layer: "secondary"}
				}
				return patterns.Response{From: "secondary"}, nil
			}
			policy = fallback.ToCall(cfg, secondary)
			for range rapid.IntRange(1, 20).Draw(t, "calls") {
				kind := patterns.Kind(rapid.IntRange(0, 7).Draw(t, "kind"))
				at := sim.Time(time.Duration(rapid.IntRange(0, 9).Draw(t, "at")) * time.Second)
				patience := time.Duration(rapid.IntRange(1, 20).Draw(t, "patience")) * 500 * time.Millisecond
				killed := rapid.IntRange(0, 20).Draw(t, "killed after")
				call := timeout.New(timeout.Total(patience)).Wrap(policy.Wrap(fails(failure(kind))))
				s.At(at, func() {
					caller := s.Go("caller", func(p *sim.Process) {
						before := underWay
						resp, err := call(p, patterns.Request{})
						e, _ := err.(*patterns.Error)
						switch {
						case err == nil && resp.From == "secondary":
							ended.Used++
						case e.Layer == "total":
							gaveUp++
						case e.Layer == "primary":
							if cfg.On.Has(kind) {
								wrong = append(wrong, "passed on: "+err.Error())
							}
						case strings.HasSuffix(err.Error(), "secondary: refused"):
							ended.Failed++
						default:
							ended.Rejected++
							if before < cfg.Concurrent || cfg.Concurrent == 0 {
								wrong = append(wrong, fmt.Sprintf("turned away at %v with %d under way", p.Now(), before))
							}
						}
					})
					if killed < 10 {
						s.After(time.Duration(killed)*time.Second, caller.Kill)
					}
				})
			}
			s.At(sim.Time(time.Hour), func() {
				if underWay != 0 || cfg.Concurrent > 0 && most > cfg.Concurrent {
					wrong = append(wrong, fmt.Sprintf("%d under way at the end, %d at most", underWay, most))
				}
			})
		})
		got := policy.Counts()
		// Who gives up while asking elsewhere has had no answer, and counts as failed.
		if got.Used != ended.Used || got.Rejected != ended.Rejected || got.Failed != ended.Failed+gaveUp {
			wrong = append(wrong, fmt.Sprintf("%+v, callers saw %+v and %d gave up", got, ended, gaveUp))
		}
		if len(wrong) > 0 {
			t.Fatal(strings.Join(wrong, "\n"))
		}
	})
}

func TestToQueue(t *testing.T) {
	simulate(t, func(p *sim.Process) {
		var sent []uint64
		full := &patterns.Error{Kind: patterns.Overloaded, Layer: "settle"}
		policy := fallback.ToQueue(fallback.DefaultConfig(), func(p *sim.Process, req patterns.Request) error {
			if len(sent) == 1 {
				return full
			}
			sent = append(sent, req.ID)
			return nil
		})
		call := policy.Wrap(fails(failure(patterns.Rejected)))
		if resp, err := call(p, patterns.Request{ID: 5}); err != nil || !resp.Degraded || len(sent) != 1 || sent[0] != 5 {
			t.Errorf("%+v, %v, sent %v", resp, err, sent)
		}
		if _, err := call(p, patterns.Request{ID: 6}); !errors.Is(err, full) || !patterns.KindsOf(patterns.Rejected).Match(err) {
			t.Errorf("the queue is full: %v", err)
		}
	})
}

func TestToStale(t *testing.T) {
	simulate(t, func(p *sim.Process) {
		keep := fallback.StaleConfig{Keys: 2, MaxAge: 10 * time.Second}
		policy := fallback.ToStale(fallback.DefaultConfig(), keep)
		var answer patterns.Response
		var trouble error
		call := policy.Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) { return answer, trouble })
		ask := func(op string, key uint64) string {
			resp, err := call(p, patterns.Request{Op: op, Key: key})
			if err != nil {
				return err.Error()
			}
			return fmt.Sprintf("%d degraded=%v", resp.Value, resp.Degraded)
		}
		expect := func(what, got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%s: got %s, want %s", what, got, want)
			}
		}
		const nothing = "fallback: failed: primary: failed\nfallback: unavailable: no answer kept that is young enough"
		answer.Value = 1
		expect("a good answer", ask("list", 1), "1 degraded=false")
		answer.Value, answer.Degraded = 2, true
		expect("a degraded answer is given", ask("list", 1), "2 degraded=true")
		answer = patterns.Response{}
		trouble = failure(patterns.Failed)
		expect("but not kept", ask("list", 1), "1 degraded=true")
		expect("another key", ask("list", 2), nothing)
		expect("another operation", ask("price", 1), nothing)
		p.Sleep(10*time.Second - 1)
		expect("still young", ask("list", 1), "1 degraded=true")
		p.Sleep(1)
		expect("too old", ask("list", 1), nothing)

		trouble, answer.Value = nil, 3
		for key := range uint64(3) {
			ask("list", key)
		}
		trouble = failure(patterns.Failed)
		expect("no room for a third key", ask("list", 0), nothing)
		expect("the newest is kept", ask("list", 2), "3 degraded=true")
		expect("and the one before", ask("list", 1), "3 degraded=true")
	})
}

func TestValidateNamesEveryBadField(t *testing.T) {
	for _, err := range []error{fallback.DefaultConfig().Validate(), fallback.Hystrix().Validate(), fallback.DefaultStaleConfig().Validate()} {
		if err != nil {
			t.Error(err)
		}
	}
	if got, want := fmt.Sprint(fallback.Config{Concurrent: -1}.Validate()), "fallback: On is no kind, need at least one\nfallback: Concurrent is -1, need 0 or more"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	want := "fallback: StaleConfig.Keys is -1, need 0 or more\nfallback: StaleConfig.MaxAge is -1ns, need 0 or more"
	if got := fmt.Sprint(fallback.StaleConfig{Keys: -1, MaxAge: -1}.Validate()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func ExampleToAnswer() {
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		down := func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
			return patterns.Response{}, &patterns.Error{Kind: patterns.Refused, Layer: "recommendations"}
		}
		bestsellers := patterns.Response{From: "bestsellers"}
		call := fallback.ToAnswer(fallback.DefaultConfig(), bestsellers).Wrap(down)
		s.Go("shop", func(p *sim.Process) {
			resp, err := call(p, patterns.Request{})
			fmt.Println(p.Now(), resp.From, resp.Degraded, err)
		})
		s.RunUntilIdle()
	})
	// Output: 0s bestsellers true <nil>
}
