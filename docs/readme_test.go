package docs_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/cmd/cli"
	"github.com/nines-sim/nines/models/library"
	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/models/system"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
)

// A document is a page of Markdown.
type document struct {
	name   string // from the root of the project
	text   string
	blocks []block
}

// A block is a fenced piece of code, or an indented one.
type block struct {
	line     int    // where it begins
	language string // "go", "yaml", "json", "text"; empty if it is indented
	source   string // of "<!-- from FILE -->" on the line before
	output   string // of "<!-- output of: COMMAND -->" on the line before
	text     string
}

var (
	fromFile   = regexp.MustCompile(`^<!-- from (\S+) -->$`)
	fromOutput = regexp.MustCompile(`^<!-- output of: (.+) -->$`)
)

// documents reads every page: those at the root and those in docs.
func documents(t *testing.T) []document {
	t.Helper()
	names, err := filepath.Glob("../*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	var list []document
	for _, name := range append(names, pages...) {
		list = append(list, read(t, name))
	}
	return list
}

func read(t *testing.T, file string) document {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := document{name: strings.TrimPrefix(path.Join("docs", filepath.ToSlash(file)), "../"), text: string(text)}
	before, fenced := "", false
	for i, line := range strings.Split(d.text, "\n") {
		last := len(d.blocks) - 1
		switch indented := strings.HasPrefix(line, "    "); {
		case fenced && line == "```":
			fenced = false
		case fenced:
			d.blocks[last].text += line + "\n"
		case strings.HasPrefix(line, "```"):
			fenced = true
			d.blocks = append(d.blocks, block{line: i + 2, language: line[3:], source: first(fromFile, before), output: first(fromOutput, before)})
		case indented && before == "":
			d.blocks = append(d.blocks, block{line: i + 1, text: line[4:] + "\n"})
		case indented && last >= 0 && d.blocks[last].language == "":
			d.blocks[last].text += line[4:] + "\n"
		}
		before = line
	}
	return d
}

// first returns what the first pair of brackets matched, or nothing.
func first(re *regexp.Regexp, s string) string {
	if m := re.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return ""
}

// What the documents show of a file is in that file, line by line, so that it compiles and passes.
func TestCodeIsWhatCompiles(t *testing.T) {
	shown := 0
	for _, d := range documents(t) {
		for _, b := range d.blocks {
			if b.source == "" {
				if b.language == "go" {
					t.Errorf("%s:%d: Go code that is from no file", d.name, b.line)
				}
				continue
			}
			shown++
			file, err := os.ReadFile(filepath.Join("..", b.source))
			if err != nil {
				t.Errorf("%s:%d: %v", d.name, b.line, err)
				continue
			}
			if !strings.Contains("\n"+string(file), "\n"+b.text) {
				t.Errorf("%s:%d: these lines are not in %s:\n%s", d.name, b.line, b.source, b.text)
			}
		}
	}
	if shown < 4 {
		t.Errorf("only %d blocks are from a file", shown)
	}
}

var (
	command    = regexp.MustCompile(`(?:^|&& |\$ )(?:[A-Z_]+=\S+ )*(?:nines|go run \./cmd/nines|go run \.) +([a-z]+)([^|#&]*)`)
	inlineCode = regexp.MustCompile("`([^`\n]+)`")
	helpFlag   = regexp.MustCompile(`--([a-z][a-z-]*)`)
)

// Every command that a page tells the reader to type exists, with its flags and its scenario.
func TestCommandsExist(t *testing.T) {
	help := map[string]string{}
	seen := 0
	for _, d := range documents(t) {
		var lines []string
		for _, b := range d.blocks {
			if b.source == "" {
				lines = append(lines, strings.Split(b.text, "\n")...)
			}
			if b.output != "" {
				lines = append(lines, b.output)
			}
		}
		for _, m := range inlineCode.FindAllStringSubmatch(d.text, -1) {
			lines = append(lines, m[1])
		}
		for _, line := range lines {
			m := command.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			seen++
			name, rest := m[1], m[2]
			if help[name] == "" {
				var out, complaint bytes.Buffer
				if code := cli.Run(context.Background(), cli.Catalog{}, []string{name, "--help"}, &out, &complaint); code != 0 {
					t.Errorf("%s: %q: there is no command %s: %s", d.name, line, name, &complaint)
					continue
				}
				help[name] = out.String()
			}
			for _, flag := range helpFlag.FindAllString(rest, -1) {
				if !regexp.MustCompile(flag + `\b`).MatchString(help[name]) {
					t.Errorf("%s: %q: %s has no flag %s", d.name, line, name, flag)
				}
			}
			words := strings.Fields(rest)
			bare := len(words) > 0 && regexp.MustCompile(`^[a-z-]+$`).MatchString(words[0]) && !strings.HasPrefix(words[0], "-")
			known := append(library.Names(), "kiosk")
			if bare && slices.Contains([]string{"run", "compare", "sweep", "show"}, name) && !slices.Contains(known, words[0]) {
				t.Errorf("%s: %q: there is no scenario %s", d.name, line, words[0])
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands were found", seen)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	outside = regexp.MustCompile(`^[a-z]+:`)
)

// anchors returns what a page's headings can be linked by, as GitHub makes it.
func anchors(text string) (list []string) {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		name := strings.ToLower(m[1])
		name = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(name, "")
		list = append(list, strings.ReplaceAll(name, " ", "-"))
	}
	return list
}

// Links lead to files and headings that are there.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, d := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(d.text, -1) {
			target := m[1]
			if outside.MatchString(target) {
				continue
			}
			file, anchor, _ := strings.Cut(target, "#")
			text := d.text
			if file != "" {
				found, err := os.ReadFile(filepath.Join("..", path.Dir(d.name), file))
				if err != nil {
					t.Errorf("%s: %v", d.name, err)
					continue
				}
				text = string(found)
			}
			if anchor != "" && !slices.Contains(anchors(text), anchor) {
				t.Errorf("%s: %s has no heading %s", d.name, target, anchor)
			}
		}
	}
}

// Every page is reached from the README.
func TestEveryPageIsLinked(t *testing.T) {
	readme := read(t, "../README.md").text
	for _, d := range documents(t) {
		if d.name != "README.md" && !strings.Contains(readme, "]("+d.name+")") {
			t.Errorf("README.md has no link to %s", d.name)
		}
	}
}

// Every package is on the README's map.
func TestEveryPackageIsOnTheMap(t *testing.T) {
	_, list, ok := strings.Cut(read(t, "../README.md").text, "## The packages\n")
	if !ok {
		t.Fatal("README.md has no section about the packages")
	}
	list, _, _ = strings.Cut(list, "\n## ")
	files(t, func(pkg, name string, _ *token.FileSet, _ *ast.File) {
		if strings.Contains(pkg, "/internal") || strings.Contains(list, "`"+pkg+"`") || strings.Contains(list, "`"+path.Base(pkg)+"`") {
			return
		}
		t.Errorf("%s: package %s is not on the map", name, pkg)
	})
}

var comparison = regexp.MustCompile(`^nines compare ([a-z-]+)$`)

// A table that a page shows is of the scenario as it ships: it has all its variants, and the hash that the
// command prints, which changes with any of them. Every scenario that asks a question has its table.
func TestTablesAreOfWhatShips(t *testing.T) {
	shown := map[string]bool{"minimal": true, "retry-storm": true, "cache-flush": true} // those without a table
	for _, page := range []string{"../README.md", "questions.md"} {
		d := read(t, page)
		for _, b := range d.blocks {
			name := first(comparison, b.output)
			if name == "" {
				continue
			}
			shown[name] = true
			text, file, ok := library.Open(name)
			if !ok {
				t.Errorf("%s:%d: there is no scenario %s", d.name, b.line, name)
				continue
			}
			f, err := scenario.Parse(file, text, nil)
			if err != nil {
				t.Fatal(err)
			}
			hash := sha256.New()
			for _, v := range f.Variants() {
				sc, err := f.Variant(v)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintln(hash, v, "", scenario.Hash(sc, &scenario.Catalog{})) // as compare does for its plan
				if !strings.Contains(b.text, "\n"+v+" ") {
					t.Errorf("%s:%d: the table of %s has no variant %s", d.name, b.line, name, v)
				}
			}
			if want := "scenario " + hex.EncodeToString(hash.Sum(nil))[:12]; !strings.Contains(b.text, want) {
				t.Errorf("%s:%d: the table is not of %s: paste what nines compare %s prints now, and copy its chart to docs", d.name, b.line, want, name)
			}
		}
	}
	for _, name := range library.Names() {
		if !shown[name] {
			t.Errorf("neither README.md nor questions.md shows the table of %s", name)
		}
	}
	charts, err := filepath.Glob("*.png")
	if err != nil {
		t.Fatal(err)
	}
	for _, chart := range charts {
		if info, err := os.Stat(chart); err != nil || info.Size() > 200_000 {
			t.Errorf("docs/%s: %v, need a chart of less than 200 kB", chart, err)
		}
	}
}

// The plan in faults.md is one that can be read, written back and met.
func TestFaultPlan(t *testing.T) {
	var text string
	for _, b := range read(t, "faults.md").blocks {
		if b.language == "json" {
			text = b.text
		}
	}
	plan, err := fault.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var written bytes.Buffer
	if err := plan.Write(&written); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, written.String()); diff != "" {
		t.Errorf("written back it differs (-page +written):\n%s", diff)
	}

	shop, name, _ := library.Open("webshop")
	f, err := scenario.Parse(name, shop, nil)
	if err != nil {
		t.Fatal(err)
	}
	sc, err := f.Variant("everything")
	if err != nil {
		t.Fatal(err)
	}
	w := sim.NewWorker()
	defer w.Close()
	out, err := system.Run{Scenario: sc, Seed: 1, Plan: plan}.Do(w)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Effects) != len(plan.Entries) {
		t.Errorf("%d of its %d entries had an effect", len(out.Effects), len(plan.Entries))
	}
}

// faults.md names every kind of fault with its parameters.
func TestEveryKindOfFaultIsDescribed(t *testing.T) {
	text := read(t, "faults.md").text
	for _, kind := range fault.Kinds() {
		row := regexp.MustCompile("(?m)^\\| `" + string(kind) + "` \\|.*$").FindString(text)
		if row == "" {
			t.Errorf("faults.md does not describe %s", kind)
		}
		for _, p := range kind.Takes() {
			if !strings.Contains(row, "`"+p+"`") {
				t.Errorf("faults.md does not say that %s takes %s", kind, p)
			}
		}
	}
}
