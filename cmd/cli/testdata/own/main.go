// A program of somebody else's: nines with a policy and a scenario of their own.
package main

import (
	"embed"

	"github.com/nines-sim/nines/cmd/cli"
	"github.com/nines-sim/nines/models/scenario"
)

//go:embed *.yaml
var scenarios embed.FS

func main() {
	cli.Main(cli.Catalog{Name: "own", Families: []scenario.Family{Fuse()}, Scenarios: scenarios})
}
