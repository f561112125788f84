package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// An object is keys and values, in order. A value is an object, a list of objects, or a scalar.
type object []member

type member struct {
	key   string
	value any
}

// with adds a key, unless its value is an object or a list that is empty.
func (o object) with(key string, value any) object {
	switch v := value.(type) {
	case object:
		if len(v) == 0 {
			return o
		}
	case []object:
		if len(v) == 0 {
			return o
		}
	}
	return append(o, member{key, value})
}

// JSON writes the object with two spaces a level.
func (o object) json() string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(o); err != nil {
		panic("export: " + err.Error()) // it holds nothing that JSON has no form for
	}
	return b.String()
}

// MarshalJSON keeps the order of the keys.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(m.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// yaml writes the object as a YAML document.
func (o object) yaml() string {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(o.node()); err != nil {
		panic("export: " + err.Error())
	}
	if err := e.Close(); err != nil {
		panic("export: " + err.Error())
	}
	return b.String()
}

func (o object) node() *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, m := range o {
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: m.key}, nodeOf(m.value))
	}
	return n
}

func nodeOf(value any) *yaml.Node {
	switch v := value.(type) {
	case object:
		return v.node()
	case []object:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, o := range v {
			n.Content = append(n.Content, o.node())
		}
		return n
	}
	var n yaml.Node
	if err := n.Encode(value); err != nil {
		panic("export: " + err.Error())
	}
	return &n
}

// seconds writes a length of time as protocol buffers do in JSON and YAML: 0.25s.
func seconds(d time.Duration) string {
	text := fmt.Sprintf("%d.%09d", d/time.Second, d%time.Second)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".") + "s"
}

// wholePercent rounds a share to whole percents, and returns those.
func wholePercent(share *float64) int {
	n := math.Round(percent(*share))
	*share = n / 100
	return int(n)
}

// thousandths rounds a factor to thousandths, and returns those.
func thousandths(factor *float64) int {
	n := math.Round(float64(*factor * 1000))
	*factor = n / 1000
	return int(n)
}

// comments puts lines before a text, each behind a mark.
func comments(mark string, lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(mark + line + "\n")
	}
	return b.String()
}
