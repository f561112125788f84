package scenario_test

import (
	"fmt"

	"github.com/nines-sim/nines/models/scenario"
)

func ExampleFile_Variant() {
	f, err := scenario.Load("testdata/webshop.yaml", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := f.Variant("breaker", "default.retry.attempts=2")
	if err != nil {
		fmt.Println(err)
		return
	}
	p := s.Calls.Between("orders", "payment")
	fmt.Println("tries:", p.Retry.Attempts, "open for:", p.Breaker.Open, "servers:", s.Servers())
	fmt.Print(s.LoadReport())
	// Output:
	// tries: 2 open for: 5s servers: 10
	// service    calls/s  base  sale  sale, a zone lost  worst retries
	// shop          60.0    5%   24%                35%           1.1x
	// catalog       60.0   22%  112%               168%          1.21x
	// orders         4.8    1%    5%                 7%          1.21x
	// orders_db      4.8    0%    2%                  –          1.33x
	// payment        4.8     –     –                  –          1.33x
}

func ExampleParse() {
	_, err := scenario.Parse("shop.yaml", []byte(`nines: 1
services:
  shop: {replcas: 3, cpus: 4, ops: {browse: {work: 8}}}
`), nil)
	fmt.Println(err)
	// Output:
	// shop.yaml:3:10: services.shop.replcas: there is no such key; did you mean replicas?
	//     3 |   shop: {replcas: 3, cpus: 4, ops: {browse: {work: 8}}}
	//       |          ^
	// shop.yaml:3:52: services.shop.ops.browse.work: 8 has no unit: expected a length of time: 5ms, exp 5ms, {p50: 5ms, p99: 20ms}, {mean: 5ms, cv: 1.5, shape: gamma} or {file: measured.hlog}
	//     3 |   shop: {replcas: 3, cpus: 4, ops: {browse: {work: 8}}}
	//       |                                                    ^
}
