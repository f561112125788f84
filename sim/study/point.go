package study

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// A Point is a place in a sweep's grid: settings in the order of the axes. In JSON it is an object with
// the paths as keys, in the same order.
type Point []Setting

// A Setting gives the value of one path of a scenario, as text.
type Setting struct{ Path, Value string }

func (p Point) String() string {
	var b strings.Builder
	for i, s := range p {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s.Path + "=" + s.Value)
	}
	return b.String()
}

// Get returns the value of a path.
func (p Point) Get(path string) (string, bool) {
	for _, s := range p {
		if s.Path == path {
			return s.Value, true
		}
	}
	return "", false
}

// MarshalJSON writes an object whose keys keep their order.
func (p Point) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, s := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		path, err := json.Marshal(s.Path)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(s.Value)
		if err != nil {
			return nil, err
		}
		b.Write(path)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads what MarshalJSON writes, keeping the order of the keys.
func (p *Point) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("study: a point is %s, need an object of path and value", data)
	}
	*p = nil
	for d.More() {
		path, err := d.Token()
		if err != nil {
			return err
		}
		var value string
		if err := d.Decode(&value); err != nil {
			return fmt.Errorf("study: value of %v: %w", path, err)
		}
		*p = append(*p, Setting{path.(string), value})
	}
	return nil
}
