module github.com/nines-sim/nines/patterns/oracle

go 1.26.0

require (
	github.com/cenkalti/backoff/v4 v4.3.0
	github.com/cenkalti/backoff/v5 v5.0.3
	github.com/eapache/go-resiliency v1.7.0
	github.com/failsafe-go/failsafe-go v0.9.8
	github.com/nines-sim/nines v0.0.0
	github.com/sony/gobreaker/v2 v2.4.0
	pgregory.net/rapid v1.3.0
)

require github.com/bits-and-blooms/bitset v1.24.4 // indirect

replace github.com/nines-sim/nines => ../..
