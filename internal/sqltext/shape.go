// Package sqltext reads the text of SQL statements, of SQLite and of PostgreSQL.
package sqltext

import (
	"strings"
	"unicode/utf8"
)

// MaxShape is the length of the longest shape, in bytes, and of what ends one that was
// cut off there.
const MaxShape = 2048

const more = "…"

// Shape is a statement without its literals and comments, for logs: what it does, and
// not with which values. Statements that differ only in values, or in how many there
// are in a list of values or rows, have the same shape.
//
//	SELECT * FROM "a" WHERE "x" = 'y' AND n IN (1, 2, 3)   SELECT * FROM "a" WHERE "x" = ? AND n IN (?)
//	INSERT INTO a (x, y) VALUES ($1, $2), ($3, DEFAULT)    INSERT INTO a (x, y) VALUES (?)
//
// It does not know of which engine the statement is. Where the two disagree, it takes
// more for a literal rather than less, and what it cannot make out ends the shape. Any
// text has a shape.
func Shape(sql string) string {
	s := shaper{sql: sql}
	for s.next() {
	}
	return string(s.buf[:s.n])
}

// kind is what a token is for the one after it.
type kind uint8

const (
	start    kind = iota
	opening       // ( [
	comma         // ,
	operator      // = < ->
	operand       // a literal, a quoted name, )
	word          // a name or a keyword
)

// maxDepth is how deep parentheses may be for lists of rows in them to be told.
const maxDepth = 8

type shaper struct {
	buf    [MaxShape]byte // what is written so far, its length is n: an array, to stay off the heap
	n      int
	sql    string
	at     int
	space  bool // there is white space since the last token
	last   kind
	signed bool // the last operator is the sign of what follows it
	depth  int
	groups [maxDepth]group
}

// group is a pair of parentheses in out: the one that is open, and the one before it
// in the same list.
type group struct{ open, from, to int }

// The classes of bytes.
const (
	other = iota
	blank
	letter
	digit
)

var classes = func() (c [256]uint8) {
	for _, b := range " \t\r\n\f\v" {
		c[b] = blank
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

// next takes one token. It reports whether there may be more.
func (s *shaper) next() bool {
	if s.at >= len(s.sql) {
		return false
	}
	b := s.sql[s.at]
	switch classes[b] {
	case blank:
		s.space = true
		s.at++
		return true
	case letter:
		return s.word()
	case digit:
		return s.number()
	}
	switch b {
	case '\'':
		return s.text(s.at + 1)
	case '"', '`':
		return s.name(b)
	case '(':
		return s.open()
	case '[':
		return s.bracket()
	case ')', ']':
		return s.close()
	case ',':
		return s.comma()
	case '$':
		return s.dollar()
	case '?':
		if next := s.peek(1); next == '|' || next == '&' {
			return s.operator(b)
		}
		return s.parameter()
	case '-', '/':
		if s.comment() {
			return true
		}
	case '.':
		if (s.space || s.last != word && s.last != operand) && classes[s.peek(1)] == digit {
			return s.number()
		}
	}
	return s.operator(b)
}

// peek is the byte n after the current one, or 0.
func (s *shaper) peek(n int) byte {
	if s.at+n < len(s.sql) {
		return s.sql[s.at+n]
	}
	return 0
}

// put writes a token that ends before a place in the text, and goes on from there.
func (s *shaper) put(token string, k kind, next int) bool {
	if s.n+1+len(token) > MaxShape {
		return s.end()
	}
	if s.space && s.last != opening && s.n > 0 {
		s.buf[s.n] = ' '
		s.n++
	}
	s.n += copy(s.buf[s.n:], token)
	s.space, s.last, s.at = false, k, next
	return true
}

func (s *shaper) literal(next int) bool { return s.put("?", operand, next) }

// end ends the shape before the text has ended.
func (s *shaper) end() bool {
	if most := MaxShape - len(more); s.n > most {
		for s.n = most; s.n > 0 && !utf8.RuneStart(s.buf[s.n]); { // not in the middle of a character
			s.n--
		}
	}
	s.n += copy(s.buf[s.n:], more)
	s.at = len(s.sql)
	return false
}

// word takes a name, a keyword, or a literal with letters in front of it.
func (s *shaper) word() bool {
	to := s.run(s.at + 1)
	token := s.sql[s.at:to]
	if to < len(s.sql) && s.sql[to] == '\'' && len(token) == 1 {
		switch token[0] {
		case 'e', 'E':
			return s.escaped(to + 1)
		case 'x', 'X', 'b', 'B', 'n', 'N':
			return s.text(to + 1)
		}
	}
	if s.takesValue() && isValue(token) {
		return s.literal(to)
	}
	return s.put(token, word, to)
}

// run is where the letters, digits and dollars end.
func (s *shaper) run(to int) int {
	for to < len(s.sql) && (classes[s.sql[to]] >= letter || s.sql[to] == '$') {
		to++
	}
	return to
}

// takesValue reports whether a value comes next: NULL is one in (1, NULL) and x = NULL,
// and not in IS NULL.
func (s *shaper) takesValue() bool {
	switch s.last {
	case opening, comma:
		return true
	case operator:
		b := s.buf[s.n-1]
		return b == '=' || b == '<' || b == '>'
	}
	return false
}

func isValue(token string) bool {
	switch len(token) {
	case 4:
		return strings.EqualFold(token, "NULL") || strings.EqualFold(token, "TRUE")
	case 5:
		return strings.EqualFold(token, "FALSE")
	case 7:
		return strings.EqualFold(token, "DEFAULT")
	}
	return false
}

// number takes a number and the sign before it, but not the minus between two values.
func (s *shaper) number() bool {
	to := s.at
	for to < len(s.sql) && (classes[s.sql[to]] >= letter || s.sql[to] == '.') {
		to++
		exponent := s.sql[to-1]|0x20 == 'e' && s.peek(1)|0x20 != 'x'
		if exponent && to+1 < len(s.sql) && (s.sql[to] == '-' || s.sql[to] == '+') && classes[s.sql[to+1]] == digit {
			to++
		}
	}
	if s.last == operator && s.signed {
		s.unsign()
	}
	return s.literal(to)
}

// unsign takes the sign back that was just written.
func (s *shaper) unsign() {
	s.n--
	if s.n == 0 {
		return
	}
	switch s.buf[s.n-1] {
	case ' ':
		s.n--
		s.space = true
	case '(', '[':
		s.last = opening
	}
}

// operator takes one byte that is nothing else.
func (s *shaper) operator(b byte) bool {
	s.signed = (b == '-' || b == '+') && s.isSign()
	return s.put(s.sql[s.at:s.at+1], operator, s.at+1)
}

func (s *shaper) isSign() bool {
	switch s.last {
	case operand:
		return false
	case word: // it is in LIMIT -1, and not in x - 1
		return s.space && classes[s.peek(1)] == digit
	}
	return true
}

// text takes a text in which only the quote is special.
func (s *shaper) text(from int) bool {
	to := after(s.sql, from, '\'')
	if to < 0 {
		to = len(s.sql)
	}
	return s.literal(to)
}

// escaped takes a text with backslashes.
func (s *shaper) escaped(from int) bool {
	for to := from; to < len(s.sql); to++ {
		switch {
		case s.sql[to] == '\\':
			to++
		case s.sql[to] != '\'':
		case to+1 < len(s.sql) && s.sql[to+1] == '\'':
			to++
		default:
			return s.literal(to + 1)
		}
	}
	return s.literal(len(s.sql))
}

// after is where a quoted token ends, or -1. A doubled quote is one in the token.
func after(sql string, from int, quote byte) int {
	for {
		i := strings.IndexByte(sql[from:], quote)
		if i < 0 {
			return -1
		}
		from += i + 1
		if from == len(sql) || sql[from] != quote {
			return from
		}
		from++
	}
}

// name takes a quoted name.
func (s *shaper) name(quote byte) bool {
	to := after(s.sql, s.at+1, quote)
	if to < 0 {
		return s.end()
	}
	return s.put(s.sql[s.at:to], operand, to)
}

// bracket takes a name of SQLite as it is, and opens a list or subscript of PostgreSQL.
func (s *shaper) bracket() bool {
	n := strings.IndexByte(s.sql[s.at:], ']')
	if n < 0 {
		return s.end()
	}
	inside := s.sql[s.at+1 : s.at+n]
	if isName(inside) {
		return s.put(s.sql[s.at:s.at+n+1], operand, s.at+n+1)
	}
	for _, quote := range []string{"'", `"`, "`"} {
		if strings.Count(inside, quote)%2 != 0 { // a text with ] in it, or a name with '
			return s.end()
		}
	}
	return s.open()
}

func isName(text string) bool {
	for i := range len(text) {
		if c := classes[text[i]]; c == other || c == digit && i == 0 {
			return false
		}
	}
	return text != ""
}

// dollar takes $1 and $tag$text$tag$.
func (s *shaper) dollar() bool {
	if classes[s.peek(1)] == digit {
		return s.parameter()
	}
	to := s.at + 1
	for to < len(s.sql) && classes[s.sql[to]] >= letter {
		to++
	}
	if to == len(s.sql) || s.sql[to] != '$' {
		return s.put(s.sql[s.at:to], word, to) // a parameter with a name, of SQLite
	}
	tag := s.sql[s.at : to+1]
	n := strings.Index(s.sql[to+1:], tag)
	if n < 0 {
		return s.literal(len(s.sql))
	}
	return s.literal(to + 1 + n + len(tag))
}

// parameter takes ?, ?1 and $1.
func (s *shaper) parameter() bool {
	to := s.at + 1
	for to < len(s.sql) && classes[s.sql[to]] == digit {
		to++
	}
	return s.literal(to)
}

// comment takes a comment for white space, if one begins here. PostgreSQL's may have
// others in them.
func (s *shaper) comment() bool {
	rest := s.sql[s.at:]
	switch {
	case strings.HasPrefix(rest, "--"):
		n := strings.IndexByte(rest, '\n')
		if n < 0 {
			n = len(rest)
		}
		s.at += n
	case strings.HasPrefix(rest, "/*"):
		s.at += len(rest)
		for i, depth := 2, 1; i+1 < len(rest); i++ {
			switch rest[i : i+2] {
			case "/*":
				depth++
				i++
			case "*/":
				depth--
				i++
			}
			if depth == 0 {
				s.at -= len(rest) - i - 1
				break
			}
		}
	default:
		return false
	}
	s.space = true
	return true
}

func (s *shaper) comma() bool {
	s.joinValues()
	s.space = false
	more := s.put(",", comma, s.at+1)
	s.space = true
	return more
}

func (s *shaper) open() bool {
	if !s.put(s.sql[s.at:s.at+1], opening, s.at+1) {
		return false
	}
	s.depth++
	if s.depth < maxDepth {
		s.groups[s.depth].open = s.n - 1
	}
	if s.depth+1 < maxDepth {
		s.groups[s.depth+1].to = 0
	}
	return true
}

func (s *shaper) close() bool {
	s.joinValues()
	s.space = false
	if !s.put(s.sql[s.at:s.at+1], operand, s.at+1) {
		return false
	}
	if s.depth > 0 && s.depth < maxDepth {
		s.joinRows(&s.groups[s.depth])
	}
	s.depth = max(s.depth-1, 0)
	return true
}

// joinValues makes (?, ?) be (?).
func (s *shaper) joinValues() {
	const two = "?, ?"
	n := s.n - len(two)
	if n > 0 && (s.buf[n-1] == '(' || s.buf[n-1] == '[') && string(s.buf[n:s.n]) == two {
		s.n = n + 1
	}
}

// joinRows makes (a), (a) be (a).
func (s *shaper) joinRows(g *group) {
	if g.to > 0 && g.to+2 == g.open && string(s.buf[g.to:g.open]) == ", " &&
		string(s.buf[g.from:g.to]) == string(s.buf[g.open:s.n]) {
		s.n = g.to
		return
	}
	g.from, g.to = g.open, s.n
}
