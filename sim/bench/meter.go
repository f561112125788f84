//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// A meter measures the process from start to stop. Only what is measured looks at the machine's clock;
// the simulation does not.
type meter struct {
	cpu  float64
	wall time.Time
	rss  int64
	line string
}

// start begins to measure. Workloads that prepare something first call it again.
func (m *meter) start() {
	m.rss, m.cpu, m.wall = resident(), cpu(), time.Now()
}

// stop ends the measurement: ops operations were done, and mean is what the workload is checked by.
func (m *meter) stop(ops int, mean float64) {
	c, w := cpu()-m.cpu, time.Since(m.wall).Seconds()
	m.line = fmt.Sprintf("ops=%d cpu=%.6f wall=%.6f rss=%d mean=%.6f", ops, c, w, resident()-m.rss, mean)
}

// cpu returns the user and system time of this process, in seconds.
func cpu() float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic("bench: " + err.Error())
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

// resident returns the resident memory of this process in bytes, or 0 where /proc does not tell.
func resident() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseInt(string(bytes.Fields(b)[1]), 10, 64)
	return pages * int64(os.Getpagesize())
}
