//go:build unix

package main

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every workload does what it says, and says what it did.
func TestWorkloads(t *testing.T) {
	for _, c := range []struct {
		args string
		ops  int
		mean float64
		se   float64
	}{
		{"hold 100 5000", 5000, 0, 0},
		// An M/M/1 queue at load 0.9 keeps a customer for 10 s. The standard error of the mean of n
		// customers, who are far from independent, is about 190/√n (asymptotic variance of the
		// M/M/1 sojourn time, Whitt 1989).
		{"mm1q 300000", 300_000, 10, 0.35},
		{"mm1r 300000", 300_000, 10, 0.35},
		{"mm1cb 300000", 300_000, 10, 0.35},
		{"pingpong 1000", 2000, 0, 0},
		{"pingpongcb 1000", 2000, 0, 0},
		{"timers 5000 100", 5000, 0, 0},
		{"memev 1000", 1000, 0, 0},
		{"memproc 1000", 1000, 0, 0},
	} {
		w, n, m, err := parse(strings.Fields(c.args))
		if err != nil {
			t.Fatal(err)
		}
		line, err := measure(w, n, m)
		if err != nil {
			t.Fatal(err)
		}
		var name string
		var size, ops, rss int
		var cpu, wall, mean float64
		if _, err := fmt.Sscanf(line, "RESULT w=%s n=%d ops=%d cpu=%f wall=%f rss=%d mean=%f",
			&name, &size, &ops, &cpu, &wall, &rss, &mean); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if name != w.name || size != n || ops != c.ops || math.Abs(mean-c.mean) > 4*c.se {
			t.Errorf("%s: %s, want %d operations and a mean of %v ± %v", c.args, line, c.ops, c.mean, 4*c.se)
		}
	}
}

func TestWrongUsage(t *testing.T) {
	var got []string
	for _, args := range []string{"", "sing 3", "hold 100", "mm1q 0", "mm1q many"} {
		_, _, _, err := parse(strings.Fields(args))
		got = append(got, fmt.Sprint(err))
	}
	usage := "usage: bench WORKLOAD N [M], where WORKLOAD is one of hold mm1q mm1r mm1cb pingpong pingpongcb timers memev memproc"
	want := []string{usage, usage, usage, `bench: "0": need a whole number of 1 or more`, `bench: "many": need a whole number of 1 or more`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
