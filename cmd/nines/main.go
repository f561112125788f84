// The command nines says how many nines a design has, and what would buy the next one.
package main

import "github.com/nines-sim/nines/cmd/cli"

func main() {
	cli.Main(cli.Catalog{})
}
