package study

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"sync"
)

// A Pool does the runs of a study.
type Pool struct {
	// Jobs is how many runs go on at a time; 0 means one for each processor. Results do not depend on it.
	Jobs int

	// Journal, if not nil, is asked before a run is done, and gets its row when it has ended.
	Journal *Journal

	// Progress, if not nil, hears about every finished run, from one goroutine.
	Progress func(Progress)
}

// Progress is the state of a study after a run.
type Progress struct {
	Row     Row
	Resumed bool // the row came from the journal
	Done    int  // runs finished so far, of all variants
	Total   int  // runs planned so far; may grow while a study goes after a half-width
}

// run does the given cases and returns those that were finished, in the order of the cases. When ctx
// ends, no further case is begun, those under way are waited for, and the rows so far come with ctx's
// error. A case that fails, or a row that cannot be written, ends the rest in the same way.
func (p Pool) run(ctx context.Context, cases []Case, objectives int, f Simulate, progress *Progress) ([]Row, error) {
	rows := make([]*Row, len(cases)) // nil: not finished
	finish := func(i int, r Row, resumed bool) {
		rows[i] = &r
		progress.Row, progress.Resumed = r, resumed
		progress.Done++
		if p.Progress != nil {
			p.Progress(*progress)
		}
	}
	var todo []int
	for i, c := range cases {
		r, ok, err := p.Journal.Get(c)
		if err != nil {
			return nil, err
		}
		if ok {
			finish(i, r, true)
		} else {
			todo = append(todo, i)
		}
	}

	type ended struct {
		index int
		Measurement
		err error
	}
	inner, stop := context.WithCancel(ctx)
	defer stop()
	next, results := make(chan int), make(chan ended)
	go func() {
		defer close(next)
		for _, i := range todo {
			select {
			case next <- i:
			case <-inner.Done():
				return
			}
		}
	}()
	var workers sync.WaitGroup
	for range min(p.jobs(), len(todo)) {
		workers.Go(func() {
			for i := range next {
				m, err := f(inner, cases[i])
				results <- ended{i, m, err}
			}
		})
	}
	go func() { workers.Wait(); close(results) }()

	var failed error
	for e := range results {
		err := e.err
		if err == nil {
			err = e.check(objectives)
		}
		if err == nil {
			r := Row{cases[e.index], e.Measurement}
			if err = p.Journal.Append(r); err == nil {
				finish(e.index, r, false)
				continue
			}
		} else if inner.Err() != nil && errors.Is(err, context.Canceled) {
			continue // cut short, not failed
		} else {
			err = fmt.Errorf("%s: %w", cases[e.index], err)
		}
		failed = errors.Join(failed, err)
		stop()
	}
	var list []Row
	for _, r := range rows {
		if r != nil {
			list = append(list, *r)
		}
	}
	if failed == nil {
		failed = ctx.Err()
	}
	return list, failed
}

func (p Pool) jobs() int {
	if p.Jobs > 0 {
		return p.Jobs
	}
	return runtime.GOMAXPROCS(0)
}

// check refuses what does not fit the plan, and numbers that no mean can be taken of.
func (m Measurement) check(objectives int) error {
	if len(m.Objectives) != objectives {
		return fmt.Errorf("%d objectives measured, the plan has %d", len(m.Objectives), objectives)
	}
	for i, c := range m.Objectives {
		if !(c.Bad >= 0 && c.Bad <= c.Valid && c.Valid <= math.MaxFloat64) {
			return fmt.Errorf("objective %d has %v bad calls of %v", i, c.Bad, c.Valid)
		}
	}
	if m.Length <= 0 {
		return fmt.Errorf("a run of length %v", m.Length)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Metrics)) {
		if v := m.Metrics[name]; math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("metric %s is %v", name, v)
		}
	}
	return nil
}
