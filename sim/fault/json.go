package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nines-sim/nines/sim"
)

// A plan as JSON, one entry a line, so that a person can delete lines from it and compare two:
//
//	{
//	  "format": 1,
//	  "entries": [
//	    {"cause": "pod_crash", "kind": "crash", "victim": "orders/0", "occurrence": 1, "at": "12m3.5s"},
//	    {"cause": "sale", "kind": "surge", "victim": "visits", "occurrence": 1, "at": "20m0s", "lasts": "10m0s", "factor": 5}
//	  ]
//	}
//
// Instants and lengths are written as Go writes a [time.Duration], exactly; what is zero is left
// out. A plan that is read and written again has the same bytes.

// fields lists the entry's fields in the order in which they are written.
func (e *Entry) fields() []field {
	return append([]field{
		{"cause", &e.Cause}, {"kind", &e.Kind}, {"victim", &e.Victim}, {"role", &e.Role},
		{"occurrence", &e.Occurrence}, {"at", &e.At}, {"after_up", &e.AfterUp}, {"lasts", &e.Lasts},
	}, e.Params.fields()...)
}

// Write writes the plan as JSON, the same bytes for the same plan.
func (p Plan) Write(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n  \"format\": %d,\n  \"entries\": [", Format)
	for i, e := range p.Entries {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    ")
		if err := e.append(&b); err != nil {
			return fmt.Errorf("fault: %w", inEntry(i, e, err))
		}
	}
	if len(p.Entries) > 0 {
		b.WriteString("\n  ")
	}
	b.WriteString("]\n}\n")
	_, err := w.Write(b.Bytes())
	return err
}

func (e *Entry) append(b *bytes.Buffer) error {
	sep := "{"
	for _, f := range e.fields() {
		if f.isZero() && !(f.name == "at" && e.AfterUp == 0) {
			continue
		}
		value, err := f.encode()
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		fmt.Fprintf(b, "%s%q: %s", sep, f.name, value)
		sep = ", "
	}
	b.WriteString("}")
	return nil
}

func (f field) encode() ([]byte, error) {
	value := f.at
	switch v := f.at.(type) {
	case *sim.Time:
		value = time.Duration(*v).String()
	case *time.Duration:
		value = v.String()
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // names are for people: "shop>payment"
	err := e.Encode(value)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func (f field) decode(value json.RawMessage) error {
	switch v := f.at.(type) {
	case *sim.Time:
		return decodeDuration(value, (*time.Duration)(v))
	case *time.Duration:
		return decodeDuration(value, v)
	case *bool:
		return decodeAs(value, v, "true or false")
	case *int:
		return decodeAs(value, v, "a whole number")
	case *int64:
		return decodeAs(value, v, "a whole number")
	case *float64:
		return decodeAs(value, v, "a number")
	case *[]string:
		return decodeAs(value, v, "a list of names")
	}
	return decodeAs(value, f.at, "a text in quotes")
}

func decodeDuration(value json.RawMessage, d *time.Duration) error {
	var text string
	if json.Unmarshal(value, &text) == nil {
		if parsed, err := time.ParseDuration(text); err == nil {
			*d = parsed
			return nil
		}
	}
	return fmt.Errorf("is %s, need a length of time with units, such as \"1h2m3.5s\"", value)
}

func decodeAs(value json.RawMessage, to any, need string) error {
	if string(value) == "null" || json.Unmarshal(value, to) != nil {
		return fmt.Errorf("is %s, need %s", value, need)
	}
	return nil
}

// Read reads a plan and validates it. It refuses fields that it does not know, fields that are
// given twice, and formats other than [Format]; its errors say which entry and which field.
func Read(r io.Reader) (Plan, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return Plan{}, fmt.Errorf("fault: read a plan: %w", err)
	}
	var p Plan
	if err := p.UnmarshalJSON(data); err != nil {
		return Plan{}, err
	}
	return p, nil
}

// MarshalJSON writes the plan as a part of a larger document.
func (p Plan) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	err := p.Write(&b)
	return b.Bytes(), err
}

// UnmarshalJSON reads what [Plan.Write] writes, as strictly as [Read].
func (p *Plan) UnmarshalJSON(data []byte) error {
	var syntax *json.SyntaxError
	if err := json.Unmarshal(data, new(any)); errors.As(err, &syntax) {
		line := 1 + bytes.Count(data[:max(syntax.Offset-1, 0)], []byte("\n"))
		return fmt.Errorf("fault: plan, line %d: no JSON: %w", line, err)
	}
	format, entries := 0, []json.RawMessage(nil)
	err := eachField(data, []field{{"format", &format}, {"entries", &entries}}, func(f field, value json.RawMessage) error {
		if f.name == "entries" {
			return decodeAs(value, &entries, "a list of entries")
		}
		return f.decode(value)
	})
	if err == nil && format != Format {
		err = fmt.Errorf("format: is %d, this program reads %d", format, Format)
	}
	if err != nil {
		return fmt.Errorf("fault: plan: %w", err)
	}
	read := Plan{Entries: make([]Entry, len(entries))}
	var errs []error
	for i, raw := range entries {
		e := &read.Entries[i]
		if err := eachField(raw, e.fields(), field.decode); err != nil {
			errs = append(errs, inEntry(i, *e, err))
		}
	}
	if errs == nil {
		errs = append(errs, read.Validate())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("fault: plan: %w", err)
	}
	*p = read
	return nil
}

// eachField calls visit for every field of a JSON object and reports all that is wrong. Unlike
// package json it tells "At" from "at", and sees a field that is given twice.
func eachField(object json.RawMessage, known []field, visit func(field, json.RawMessage) error) error {
	d := json.NewDecoder(bytes.NewReader(object))
	if open, _ := d.Token(); open != json.Delim('{') {
		return fmt.Errorf("is %.20q, need an object {...}", object)
	}
	var errs []error
	seen := make(map[string]bool)
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		name := key.(string)
		i := slices.IndexFunc(known, func(f field) bool { return f.name == name })
		switch {
		case i < 0:
			errs = append(errs, fmt.Errorf("%s: is unknown, need one of %s", name, names(known)))
		case seen[name]:
			errs = append(errs, fmt.Errorf("%s: is given twice", name))
		default:
			if err := visit(known[i], value); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
		seen[name] = true
	}
	return errors.Join(errs...)
}

func names(fields []field) string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.name
	}
	return strings.Join(list, ", ")
}
