package simtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/nines-sim/nines/sim"
)

// commandOf returns the line that runs one seed of a test again, to be pasted at the root of its
// module.
func commandOf(test string, seed sim.Seed, verify bool) string {
	return environmentOf(fmt.Sprintf("%s=%d", envSeed, seed), verify) + goTest(test)
}

func environmentOf(seeds string, verify bool) string {
	if verify {
		return envVerify + "=1 " + seeds + " "
	}
	return seeds + " "
}

// goTest returns the command that runs one test alone.
func goTest(test string) string {
	var pattern []string
	for name := range strings.SplitSeq(test, "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(name)+"$")
	}
	return "go test " + packagePath() + " -run " + quote(strings.Join(pattern, "/"))
}

// packagePath returns the path of the package that is tested, from the root of its module: go test
// runs a test in the folder of its package.
func packagePath() string {
	folder, err := os.Getwd()
	if err != nil {
		return "."
	}
	for root := folder; ; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			rel, err := filepath.Rel(root, folder)
			if err != nil || rel == "." {
				return "."
			}
			return "./" + filepath.ToSlash(rel)
		}
		if root == filepath.Dir(root) {
			return "."
		}
	}
}

// quote quotes a word for the shell.
func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
