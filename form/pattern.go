package form

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// maxPattern limits the bytes of a pattern that browsers are given.
const maxPattern = 1000

// pattern says a regular expression of Go in the words of a browser's pattern attribute,
// which has to match the whole of a text. It is "" if that is not quite the same: with
// anchors inside, and with characters beyond ASCII, which changesets bring to a normal
// form before.
func pattern(text string) string {
	if text == "" || len(text) > maxPattern {
		return ""
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return ""
	}
	parts := []*syntax.Regexp{tree}
	if tree.Op == syntax.OpConcat {
		parts = slices.Clone(tree.Sub)
	}
	var b strings.Builder
	if len(parts) > 0 && parts[0].Op == syntax.OpBeginText {
		parts = parts[1:]
	} else {
		b.WriteString(`[\s\S]*`)
	}
	tail := `[\s\S]*`
	if n := len(parts); n > 0 && parts[n-1].Op == syntax.OpEndText {
		parts, tail = parts[:n-1], ""
	}
	for _, part := range parts {
		if !translate(&b, part) || b.Len() > 4*maxPattern {
			return ""
		}
	}
	return b.String() + tail
}

func translate(b *strings.Builder, r *syntax.Regexp) bool {
	switch r.Op {
	case syntax.OpEmptyMatch:
		return true
	case syntax.OpLiteral:
		return literal(b, r)
	case syntax.OpCharClass:
		return class(b, r.Rune)
	case syntax.OpCapture:
		return group(b, r.Sub, "", "")
	case syntax.OpConcat:
		return group(b, r.Sub, "", "")
	case syntax.OpAlternate:
		return group(b, r.Sub, "|", "")
	case syntax.OpStar, syntax.OpPlus:
		times := "*"
		if r.Op == syntax.OpPlus {
			times = "+"
		}
		if wide := wide(r.Sub[0]); wide != nil {
			ranges(b, wide)
			b.WriteString(times)
			return true
		}
		return group(b, r.Sub, "", times)
	case syntax.OpQuest:
		return group(b, r.Sub, "", "?")
	case syntax.OpRepeat:
		times := fmt.Sprintf("{%d,%d}", r.Min, r.Max)
		if r.Max < 0 {
			times = fmt.Sprintf("{%d,}", r.Min)
		}
		return group(b, r.Sub, "", times)
	}
	return false
}

// group writes what belongs together. One class needs no brackets.
func group(b *strings.Builder, parts []*syntax.Regexp, between, times string) bool {
	bare := len(parts) == 1 && parts[0].Op == syntax.OpCharClass
	if !bare {
		b.WriteString("(?:")
	}
	for i, part := range parts {
		if i > 0 {
			b.WriteString(between)
		}
		if !translate(b, part) {
			return false
		}
	}
	if !bare {
		b.WriteString(")")
	}
	b.WriteString(times)
	return true
}

func literal(b *strings.Builder, r *syntax.Regexp) bool {
	for _, c := range r.Rune {
		if r.Flags&syntax.FoldCase == 0 {
			if c > unicode.MaxASCII {
				return false
			}
			char(b, c)
			continue
		}
		all := []rune{c, c}
		for other := unicode.SimpleFold(c); other != c; other = unicode.SimpleFold(other) {
			all = append(all, other, other)
		}
		if !class(b, all) {
			return false
		}
	}
	return true
}

// wide is a class that has all that is not ASCII, or nil. Repeated without a limit it takes
// the same, whatever the normal form.
func wide(r *syntax.Regexp) []rune {
	switch r.Op {
	case syntax.OpAnyChar:
		return []rune{0, unicode.MaxRune}
	case syntax.OpAnyCharNotNL:
		return []rune{0, '\n' - 1, '\n' + 1, unicode.MaxRune}
	case syntax.OpCharClass:
		if n := len(r.Rune); n > 0 && r.Rune[n-1] == unicode.MaxRune && r.Rune[n-2] <= unicode.MaxASCII+1 {
			return r.Rune
		}
	}
	return nil
}

func class(b *strings.Builder, all []rune) bool {
	for _, c := range all {
		if c > unicode.MaxASCII && c != 'ſ' && c != '\u212A' { // the long s and the Kelvin sign are s and k to (?i)
			return false
		}
	}
	ranges(b, all)
	return true
}

func ranges(b *strings.Builder, all []rune) {
	b.WriteString("[")
	for i := 0; i < len(all); i += 2 {
		char(b, all[i])
		if all[i+1] > all[i] {
			b.WriteString("-")
			char(b, all[i+1])
		}
	}
	b.WriteString("]")
}

// char writes a character that has no other meaning.
func char(b *strings.Builder, c rune) {
	switch {
	case c == '_' || c == ' ' || c == '@', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		b.WriteRune(c)
	default:
		fmt.Fprintf(b, `\u{%x}`, c)
	}
}
