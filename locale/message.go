package locale

import (
	"errors"
	"fmt"
	"strings"
)

// pieces is a text taken apart: what stands there, and what is filled in.
type pieces []piece

type piece struct {
	text string
	name string // of the placeholder; "" if the piece is text
}

// parse reads "Welcome, {name}!". Braces of the text itself are doubled.
func parse(text string) (pieces, error) {
	var m pieces
	var plain strings.Builder
	for text != "" {
		i := strings.IndexAny(text, "{}")
		if i < 0 {
			break
		}
		plain.WriteString(text[:i])
		brace := text[i]
		text = text[i+1:]
		if text != "" && text[0] == brace {
			plain.WriteByte(brace)
			text = text[1:]
			continue
		}
		if brace == '}' {
			return nil, errors.New("a } has no { before it; a brace of the text itself is written twice, }}")
		}
		name, rest, closed := strings.Cut(text, "}")
		if !closed || !isName(name) {
			return nil, fmt.Errorf("after a { there must be a name and a }, as in {count}, but there is %q; a brace of the text itself is written twice, {{", firstOf(text))
		}
		if plain.Len() > 0 {
			m = append(m, piece{text: plain.String()})
			plain.Reset()
		}
		m = append(m, piece{name: name})
		text = rest
	}
	plain.WriteString(text)
	if plain.Len() > 0 {
		m = append(m, piece{text: plain.String()})
	}
	return m, nil
}

// isName wants a letter or _, then letters, digits and _, all of ASCII.
func isName(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// firstOf is the beginning of a text, for an error.
func firstOf(text string) string {
	for i := range text {
		if i >= 20 {
			return text[:i] + "…"
		}
	}
	return text
}

// names gives the placeholders.
func (m pieces) names() map[string]bool {
	names := make(map[string]bool)
	for _, p := range m {
		if p.name != "" {
			names[p.name] = true
		}
	}
	return names
}

// unknown gives a placeholder that is not among the names, or "".
func (m pieces) unknown(names map[string]bool) string {
	for _, p := range m {
		if p.name != "" && !names[p.name] {
			return p.name
		}
	}
	return ""
}

// fill puts the values in. What has no value stays as it is written.
func (m pieces) fill(value func(name string) (string, bool)) string {
	if len(m) == 1 && m[0].name == "" {
		return m[0].text
	}
	var b strings.Builder
	for _, p := range m {
		if p.name == "" {
			b.WriteString(p.text)
		} else if text, ok := value(p.name); ok {
			b.WriteString(text)
		} else {
			b.WriteString("{" + p.name + "}")
		}
	}
	return b.String()
}
