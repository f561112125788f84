package sim_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/nines-sim/nines/sim"
)

// TestMain runs every test twice: with processes that give control to each other, and through the
// driver. Nothing that a test can see may differ.
func TestMain(m *testing.M) {
	code := m.Run()
	if flag.Lookup("test.bench").Value.String() != "" {
		os.Exit(code) // benchmarks are of what users get
	}
	sim.ForceTrampoline()
	fmt.Println("again, with Config.Trampoline")
	os.Exit(max(code, m.Run()))
}
