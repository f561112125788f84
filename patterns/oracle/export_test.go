package oracle

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/nines-sim/nines/models/export"
	"github.com/nines-sim/nines/models/scenario"
)

// What is exported for gRPC is a service config that grpc-go takes.
func TestExportedServiceConfig(t *testing.T) {
	const head = "nines: 1\nservices: {web: {ops: {page: {work: 5ms, calls: [api.get]}}}, api: {replicas: 10, ops: {get: {work: 5ms}}}}\n" +
		"workload: {users: {rate: 1/s, mix: {web.page: 100%}}}\ncalls: {web: {api: {"
	for _, policies := range []string{
		"retry: {preset: grpc}, balance: {preset: grpc_least_request}, outlier: {preset: grpc}",
		"retry: {attempts: 9, backoff: 0s..unlimited, budget: none}, timeout: {total: 2s}, balance: {pick: ring_hash}",
		"retry: {attempts: 2, backoff: 10ms, growth: linear, step: 10ms}, outlier: {preset: envoy}",
	} {
		f, err := scenario.Parse("x.yaml", []byte(head+policies+"}}}\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		p := f.Base().Calls.Between("web", "api")
		text, _ := export.Named("grpc").Write("web", "api", &p)
		client, err := grpc.NewClient("passthrough:///api", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(text))
		if err != nil {
			t.Errorf("%s: %v\n%s", policies, err, text)
			continue
		}
		client.Close()
	}
}
