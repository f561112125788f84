package scenario

import (
	"maps"
	"reflect"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// namesIn returns what stands in a file for the names of the source that comments on a type use: its fields, those of
// the sections inside it, and the constants that have words.
func namesIn(t reflect.Type) map[string]string {
	names := map[string]string{"Unlimited": "unlimited"}
	var add func(sh *shape)
	add = func(sh *shape) {
		for _, k := range sh.keys {
			words := k.shape.words()
			for i, name := range strings.Fields(comments()["words "+nameOf(k.shape.typ)]) {
				names[name] = words[i]
			}
			if k.shape.kind == group {
				add(k.shape)
			}
		}
	}
	sh := shapeOf(t)
	add(sh)
	maps.Copy(names, keysOf(t))
	for _, k := range sh.keys {
		if name := t.FieldByIndex(k.index).Name; k.shape.kind == group && names[name] == "" && name != strings.ToUpper(name) { // no abbreviation
			names[name] = k.name
		}
		if !k.shape.optional || k.shape.kind != group {
			continue
		}
		for name, key := range keysOf(k.shape.typ) {
			if _, taken := names[name]; !taken {
				names[name] = join(k.name, key)
			}
		}
	}
	return names
}

// about returns the comment of a group's type in the words of the file.
func (sh *shape) about() string {
	text := comments()[nameOf(sh.typ)]
	if nameOf(sh.typ) == sh.typ.Name() {
		return text
	}
	return prose(text, namesIn(sh.typ))
}

// link is what go doc makes one of. One to a preset's function has a name with its brackets.
var link = regexp.MustCompile(`\[(\*?[A-Z]\w*(?:\.[A-Z]\w*)*|[a-z]\w*\.[A-Z]\w*(?:\.[A-Z]\w*)*)\]`)

// prose is a comment for programmers in the words of the file.
func prose(text string, names map[string]string) string {
	lines := strings.Split(text, "\n")
	begins := true
	for i, line := range lines {
		if strings.HasPrefix(line, "\t") {
			lines[i] = drawn(line, names)
			continue
		}
		line = link.ReplaceAllStringFunc(line, func(name string) string {
			if preset, ok := names[name]; ok {
				return preset
			}
			return strings.Trim(name, "[]")
		})
		lines[i] = midKeys(line, begins, names)
		begins = line == "" || strings.HasSuffix(line, ".")
	}
	return strings.Join(lines, "\n")
}

// drawn is a line of a diagram in the words of the file: the arrow after a name becomes longer or shorter with it.
func drawn(line string, names map[string]string) string {
	all := goName.FindAllStringIndex(line, -1)
	for i := len(all) - 1; i >= 0; i-- {
		before, name, after := line[:all[i][0]], line[all[i][0]:all[i][1]], line[all[i][1]:]
		key, ok := keyOf(name, names)
		if !ok {
			continue
		}
		grows := utf8.RuneCountInString(key) - utf8.RuneCountInString(name)
		if at := strings.Index(after, "─"); at >= 0 && grows < 0 {
			after = after[:at] + strings.Repeat("─", -grows) + after[at:]
		} else if at >= 0 && strings.HasPrefix(after[at:], strings.Repeat("─", grows+1)) {
			after = after[:at] + after[at+grows*len("─"):]
		}
		line = before + key + after
	}
	return line
}

// aboutPreset is the comment of a preset's function without "Name returns".
func aboutPreset(text string, names map[string]string) string {
	if _, rest, ok := strings.Cut(text, " returns "); ok && !strings.Contains(text[:len(text)-len(rest)-len(" returns ")], " ") {
		text = rest
		if first, _, _ := strings.Cut(rest, " "); strings.IndexFunc(first, func(r rune) bool { return !unicode.IsLower(r) }) < 0 {
			text = strings.ToUpper(rest[:1]) + rest[1:] // a word, not a name of the library's
		}
	}
	return prose(text, names)
}

// midKeys is [inKeys] but for the first words of sentences, which have a capital anyway. The text begins one, or not.
func midKeys(text string, begins bool, names map[string]string) string {
	var b strings.Builder
	for i, sentence := range strings.SplitAfter(text, ". ") {
		first, rest := "", sentence
		if (i > 0 || begins) && !strings.HasPrefix(sentence, " ") {
			n := strings.IndexByte(sentence, ' ')
			if n < 0 {
				n = len(sentence)
			}
			first, rest = sentence[:n], sentence[n:]
		}
		b.WriteString(first + inKeys(rest, names))
	}
	return b.String()
}
