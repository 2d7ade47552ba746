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

// role is what a token is for the one after it.
type role uint8

const (
	start    role = iota
	opening       // ( [
	comma         // ,
	operator      // = < ->
	operand       // a literal, a quoted name, )
	named         // a name without quotes, or a keyword
)

// maxDepth is how deep parentheses may be for lists of rows in them to be told.
const maxDepth = 8

type shaper struct {
	buf    [MaxShape]byte // what is written so far, its length is n: an array, to stay off the heap
	n      int
	sql    string
	at     int
	space  bool // there is white space since the last token
	last   role
	signed bool // the last operator is the sign of what follows it
	depth  int
	groups [maxDepth]group
}

// group is a pair of parentheses in out: the one that is open, and the one before it
// in the same list.
type group struct{ open, from, to int }

// next takes one token. It reports whether there may be more.
func (s *shaper) next() bool {
	for s.at < len(s.sql) && classes[s.sql[s.at]] == blank { // most tokens have one before them
		s.space = true
		s.at++
	}
	if s.at == len(s.sql) {
		return false
	}
	kind, to := scan(s.sql, s.at, Either)
	switch kind {
	case Comment:
		s.space, s.at = true, to
		return true
	case Word:
		return s.word(to)
	case Number:
		return s.number(to)
	case Text, Parameter:
		return s.literal(to)
	case Name:
		return s.put(s.sql[s.at:to], operand, to)
	case Broken:
		return s.end()
	}
	switch s.sql[s.at] {
	case '(':
		return s.open()
	case '[':
		return s.bracket()
	case ')', ']':
		return s.close()
	case ',':
		return s.comma()
	case '.':
		if (s.space || s.last != named && s.last != operand) && s.digitNext() {
			return s.number(number(s.sql, s.at))
		}
	}
	return s.operator()
}

func (s *shaper) digitNext() bool {
	return s.at+1 < len(s.sql) && classes[s.sql[s.at+1]] == digit
}

// put writes a token that ends before a place in the text, and goes on from there.
func (s *shaper) put(token string, as role, next int) bool {
	if s.n+1+len(token) > MaxShape {
		return s.end()
	}
	if s.space && s.last != opening && s.n > 0 {
		s.buf[s.n] = ' '
		s.n++
	}
	s.n += copy(s.buf[s.n:], token)
	s.space, s.last, s.at = false, as, next
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

// word takes a name, a keyword, or one that is a value.
func (s *shaper) word(to int) bool {
	token := s.sql[s.at:to]
	if s.takesValue() && isValue(token) {
		return s.literal(to)
	}
	return s.put(token, named, to)
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
func (s *shaper) number(to int) bool {
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
func (s *shaper) operator() bool {
	b := s.sql[s.at]
	s.signed = (b == '-' || b == '+') && s.isSign()
	return s.put(s.sql[s.at:s.at+1], operator, s.at+1)
}

func (s *shaper) isSign() bool {
	switch s.last {
	case operand:
		return false
	case named: // it is in LIMIT -1, and not in x - 1
		return s.space && s.digitNext()
	}
	return true
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
		if c := classes[text[i]]; c <= special || c == digit && i == 0 {
			return false
		}
	}
	return text != ""
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
