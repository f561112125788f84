package scenario_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/models/scenario"
)

// TestErrors reads testdata/errors.txt: mistakes, and what is said about each.
func TestErrors(t *testing.T) {
	const name = "testdata/errors.txt"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	minimal, err := os.ReadFile("testdata/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	head, stories, _ := strings.Cut(string(text), "\n=== ")
	written := head
	for _, story := range strings.Split(stories, "\n=== ") {
		title, rest, _ := strings.Cut(story, "\n")
		body, want, _ := strings.Cut("\n"+rest, "\n---\n")
		body = strings.Trim(body, "\n")
		yaml, sets := build(string(minimal), body)
		var got string
		f, err := scenario.Parse("shop.yaml", []byte(yaml), nil)
		if err == nil {
			_, err = f.Variant("", sets...)
		}
		if err == nil {
			got = "no error"
		} else {
			got = err.Error()
		}
		written += "\n=== " + title + "\n" + body + "\n---\n" + got + "\n"
		if !scenario.Update {
			t.Run(title, func(t *testing.T) {
				if diff := cmp.Diff(strings.TrimRight(want, "\n"), got); diff != "" {
					t.Errorf("the message changed (-want +got; NINES_UPDATE=1 accepts it):\n%s", diff)
				}
			})
		}
	}
	if scenario.Update {
		if err := os.WriteFile(name, []byte(written), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// build makes the file and the settings of a story.
func build(minimal, body string) (yaml string, sets []string) {
	unescape := strings.NewReplacer(`\/`, "/", `\n`, "\n", `\t`, "\t")
	changed := false
	yaml = minimal
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "s/"):
			parts := strings.Split(strings.ReplaceAll(line, `\/`, "\x00"), "/")
			for i := range parts {
				parts[i] = unescape.Replace(strings.ReplaceAll(parts[i], "\x00", "/"))
			}
			if !strings.Contains(yaml, parts[1]) {
				panic("nothing to change: " + line)
			}
			yaml = strings.Replace(yaml, parts[1], parts[2], 1)
		case strings.HasPrefix(line, "+ "):
			yaml += line[2:] + "\n"
		case strings.HasPrefix(line, "set "):
			sets = append(sets, line[4:])
		default:
			continue
		}
		changed = true
	}
	if !changed {
		return body, nil
	}
	return yaml, sets
}

func TestFilesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	shop := write("webshop.yaml", []byte("nines: 1\n"))
	tests := []struct{ name, path, want string }{
		{"missing", filepath.Join(dir, "webshp.yaml"), "there is no such file; did you mean " + shop + "?"},
		{"missing folder", filepath.Join(dir, "no", "webshop.yaml"), "there is no such file"},
		{"folder", dir, "cannot be read: is a directory"},
		{"picture", write("chart.png", []byte("\x89PNG\r\n\x1a\n\x00\x00")), "is not a text file: byte 0x89 is not UTF-8"},
		{"zeros", write("zeros.yaml", []byte("nines: 1\nabout: \x00\n")), "is not a text file: it has the control character 0x00"},
		{"huge", write("huge.yaml", bytes.Repeat([]byte("# so much\n"), 1<<17)), "is larger than the 1 MiB that a scenario may have"},
		{"bomb", write("bomb.yaml", []byte(bomb())), "has more than 100000 values"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := scenario.Load(test.path, nil)
			if err == nil {
				t.Fatal("no error")
			}
			got := strings.TrimPrefix(err.Error(), test.path)
			if !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q in it", got, test.want)
			}
		})
	}
}

// bomb is a small file that is huge once its aliases are written out.
func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := '1'; i <= '9'; i++ {
		b.WriteString("a" + string(i) + ": &a" + string(i) + " [")
		for range 10 {
			b.WriteString("*a" + string(i-1) + ", ")
		}
		b.WriteString("]\n")
	}
	return b.String()
}
