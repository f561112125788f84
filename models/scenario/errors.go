package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// An Error is one mistake of the person who wrote a scenario, or one thing they should know.
type Error struct {
	File    string // the file, or the argument of the command line; empty for a scenario made in Go
	Line    int    // from 1; 0 if the position is not known
	Column  int    // in characters, from 1
	Path    string // the key it is about: "services.db.queue.length"; empty if it is not about one
	Problem string // what is wrong and what was expected
	Near    string // the nearest valid name; empty if none is near

	frame string // the line, with a caret below the column
}

// Error gives file, line and column, the path, the problem, the nearest name and the line itself.
func (e *Error) Error() string {
	s := e.Headline()
	if e.frame != "" {
		s += "\n" + e.frame
	}
	return s
}

// Headline is the error without the line of the file.
func (e *Error) Headline() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File + ":")
		if e.Line > 0 {
			fmt.Fprintf(&b, "%d:%d:", e.Line, e.Column)
		}
		b.WriteByte(' ')
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Problem)
	if e.Near != "" {
		fmt.Fprintf(&b, "; did you mean %s?", e.Near)
	}
	return b.String()
}

// Errors are all mistakes found, in the order of the file.
type Errors []*Error

func (list Errors) Error() string {
	var b strings.Builder
	for i, e := range list {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Error())
	}
	return b.String()
}

// Unwrap gives the single errors to errors.Is and errors.As.
func (list Errors) Unwrap() []error {
	all := make([]error, len(list))
	for i, e := range list {
		all[i] = e
	}
	return all
}

// err returns the list in order and without repetitions, as an error; nil if it is empty.
func (list Errors) err() error {
	if list = list.tidy(); len(list) > 0 {
		return list
	}
	return nil
}

// tidy sorts by position and drops what was found twice: in the scenario and again in a variant of it.
func (list Errors) tidy() Errors {
	slices.SortStableFunc(list, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	type place struct {
		file         string
		line, column int
		problem      string
	}
	seen := make(map[place]bool)
	return slices.DeleteFunc(list, func(e *Error) bool {
		at := place{e.File, e.Line, e.Column, e.Problem}
		if e.Line == 0 {
			at.problem = e.Path + e.Problem
		}
		again := seen[at]
		seen[at] = true
		return again
	})
}

// A source is the text that positions refer to.
type source struct {
	name  string
	lines []string
}

func newSource(name, text string) *source {
	return &source{name, strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")}
}

// A position is a place in a source. The zero position is unknown.
type position struct {
	src          *source
	line, column int
}

// fail returns the error at p.
func (p position) fail(path, problem, near string) *Error {
	e := &Error{Line: p.line, Column: p.column, Path: path, Problem: problem, Near: near}
	if p.src != nil {
		e.File = p.src.name
		e.frame = p.frame()
	}
	return e
}

// frame shows the line of p with a caret below its column.
func (p position) frame() string {
	if p.line < 1 || p.line > len(p.src.lines) {
		return ""
	}
	const widest = 140
	line := []rune(p.src.lines[p.line-1])
	column := min(max(p.column, 1), len(line)+1)
	from := max(0, column-widest+20)
	line = line[from:min(len(line), from+widest)]
	indent := make([]rune, column-1-from)
	for i := range indent {
		indent[i] = ' '
		if line[i] == '\t' {
			indent[i] = '\t' // so that the caret stands below its character however wide a tab is
		}
	}
	return fmt.Sprintf("%5d | %s\n      | %s^", p.line, string(line), string(indent))
}
