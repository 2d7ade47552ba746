package data

import (
	"strings"
)

// statements splits a script of PostgreSQL at its semicolons. Comments and everything in
// quotes stay as they are; what holds nothing but comments is left out.
func statements(script string) (all []string) {
	begin, empty := 0, true
	for i := 0; i < len(script); {
		rest := script[i:]
		n := skip(script, i)
		switch {
		case n > 0: // a comment, or a text in quotes
			empty = empty && (strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "/*"))
			i += n
			continue
		case rest[0] == ';':
			if !empty {
				all = append(all, strings.TrimSpace(script[begin:i]))
			}
			begin, empty = i+1, true
		case !strings.ContainsRune(" \t\r\n\f\v", rune(rest[0])):
			empty = false
		}
		i++
	}
	if !empty {
		all = append(all, strings.TrimSpace(script[begin:]))
	}
	return all
}

// uncommented is a statement without the comments and the space before it.
func uncommented(statement string) string {
	for {
		statement = strings.TrimSpace(statement)
		if !strings.HasPrefix(statement, "--") && !strings.HasPrefix(statement, "/*") {
			return statement
		}
		statement = statement[skip(statement, 0):]
	}
}

// skip is the length of the comment or text in quotes that begins at i, or 0.
func skip(script string, i int) int {
	rest := script[i:]
	switch {
	case strings.HasPrefix(rest, "--"):
		return upTo(rest, 2, "\n")
	case strings.HasPrefix(rest, "/*"):
		return blockComment(rest)
	case rest[0] == '"':
		return upTo(rest, 1, `"`)
	case rest[0] == '\'':
		if i > 0 && (script[i-1] == 'E' || script[i-1] == 'e') && (i == 1 || !inName(script[i-2])) {
			return escaped(rest)
		}
		return upTo(rest, 1, "'")
	case rest[0] == '$' && (i == 0 || !inName(script[i-1])):
		if tag := dollarTag(rest); tag != "" {
			return upTo(rest, len(tag), tag)
		}
	}
	return 0
}

// upTo is the length up to and with the next end mark after from, or all. A doubled quote
// reads as two texts beside each other, which comes to the same.
func upTo(text string, from int, end string) int {
	n := strings.Index(text[from:], end)
	if n < 0 {
		return len(text)
	}
	return from + n + len(end)
}

// blockComment is the length of a comment, with those within it.
func blockComment(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "/*"):
			depth++
			i++
		case strings.HasPrefix(text[i:], "*/"):
			depth--
			i++
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(text)
}

// escaped is the length of a text in which a backslash takes the meaning of the next letter.
func escaped(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '\'':
			return i + 1
		}
	}
	return len(text)
}

// dollarTag is the $tag$ that a text begins with, or "".
func dollarTag(text string) string {
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '$':
			return text[:i+1]
		case !inName(c), i == 1 && c >= '0' && c <= '9':
			return ""
		}
	}
	return ""
}

func inName(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}
