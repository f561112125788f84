package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A Chart is something that [Save] and [Write] can draw: a [Comparison], a [Sweep] or
// a [Timeline].
type Chart interface {
	// Validate names every field that cannot be drawn.
	Validate() error
	layout() *picture
}

// Formats lists the formats that charts can be written in.
func Formats() []string { return []string{"png", "svg", "pdf"} }

// FormatOf returns the format that a file's name asks for by its extension. The error
// lists the extensions that work; ask before a long study, not after it.
func FormatOf(path string) (string, error) {
	ext := filepath.Ext(path)
	format := strings.TrimPrefix(strings.ToLower(ext), ".")
	for _, f := range Formats() {
		if f == format {
			return f, nil
		}
	}
	if ext == "" {
		return "", fmt.Errorf("chart %s: no extension, need .%s", path, strings.Join(Formats(), ", ."))
	}
	return "", fmt.Errorf("chart %s: unknown extension %s, need .%s", path, ext, strings.Join(Formats(), ", ."))
}

// Save draws the chart into a file, in the format of the file's extension. The file
// appears whole or not at all. A chart that is drawn twice has the same bytes.
func Save(path string, chart Chart) error {
	format, err := FormatOf(path)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := Write(&b, format, chart); err != nil {
		return fmt.Errorf("chart %s: %w", path, err)
	}
	return replaceFile(path, b.Bytes())
}

// Write draws the chart in one of [Formats].
func Write(w io.Writer, format string, chart Chart) error {
	if err := chart.Validate(); err != nil {
		return err
	}
	switch format {
	case "png":
		return writePNG(w, chart.layout())
	case "svg":
		return writeSVG(w, chart.layout())
	case "pdf":
		return writePDF(w, chart.layout())
	}
	return fmt.Errorf("unknown chart format %q, need %s", format, strings.Join(Formats(), ", "))
}

// replaceFile writes a file beside its final place and then renames it, so that a
// reader sees the old content or the new, and an interruption leaves the old.
func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after the rename there is nothing left to remove
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(0o644) // a temporary file is its owner's alone; a chart is to be shared
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
