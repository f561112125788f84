package scenario_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nines-sim/nines/models/scenario"
)

func TestWhatIsCountedByABitIsLimited(t *testing.T) {
	text := func(objectives, faults, queues int) string {
		var b strings.Builder
		b.WriteString("nines: 1\nservices: {api: {ops: {get: {work: 5ms}}}}\nworkload: {users: {rate: 1/s, mix: {api.get: 100%}}}\nobjectives:\n")
		for i := range objectives {
			fmt.Fprintf(&b, "  o%d: {of: api.get, target: 99%%}\n", i)
		}
		b.WriteString("faults:\n")
		for i := range faults {
			fmt.Fprintf(&b, "  f%d: {kind: crash, on: services.api, every: 30d}\n", i)
		}
		b.WriteString("queues:\n")
		for i := range queues {
			fmt.Fprintf(&b, "  q%d: {to: none, work: 1ms}\n", i)
		}
		return b.String()
	}
	if _, err := scenario.Parse("full.yaml", []byte(text(32, 64, 32)), nil); err != nil {
		t.Errorf("at the limits: %v", err)
	}
	_, err := scenario.Parse("toomany.yaml", []byte(text(33, 65, 33)), nil)
	for _, want := range []string{"objectives: has 33 entries", "faults: has 65 entries", "33 different effects"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error %v does not say %q", err, want)
		}
	}
}
