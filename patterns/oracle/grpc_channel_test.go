package oracle

import (
	"encoding/json"
	"slices"
	"sync"
	"testing/synctest"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/experimental/stats"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
	_ "google.golang.org/grpc/xds" // registers outlier detection
)

// A grpcChannel is what a balancer of grpc-go runs in: it takes the place of the connection to servers.
// The balancer is the real one, made by its builder, with its children; connections are up when it
// asks for them, and calls are picked and ended as a channel does, without bytes.
type grpcChannel struct {
	balancer.ClientConn // for what balancers do not call
	builder             balancer.Builder
	lb                  balancer.Balancer

	mu     sync.Mutex
	picker balancer.Picker
	state  connectivity.State
	conns  map[string]*grpcConn // by address
	broken map[string]bool
}

// newGRPCChannel builds the balancer of that name in a bubble; it is to be closed.
func newGRPCChannel(name, config string, endpoints []resolver.Endpoint) (*grpcChannel, error) {
	ch := &grpcChannel{builder: balancer.Get(name), conns: map[string]*grpcConn{}, broken: map[string]bool{}}
	ch.lb = ch.builder.Build(ch, balancer.BuildOptions{})
	return ch, ch.update(config, endpoints)
}

// update is news of the resolver.
func (ch *grpcChannel) update(config string, endpoints []resolver.Endpoint) error {
	var parsed serviceconfig.LoadBalancingConfig
	if parser, ok := ch.builder.(balancer.ConfigParser); ok {
		var err error
		if parsed, err = parser.ParseConfig(json.RawMessage(config)); err != nil {
			return err
		}
	}
	state := resolver.State{Endpoints: endpoints}
	for _, e := range endpoints {
		state.Addresses = append(state.Addresses, e.Addresses...)
	}
	if err := ch.lb.UpdateClientConnState(balancer.ClientConnState{ResolverState: state, BalancerConfig: parsed}); err != nil {
		return err
	}
	synctest.Wait()
	return nil
}

func (ch *grpcChannel) NewSubConn(addrs []resolver.Address, opts balancer.NewSubConnOptions) (balancer.SubConn, error) {
	c := &grpcConn{ch: ch, addr: addrs[0].Addr, listener: opts.StateListener}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.conns[c.addr] = c
	return c, nil
}

func (ch *grpcChannel) UpdateState(s balancer.State) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.picker, ch.state = s.Picker, s.ConnectivityState
}

func (*grpcChannel) ResolveNow(resolver.ResolveNowOptions) {}
func (*grpcChannel) Target() string                        { return "service" }
func (*grpcChannel) MetricsRecorder() stats.MetricsRecorder {
	return stats.UnimplementedMetricsRecorder{}
}

// pick picks a connection for a call, and returns its address and how the call ends. It waits until the
// balancer has done what it was about to do.
func (ch *grpcChannel) pick(info balancer.PickInfo) (addr string, done func(balancer.DoneInfo), err error) {
	synctest.Wait()
	ch.mu.Lock()
	picker := ch.picker
	ch.mu.Unlock()
	r, err := picker.Pick(info)
	if err != nil {
		return "", nil, err
	}
	if done = r.Done; done == nil {
		done = func(balancer.DoneInfo) {}
	}
	return r.SubConn.(*grpcConn).addr, done, nil
}

// round returns the addresses to which so many calls go that begin now, sorted, and how one to each ends.
// They are all that are in use if the balancer takes them in turn.
func (ch *grpcChannel) round(endpoints int) (addrs []string, calls map[string]func(balancer.DoneInfo)) {
	calls = map[string]func(balancer.DoneInfo){}
	for range endpoints {
		addr, done, err := ch.pick(balancer.PickInfo{})
		if err != nil {
			break
		}
		if calls[addr] == nil {
			addrs = append(addrs, addr)
		}
		calls[addr] = done
	}
	slices.Sort(addrs)
	return addrs, calls
}

func (ch *grpcChannel) close() {
	ch.lb.Close()
	synctest.Wait()
}

// setBroken breaks a server, or mends it. A connection that was up goes down and is tried again.
func (ch *grpcChannel) setBroken(addr string, broken bool) {
	ch.mu.Lock()
	ch.broken[addr] = broken
	c := ch.conns[addr]
	ch.mu.Unlock()
	if c != nil && c.connected {
		c.tell(connectivity.Idle)
	}
	synctest.Wait()
}

// A grpcConn is a connection, which is up once the balancer has asked for it, unless its server is broken.
type grpcConn struct {
	balancer.SubConn // for what balancers do not call
	ch               *grpcChannel
	addr             string
	listener         func(balancer.SubConnState)
	connected        bool // or has tried to
}

func (c *grpcConn) tell(states ...connectivity.State) {
	for _, s := range states {
		told := balancer.SubConnState{ConnectivityState: s}
		if s == connectivity.TransientFailure {
			told.ConnectionError = errFailed
		}
		c.listener(told)
	}
}

func (c *grpcConn) Connect() {
	c.ch.mu.Lock()
	defer c.ch.mu.Unlock()
	c.connected = true
	end := connectivity.Ready
	if c.ch.broken[c.addr] {
		end = connectivity.TransientFailure
	}
	go c.tell(connectivity.Connecting, end)
}

func (c *grpcConn) Shutdown() { go c.tell(connectivity.Shutdown) }

func (c *grpcConn) RegisterHealthListener(f func(balancer.SubConnState)) {
	go f(balancer.SubConnState{ConnectivityState: connectivity.Ready})
}
