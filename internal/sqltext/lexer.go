package sqltext

import (
	"slices"
	"strings"
)

// Dialect is whose SQL a text is. It decides what is a text, a name or a comment.
type Dialect uint8

const (
	Either   Dialect = iota // nobody knows: what one of them takes for a text or a comment is one
	SQLite                  // [a] and `a` are names
	Postgres                // E'\'' and $a$ $a$ are texts; a comment may have others in it
)

// Kind is what a token is.
type Kind uint8

const (
	Space     Kind = iota // a byte of it
	Comment               // also one that does not end
	Word                  // a name or a keyword
	Number                // without a sign, and from a digit on
	Text                  // with what is in front of the quote; also one that does not end
	Name                  // in quotes
	Parameter             // ? or ?1 or $1
	Sign                  // any other byte
	Broken                // a name in quotes that does not end
)

// Token is a piece of SQL.
type Token struct {
	Kind Kind
	At   int    // where it begins
	Text string // of a Name without the quotes
}

// Is reports whether a token is a word or a sign.
func (t Token) Is(text string) bool {
	return (t.Kind == Word || t.Kind == Sign) && strings.EqualFold(t.Text, text)
}

// Names reports whether a token is a name, in quotes or not.
func (t Token) Names(name string) bool {
	return t.Kind == Name && t.Text == name || t.Kind == Word && strings.EqualFold(t.Text, name)
}

// Tokens are the pieces of a text, without space and comments. Any text has some.
func Tokens(sql string, d Dialect) (tokens []Token) {
	for at := 0; at < len(sql); {
		kind, to := scan(sql, at, d)
		switch kind {
		case Space, Comment:
		case Name:
			tokens = append(tokens, Token{kind, at, unquoted(sql[at:to])})
		default:
			tokens = append(tokens, Token{kind, at, sql[at:to]})
		}
		at = to
	}
	return tokens
}

func unquoted(name string) string {
	quote, inside := name[:1], name[1:len(name)-1]
	return strings.ReplaceAll(inside, quote+quote, quote)
}

// InParens gives the tokens in the parentheses that the first one opens.
func InParens(tokens []Token) []Token {
	if len(tokens) == 0 || !tokens[0].Is("(") {
		return nil
	}
	depth := 0
	for i, t := range tokens {
		switch {
		case t.Is("("):
			depth++
		case t.Is(")"):
			depth--
		}
		if depth == 0 {
			return tokens[1:i]
		}
	}
	return tokens[1:]
}

// Statements splits a script at its semicolons, but for those in the body of a trigger or
// function. What holds nothing but comments is left out.
func Statements(script string, d Dialect) (all []string) {
	var body body
	begin, empty := 0, true
	for at := 0; at < len(script); {
		kind, to := scan(script, at, d)
		switch {
		case kind == Space || kind == Comment:
		case script[at] == ';' && body.depth == 0:
			if !empty {
				all = append(all, strings.TrimSpace(script[begin:at]))
			}
			begin, empty, body.maker = to, true, false
		default:
			body.read(script[at:to], empty)
			empty = false
		}
		at = to
	}
	if !empty {
		all = append(all, strings.TrimSpace(script[begin:]))
	}
	return all
}

// body is where a statement is in what CREATE TRIGGER and the like have between BEGIN and END.
type body struct {
	create, maker bool // it is a CREATE, and of something with a body
	depth         int
}

func (b *body) read(token string, first bool) {
	is := func(words ...string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.EqualFold(token, word) })
	}
	switch {
	case first:
		b.create = is("CREATE")
	case b.depth == 0:
		b.maker = b.maker || b.create && is("TRIGGER", "FUNCTION", "PROCEDURE")
		if b.maker && is("BEGIN") {
			b.depth = 1
		}
	case is("BEGIN", "CASE"):
		b.depth++
	case is("END"):
		b.depth--
	}
}

// The classes of bytes.
const (
	other   = iota
	special // may begin a token of several
	blank
	letter
	digit
)

var classes = func() (c [256]uint8) {
	for _, b := range " \t\r\n\f\v" {
		c[b] = blank
	}
	for _, b := range "'\"`[$?-/" {
		c[b] = special
	}
	for b := range 256 {
		switch {
		case b >= '0' && b <= '9':
			c[b] = digit
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b == '_', b >= 0x80:
			c[b] = letter
		}
	}
	return c
}()

// scan reads the token at a place in a text: what it is, and where the next one begins.
func scan(sql string, at int, d Dialect) (Kind, int) {
	b, next := sql[at], byte(0)
	if at+1 < len(sql) {
		next = sql[at+1]
	}
	switch classes[b] {
	case other:
		return Sign, at + 1
	case blank:
		return Space, at + 1
	case letter:
		if next == '\'' {
			switch b | 0x20 {
			case 'e':
				if d != SQLite {
					return Text, escaped(sql, at+2)
				}
			case 'x', 'b', 'n':
				return text(sql, at+2)
			}
		}
		return Word, word(sql, at+1)
	case digit:
		return Number, number(sql, at)
	}
	switch b {
	case '\'':
		return text(sql, at+1)
	case '"':
		return name(sql, at+1, b)
	case '`':
		if d != Postgres {
			return name(sql, at+1, b)
		}
	case '[':
		if d == SQLite {
			if n := strings.IndexByte(sql[at:], ']'); n > 0 {
				return Name, at + n + 1
			}
			return Broken, len(sql)
		}
	case '$':
		return dollar(sql, at, next, d)
	case '?':
		if next != '|' && next != '&' {
			return Parameter, digits(sql, at+1)
		}
	case '-':
		if next == '-' {
			return Comment, line(sql, at, d)
		}
	case '/':
		if next == '*' {
			return Comment, block(sql, at+2, d)
		}
	}
	return Sign, at + 1
}

// word is where the letters, digits and dollars end.
func word(sql string, to int) int {
	for to < len(sql) && (classes[sql[to]] >= letter || sql[to] == '$') {
		to++
	}
	return to
}

func digits(sql string, to int) int {
	for to < len(sql) && classes[sql[to]] == digit {
		to++
	}
	return to
}

// number is where a number ends that begins with a digit or a point.
func number(sql string, at int) int {
	hex := at+1 < len(sql) && sql[at+1]|0x20 == 'x'
	to := at
	for to < len(sql) && (classes[sql[to]] >= letter || sql[to] == '.') {
		exponent := sql[to]|0x20 == 'e' && !hex
		to++
		if exponent && to+1 < len(sql) && (sql[to] == '-' || sql[to] == '+') && classes[sql[to+1]] == digit {
			to++
		}
	}
	return to
}

// text reads a text in which only the quote is special.
func text(sql string, from int) (Kind, int) {
	_, to := name(sql, from, '\'')
	return Text, to
}

// name reads on to a quote; a doubled one is one in the name.
func name(sql string, from int, quote byte) (Kind, int) {
	for {
		i := strings.IndexByte(sql[from:], quote)
		if i < 0 {
			return Broken, len(sql)
		}
		from += i + 1
		if from == len(sql) || sql[from] != quote {
			return Name, from
		}
		from++
	}
}

// escaped is where a text with backslashes ends.
func escaped(sql string, to int) int {
	for ; to < len(sql); to++ {
		switch {
		case sql[to] == '\\':
			to++
		case sql[to] != '\'':
		case to+1 < len(sql) && sql[to+1] == '\'':
			to++
		default:
			return to + 1
		}
	}
	return len(sql)
}

// dollar reads $1, $tag$text$tag$, and SQLite's $name.
func dollar(sql string, at int, next byte, d Dialect) (Kind, int) {
	switch {
	case classes[next] == digit:
		return Parameter, digits(sql, at+1)
	case d == SQLite:
		return Word, word(sql, at+1)
	}
	to := at + 1
	for to < len(sql) && classes[sql[to]] >= letter {
		to++
	}
	if to == len(sql) || sql[to] != '$' {
		return Word, to
	}
	return Text, past(sql, to+1, sql[at:to+1])
}

// past is where the first mark after a place ends, or the text.
func past(sql string, from int, mark string) int {
	if n := strings.Index(sql[from:], mark); n >= 0 {
		return from + n + len(mark)
	}
	return len(sql)
}

// line is where the comment of a line ends.
func line(sql string, from int, d Dialect) int {
	ends := "\n"
	if d == Postgres {
		ends = "\r\n"
	}
	if n := strings.IndexAny(sql[from:], ends); n >= 0 {
		return from + n
	}
	return len(sql)
}

// block is where a comment ends, with those in it.
func block(sql string, from int, d Dialect) int {
	if d == SQLite {
		return past(sql, from, "*/")
	}
	for i, depth := from, 1; i+1 < len(sql); i++ {
		switch sql[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(sql)
}
