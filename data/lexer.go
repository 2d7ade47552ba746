package data

import "strings"

// token is a piece of SQL: a word, a name in quotes, a text, or a single character.
type token struct {
	kind tokenKind
	text string // of a name without the quotes, of a text with nothing
	at   int    // where it begins
}

type tokenKind int

const (
	wordToken tokenKind = iota // or a number
	nameToken
	textToken
	charToken
)

// lex cuts SQL into pieces, without spaces and comments. It reads what both engines
// have in common, and takes whatever it is given.
func lex(sql string) (tokens []token) {
	for i := 0; i < len(sql); {
		rest := sql[i:]
		c := sql[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
			i++
		case strings.HasPrefix(rest, "--"):
			i += past(rest, "\n")
		case strings.HasPrefix(rest, "/*"):
			i += 2 + past(rest[2:], "*/")
		case c == '\'':
			_, n := quoted(rest, '\'')
			tokens = append(tokens, token{textToken, "", i})
			i += n
		case c == '"' || c == '`' || c == '[':
			name, n := quoted(rest, closing(c))
			tokens = append(tokens, token{nameToken, name, i})
			i += n
		case inWord(c):
			n := 1
			for n < len(rest) && inWord(rest[n]) {
				n++
			}
			tokens = append(tokens, token{wordToken, rest[:n], i})
			i += n
		default:
			tokens = append(tokens, token{charToken, rest[:1], i})
			i++
		}
	}
	return tokens
}

// past is the length of text up to the end of the first end in it.
func past(text, end string) int {
	if i := strings.Index(text, end); i >= 0 {
		return i + len(end)
	}
	return len(text)
}

func closing(quote byte) byte {
	if quote == '[' {
		return ']'
	}
	return quote
}

// quoted reads what is in quotes, where two of them mean one, and its length with them.
func quoted(text string, end byte) (inside string, n int) {
	var b strings.Builder
	for n = 1; n < len(text); n++ {
		if text[n] != end {
			b.WriteByte(text[n])
			continue
		}
		if end != ']' && n+1 < len(text) && text[n+1] == end {
			b.WriteByte(end)
			n++
			continue
		}
		return b.String(), n + 1
	}
	return b.String(), n
}

func inWord(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func (t token) is(text string) bool {
	return (t.kind == charToken || t.kind == wordToken) && strings.EqualFold(t.text, text)
}

// named reports whether a piece is this name, in quotes or not.
func (t token) named(name string) bool {
	return t.kind == nameToken && t.text == name || t.kind == wordToken && strings.EqualFold(t.text, name)
}

// inParens gives the pieces in the parentheses that the first piece opens.
func inParens(tokens []token) []token {
	if len(tokens) == 0 || !tokens[0].is("(") {
		return nil
	}
	depth := 0
	for i, t := range tokens {
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		}
		if depth == 0 {
			return tokens[1:i]
		}
	}
	return tokens[1:]
}
