module github.com/nines-sim/nines/patterns/oracle

go 1.26.0

require (
	github.com/nines-sim/nines v0.0.0
	github.com/sony/gobreaker/v2 v2.4.0
	pgregory.net/rapid v1.3.0
)

require github.com/stretchr/testify v1.11.1 // indirect

replace github.com/nines-sim/nines => ../..
