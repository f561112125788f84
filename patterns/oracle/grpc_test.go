package oracle

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/retry"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"
	"pgregory.net/rapid"
)

// grpcCodes are how a server answers. The client's policy names those of failure, timedOut and throttled.
var grpcCodes = map[ending]codes.Code{
	failure: codes.Unavailable, timedOut: codes.Aborted, throttled: codes.ResourceExhausted, final: codes.Internal,
}

// A grpcEnding is an answer, and when the server wants to be called again.
type grpcEnding struct {
	ending
	wish time.Duration // less than 0: never
}

func grpcErrorOf(e ending, wish time.Duration) error {
	if e == success {
		return nil
	}
	return grpcEnding{e, wish}
}

// A grpcPair is a client and a server that are connected in memory.
type grpcPair struct {
	client   *grpc.ClientConn
	server   *grpc.Server
	attempts map[string]func() error // what the server does, by call
}

func newGRPCPair(serviceConfig string, options ...grpc.DialOption) (*grpcPair, error) {
	p := &grpcPair{attempts: map[string]func() error{}}
	p.server = grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		if err := stream.RecvMsg(&emptypb.Empty{}); err != nil {
			return err
		}
		in, _ := metadata.FromIncomingContext(stream.Context())
		err := p.attempts[in.Get("call")[0]]()
		if err == nil {
			return stream.SendMsg(&emptypb.Empty{})
		}
		end := err.(grpcEnding)
		switch {
		case end.wish > 0:
			stream.SetTrailer(metadata.Pairs("grpc-retry-pushback-ms", strconv.FormatInt(end.wish.Milliseconds(), 10)))
		case end.wish < 0:
			stream.SetTrailer(metadata.Pairs("grpc-retry-pushback-ms", "-1"))
		}
		return status.Error(grpcCodes[end.ending], end.String())
	}))
	listener := bufconn.Listen(1 << 16)
	go p.server.Serve(listener)
	var err error
	p.client, err = grpc.NewClient("passthrough:server", append(options,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
	)...)
	return p, err
}

func (p *grpcPair) close() {
	p.client.Close()
	p.server.Stop()
}

func (p *grpcPair) call(attempt func() error) error {
	id := strconv.Itoa(len(p.attempts))
	p.attempts[id] = attempt
	ctx := metadata.AppendToOutgoingContext(context.Background(), "call", id)
	return p.client.Invoke(ctx, "/service/Method", &emptypb.Empty{}, &emptypb.Empty{})
}

// A grpcPolicy is the settings that both are made from.
type grpcPolicy struct {
	Attempts     int
	Initial, Max time.Duration
	Multiplier   float64
	MaxTokens    int // 0: no throttling
	TokenRatio   float64
}

func (g grpcPolicy) serviceConfig() string {
	throttling := ""
	if g.MaxTokens > 0 {
		throttling = fmt.Sprintf(`, "retryThrottling": {"maxTokens": %d, "tokenRatio": %v}`, g.MaxTokens, g.TokenRatio)
	}
	return fmt.Sprintf(`{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": %d, "initialBackoff": "%.9fs",
		"maxBackoff": "%.9fs", "backoffMultiplier": %v, "retryableStatusCodes": ["UNAVAILABLE", "ABORTED", "RESOURCE_EXHAUSTED"]}}]%s}`,
		g.Attempts, g.Initial.Seconds(), g.Max.Seconds(), g.Multiplier, throttling)
}

func (g grpcPolicy) config() retry.Config {
	cfg := retry.GRPC()
	cfg.Attempts = min(g.Attempts, 5) // a client never makes more
	cfg.On |= patterns.KindsOf(patterns.Failed, patterns.Timeout)
	cfg.Backoff.First, cfg.Backoff.Max, cfg.Backoff.Factor = g.Initial, g.Max, g.Multiplier
	cfg.Budget = nil
	if g.MaxTokens > 0 {
		cfg.Budget = retry.ThrottleConfig{MaxTokens: float64(g.MaxTokens), TokenRatio: g.TokenRatio}
	}
	return cfg
}

type grpcCalls struct {
	grpcPolicy
	Steps []callStep
}

func (g grpcCalls) play(all seen) error {
	p, err := newGRPCPair(g.serviceConfig())
	if err != nil {
		return err
	}
	defer p.close()
	cfg := g.config()
	cfg.Backoff.Jitter = retry.None // theirs ends a tenth of a second before or after, and nothing else happens then
	for _, s := range g.Steps {
		switch {
		case s.Wish < 0:
			all["never again"]++
		case s.Wish > 0:
			all["told when to come back"]++
		}
	}
	return playCalls(cfg, nil, realCalls{call: p.call, error: grpcErrorOf}, nil, g.Steps, all)
}

func TestGRPC(t *testing.T) {
	compare(t, rapid.Custom(func(t *rapid.T) grpcCalls {
		g := grpcCalls{grpcPolicy: grpcPolicy{
			Attempts: oneOf(t, "attempts", 4, 2, 3, 7), Initial: half, Max: half, Multiplier: 2,
			MaxTokens: oneOf(t, "MaxTokens", 10, 1, 4, evenly(t, 12, "tokens")), TokenRatio: float64(1+evenly(t, 16, "TokenRatio")) / 8,
		}}
		g.Steps = callSteps.Draw(t, "steps")
		for i := range g.Steps {
			switch evenly(t, 4, "wish") {
			case 1:
				g.Steps[i].Wish = half + time.Duration(evenly(t, 8, "seconds"))*time.Second
			case 2:
				g.Steps[i].Wish = -time.Duration(evenly(t, 2, "never"))
			}
		}
		return g
	}), grpcCalls.play, "success", "failure", "timeout", "throttled", "final", "retries", "denied", "never again", "told when to come back")
}

// A grpcBackoff is one call that fails, and what the server wishes each time.
type grpcBackoff struct {
	grpcPolicy
	Wishes []time.Duration
}

// play compares the waits, whose luck is not known, with the shortest and the longest of ours, and those that
// the server wishes exactly.
func (g grpcBackoff) play(all seen) error {
	p, err := newGRPCPair(g.serviceConfig(), grpc.WithMaxCallAttempts(g.Attempts))
	if err != nil {
		return err
	}
	defer p.close()
	var (
		ours      = g.config().Backoff
		low, high retry.Waits
		last      time.Time
		n         int
		wrong     error
	)
	p.call(func() error {
		if n > 0 && wrong == nil {
			switch wait, wish := time.Since(last), g.Wishes[n-1]; {
			case wish == 0:
				wrong = between(wait, ours.Next(&low, 0), ours.Next(&high, almostOne), all)
			default:
				all["waits that the server wishes"]++
				low, high = retry.Waits{}, retry.Waits{}
				if wait != wish {
					wrong = fmt.Errorf("the server wishes %v, theirs waits %v", wish, wait)
				}
			}
			if wrong != nil {
				wrong = fmt.Errorf("wait %d: %w", n, wrong)
			}
		}
		last = time.Now()
		n++
		if n > len(g.Wishes) {
			return nil
		}
		return grpcErrorOf(failure, g.Wishes[n-1])
	})
	if want := min(g.Attempts, len(g.Wishes)+1); wrong == nil && n != want {
		return fmt.Errorf("%d attempts, want %d", n, want)
	}
	return wrong
}

func TestGRPCBackoff(t *testing.T) {
	compare(t, rapid.Custom(func(t *rapid.T) grpcBackoff {
		g := grpcBackoff{grpcPolicy: grpcPolicy{
			Attempts: 2 + evenly(t, 16, "attempts"), Initial: time.Duration(1 + evenly(t, 1<<30, "initial")),
			Multiplier: 1 + float64(evenly(t, 32, "multiplier"))/8,
		}}
		g.Max = g.Initial + time.Duration(evenly(t, 1<<34, "max"))
		g.Wishes = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(max(0, evenly(t, 8, "wish")-5)) * 77 * time.Millisecond
		}), 1, 12).Draw(t, "wishes")
		return g
	}), grpcBackoff.play, "waits near the shortest", "waits near the longest", "waits that the server wishes")
}

// grpc-go adds up the token ratio in a float64, and in it ten tenths may be more than one. Ours counts
// millionths. So the ratios that are compared are eighths.
func TestGRPCAddsUpRoundingErrors(t *testing.T) {
	inBubble(t, func() error {
		g := grpcPolicy{Attempts: 2, Initial: half, Max: half, Multiplier: 2, MaxTokens: 4, TokenRatio: 0.1}
		p, err := newGRPCPair(g.serviceConfig())
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		for range 2 {
			p.call(func() error { return grpcErrorOf(failure, -1) })
		}
		for range 10 {
			p.call(func() error { return nil })
		}
		attempts := 0 // of one that fails while there are 3 tokens, which leaves half of them
		p.call(func() error {
			attempts++
			return grpcErrorOf(failure, 0)
		})
		if attempts != 2 {
			t.Errorf("%d attempts: the reason to leave other ratios out is gone", attempts)
		}
		return nil
	})
}
