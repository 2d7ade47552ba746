package wire

import (
	"encoding/json"
	"iter"
	"unicode/utf8"

	"github.com/bennu-go/bennu/fault"
)

// deepest is how many containers may be in containers, the frame included.
const deepest = 512

// scanner walks over JSON and checks it. Its methods report whether all is well, and leave
// at at the first byte after what they read.
type scanner struct {
	json  []byte
	at    int
	depth int
}

// valid reports whether the whole is one JSON value. UTF-8 is not looked at.
func (s *scanner) valid() bool {
	return s.value() && s.end()
}

func (s *scanner) end() bool {
	s.space()
	return s.at == len(s.json)
}

func (s *scanner) space() {
	for s.at < len(s.json) {
		switch s.json[s.at] {
		case ' ', '\n', '\r', '\t':
			s.at++
		default:
			return
		}
	}
}

// take reads this byte, if it comes next, and the space before it.
func (s *scanner) take(c byte) bool {
	s.space()
	if s.at >= len(s.json) || s.json[s.at] != c {
		return false
	}
	s.at++
	return true
}

// value reads a value, and the space before it.
func (s *scanner) value() bool {
	s.space()
	if s.at >= len(s.json) {
		return false
	}
	switch s.json[s.at] {
	case '"':
		return s.text()
	case '{':
		return s.container('}', true)
	case '[':
		return s.container(']', false)
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	return s.number()
}

// container reads an object, whose members have names, or an array.
func (s *scanner) container(closing byte, named bool) bool {
	if s.depth++; s.depth > deepest {
		return false
	}
	s.at++
	if s.take(closing) {
		s.depth--
		return true
	}
	for {
		if named && (!s.name() || !s.take(':')) || !s.value() {
			return false
		}
		if s.take(',') {
			continue
		}
		s.depth--
		return s.take(closing)
	}
}

// name reads a text, and the space before it.
func (s *scanner) name() bool {
	s.space()
	return s.at < len(s.json) && s.json[s.at] == '"' && s.text()
}

func (s *scanner) word(w string) bool {
	if len(s.json)-s.at < len(w) || string(s.json[s.at:s.at+len(w)]) != w {
		return false
	}
	s.at += len(w)
	return true
}

func (s *scanner) text() bool {
	for i := s.at + 1; i < len(s.json); i++ {
		switch c := s.json[i]; {
		case c == '"':
			s.at = i + 1
			return true
		case c < ' ':
			return false
		case c == '\\':
			n := escape(s.json[i+1:])
			if n == 0 {
				return false
			}
			i += n
		}
	}
	return false
}

// escape is how many bytes follow the backslash, or 0 if it is no escape.
func escape(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch b[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 1
	case 'u':
		if len(b) < 5 {
			return 0
		}
		for _, c := range b[1:5] {
			if !digit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
				return 0
			}
		}
		return 5
	}
	return 0
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func (s *scanner) number() bool {
	s.one("-")
	if !s.one("0") && !s.digits() {
		return false
	}
	if s.one(".") && !s.digits() {
		return false
	}
	if s.one("eE") {
		s.one("+-")
		return s.digits()
	}
	return true
}

// one reads one of these bytes, if it is there.
func (s *scanner) one(of string) bool {
	if s.at >= len(s.json) {
		return false
	}
	for _, c := range []byte(of) {
		if s.json[s.at] == c {
			s.at++
			return true
		}
	}
	return false
}

func (s *scanner) digits() bool {
	from := s.at
	for s.at < len(s.json) && digit(s.json[s.at]) {
		s.at++
	}
	return s.at > from
}

// elements is the first six elements of an array, each as its JSON, and how many of them
// there are. It checks the whole.
func elements(array []byte) (parts [6][]byte, n int, err error) {
	s := scanner{json: array}
	if !utf8.Valid(array) {
		return parts, 0, errUTF8()
	}
	if !s.take('[') {
		return parts, 0, s.wrong()
	}
	s.depth = 1
	for i := 0; ; i++ {
		s.space()
		from := s.at
		if !s.value() {
			return parts, 0, s.wrong()
		}
		if i < len(parts) {
			parts[i], n = array[from:s.at:s.at], i+1
		}
		if !s.take(',') {
			break
		}
	}
	if !s.take(']') || !s.end() {
		return parts, 0, s.wrong()
	}
	return parts, n, nil
}

// members are the members of an object that is known to be valid: name and value as their
// JSON.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		s := scanner{json: object}
		for s.take('{') || s.take(',') {
			s.space()
			from := s.at
			if !s.name() {
				return
			}
			name := object[from:s.at:s.at]
			if !s.take(':') {
				return
			}
			s.space()
			from = s.at
			if !s.value() || !yield(name, object[from:s.at:s.at]) {
				return
			}
		}
	}
}

// unquote is the text of a valid JSON string: a view, or a copy if it has escapes. It is
// not nil.
func unquote(quoted []byte) ([]byte, bool) {
	if len(quoted) < 2 || quoted[0] != '"' {
		return nil, false
	}
	text := quoted[1 : len(quoted)-1 : len(quoted)-1]
	for _, c := range text {
		if c == '\\' {
			var s string
			err := json.Unmarshal(quoted, &s)
			return []byte(s), err == nil
		}
	}
	return text, true
}

func isNull(value []byte) bool { return string(value) == "null" }

func errUTF8() error { return fault.Invalid.Errorf("the text of a message must be valid UTF-8") }

func (s *scanner) wrong() error {
	if s.depth > deepest {
		return fault.Invalid.Errorf("the message is nested more than %d deep", deepest)
	}
	return fault.Invalid.Errorf("the message is not valid JSON of the form that was agreed on: it is wrong at byte %d", s.at)
}
