package oracle

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/nines-sim/nines/models/export"
	"github.com/nines-sim/nines/models/scenario"
)

// policiesOf returns the policies that a file gives to calls from web to api.
func policiesOf(t *testing.T, policies string) *scenario.Policies {
	t.Helper()
	const head = "nines: 1\nservices: {web: {ops: {page: {work: 5ms, calls: [api.get]}}}, api: {replicas: 10, ops: {get: {work: 5ms}}}}\n" +
		"workload: {users: {rate: 1/s, mix: {web.page: 100%}}}\ncalls: {web: {api: {"
	f, err := scenario.Parse("x.yaml", []byte(head+policies+"}}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := f.Base().Calls.Between("web", "api")
	return &p
}

// What is exported for failsafe-go is Go that its compiler takes, with the library as it is.
func TestExportedGo(t *testing.T) {
	dir := t.TempDir()
	replace := map[string]string{}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for i, policies := range []string{
		"bulkhead: {max: 25}",
		"retry: {preset: failsafe_go}, breaker: {preset: failsafe_go_rate}",
		"retry: {attempts: 3, backoff: 0s, budget: {kind: concurrency, share: 20%, min_concurrency: 3}}, breaker: {preset: failsafe_go_ratio}",
		"timeout: {attempt: 1s, total: 3500us}, hedge: {preset: failsafe_go}, limit: {preset: failsafe_go_smooth}, bulkhead: {max: 9, wait: 1s}",
		"hedge: {mode: quantile, quantile: 95%}, limit: {rate: 50 in 500ms, wait: 2s}, breaker: {rate: 12.5%, window: 90s, open: 1m}",
		"retry: {preset: cenkalti}, breaker: {consecutive: 5, half_open: 3}",
	} {
		text, _, _ := export.Named("failsafe-go").Write("web", "api", policiesOf(t, policies))
		file := filepath.Join(dir, fmt.Sprintf("p%d.go", i))
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		pkg := filepath.Join(here, "testdata", "exported", fmt.Sprintf("p%d", i), "p.go")
		replace[pkg] = file
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"build", "-overlay", list}
	for i := range replace {
		args = append(args, filepath.Dir(i))
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// What is exported for gRPC is a service config that grpc-go takes.
func TestExportedServiceConfig(t *testing.T) {
	for _, policies := range []string{
		"retry: {preset: grpc}, balance: {preset: grpc_least_request}, outlier: {preset: grpc}",
		"retry: {attempts: 9, backoff: 0s..unlimited, budget: none}, timeout: {total: 2s}, balance: {pick: ring_hash}",
		"balance: {preset: grpc_weighted_round_robin}",
		"retry: {attempts: 2, backoff: 10ms, growth: linear, step: 10ms}, outlier: {preset: envoy}",
	} {
		text, _, _ := export.Named("grpc").Write("web", "api", policiesOf(t, policies))
		client, err := grpc.NewClient("passthrough:///api", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(text))
		if err != nil {
			t.Errorf("%s: %v\n%s", policies, err, text)
			continue
		}
		client.Close()
	}
}
