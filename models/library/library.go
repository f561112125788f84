// Package library holds the scenarios that ship with nines.
package library

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// Names returns the names of the scenarios, the one to begin with first.
func Names() []string {
	return []string{
		"webshop", "minimal", "retry-storm", "cache-flush",
		"low-traffic", "budget-or-breaker", "three-tiers", "break-time", "small-cluster", "hedges", "limiters",
		"breakers", "retries",
	}
}

// Open returns the text of a scenario, and the name of its file.
func Open(name string) (text []byte, file string, ok bool) {
	file = name + ".yaml"
	if strings.ContainsAny(name, "/\\.") {
		return nil, "", false
	}
	text, err := fs.ReadFile(files, file)
	return text, file, err == nil
}
