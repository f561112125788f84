package retry_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/sim"
)

// The bounded retransmission protocol (D'Argenio, Jeannet, Jensen, Larsen, 2001; "brp" of the QComp
// benchmarks): a file of N chunks, each of which is tried up to 1+MAX times. A chunk is lost with
// probability .02, its acknowledgement with .01, so an attempt fails with q = 1 - .98·.99 = .0298. The
// sender does not report success with p1 = 1-(1-q^(MAX+1))^N, and does not know with p2 =
// (1-q^(MAX+1))^(N-1)·q^(MAX+1), if it is the last chunk that fails. The numbers are exact results of that
// benchmark, those above 1e-5, and p2 of longer files by the formula. A file may end at any chunk, so p2 is
// the share of all chunks that fail after N-1 that do not.
func TestBoundedRetransmission(t *testing.T) {
	type cell struct {
		chunks int
		p1, p2 float64
	}
	for _, c := range []struct {
		max   int
		files []cell
		tries int // chunks in all
	}{
		{2, []cell{{16, 4.233334e-4, 2.645309e-5}, {32, 8.464877e-4, 2.644189e-5}, {64, 1.692259e-3, 2.641953e-5}}, 16_000_000},
		{3, []cell{{16, 1.261777e-5, 0}, {32, 2.523537e-5, 0}, {64, 5.047011e-5, 0}}, 33_000_000},
	} {
		t.Run(fmt.Sprint("MAX=", c.max), func(t *testing.T) {
			t.Parallel()
			begun, failed, last, at := make([]float64, len(c.files)), make([]float64, len(c.files)), make([]float64, len(c.files)), make([]int, len(c.files))
			good := 0 // chunks since one failed
			simulate(t, func(p *sim.Process) {
				luck := p.Sim().Stream("link")
				lost := &patterns.Error{Kind: patterns.Timeout}
				cfg := retry.Config{Attempts: 1 + c.max, Backoff: retry.Constant(0), On: patterns.Transient}
				send := retry.New(cfg, p.Sim().Keyed("jitter"), nil).Wrap(func(*sim.Process, patterns.Request) (patterns.Response, error) {
					if luck.Chance(0.02) || luck.Chance(0.01) {
						return patterns.Response{}, lost
					}
					return patterns.Response{}, nil
				})
				for range c.tries {
					_, err := send(p, patterns.Request{})
					for i := range c.files { // the same chunks make files of each length
						if at[i] == 0 {
							begun[i]++
						}
						at[i]++
						if err != nil {
							failed[i]++
							if good >= c.files[i].chunks-1 {
								last[i]++
							}
						}
						if err != nil || at[i] == c.files[i].chunks {
							at[i] = 0
						}
					}
					if good++; err != nil {
						good = 0
					}
				}
			})
			for i, f := range c.files {
				agree := func(what string, count, of, want float64) {
					got, se := count/of, math.Sqrt(want*(1-want)/of)
					t.Logf("N=%d: %s is %.3e, want %.6e ± %.1e", f.chunks, what, got, want, se)
					if math.Abs(got-want) > 4*se || se > 0.2*want {
						t.Errorf("N=%d: %s is %.3e, want %.6e ± %.1e", f.chunks, what, got, want, se)
					}
				}
				agree("p1", failed[i], begun[i], f.p1)
				if f.p2 > 0 {
					agree("p2", last[i], float64(c.tries-f.chunks+1), f.p2)
				}
			}
		})
	}
}
