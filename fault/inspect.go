package fault

import (
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The limits of Inspect and Data. The package comment gives them.
const (
	deepest      = 8   // containers in containers
	mostItems    = 32  // of a list or a map
	mostSorted   = 256 // entries of a map
	longestText  = 256 // bytes
	longestBytes = 64
	longestJSON  = 4096
	longest      = 4096 // bytes of the whole
)

// Inspect prints a value as data, for crash reports, traces and dashboards: on one
// line of at most 4,096 bytes, in Go's syntax with field names, without secrets. It
// never panics. The package comment says what it shows and what it leaves out.
//
// It reads everything that v leads to: nobody may write that at the same time. The
// state of a process is inspected inside the process.
func Inspect(v any) string {
	w := walker{left: longest}
	line := w.walk(reflect.ValueOf(&v).Elem(), nil).String()
	if len(line) > longest {
		line = cut(line, longest-len("…")) + "…"
	}
	return line
}

// Data is what [Inspect] shows as values that encoding/json can encode and templates
// can range over: map[string]any for structs and maps, []any, string, bool, int64,
// uint64, float64, json.Number and nil. Numbers that JavaScript cannot hold are
// strings. Of what did not fit, "…" is the number: a key in maps, "…+3" at the end of
// lists.
func Data(v any) any {
	w := walker{left: longest}
	return w.walk(reflect.ValueOf(&v).Elem(), nil).data()
}

// shape is what is shown of a value: a leaf, or a container of items.
type shape struct {
	kind  byte   // leaf, list or pairs
	text  string // a leaf as printed, or what comes before a container's brace
	value any    // a leaf as data
	items []item
	more  int // items that are not shown
}

const (
	leaf = iota
	list
	pairs
)

type item struct {
	key   string // as printed
	name  string // the key as data
	shape shape
}

// mark is a leaf that stands for a value: "[secret]".
func mark(text string) shape { return shape{text: text, value: text} }

func (s shape) String() string {
	var p strings.Builder
	s.print(&p)
	return p.String()
}

func (s shape) print(p *strings.Builder) {
	p.WriteString(s.text)
	if s.kind == leaf {
		return
	}
	p.WriteByte('{')
	for i, item := range s.items {
		if i > 0 {
			p.WriteString(", ")
		}
		if s.kind == pairs {
			p.WriteString(item.key)
			p.WriteString(": ")
		}
		item.shape.print(p)
	}
	if s.more > 0 {
		if len(s.items) > 0 {
			p.WriteString(", ")
		}
		p.WriteString("…+" + strconv.Itoa(s.more))
	}
	p.WriteByte('}')
}

func (s shape) data() any {
	switch s.kind {
	case leaf:
		return s.value
	case list:
		all := make([]any, 0, len(s.items)+1)
		for _, item := range s.items {
			all = append(all, item.shape.data())
		}
		if s.more > 0 {
			all = append(all, "…+"+strconv.Itoa(s.more))
		}
		return all
	}
	all := make(map[string]any, len(s.items)+1)
	for _, item := range s.items {
		name := item.name
		for _, taken := all[name]; taken; _, taken = all[name] { // by a long key that is cut, or by 1 and "1"
			name += "'"
		}
		all[name] = item.shape.data()
	}
	if s.more > 0 {
		all["…"] = s.more
	}
	return all
}

// cut gives at most the first n bytes of a text, and no half letter.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for back := 0; back < utf8.UTFMax && n > 0 && !utf8.RuneStart(text[n]); back++ {
		n--
	}
	return text[:n]
}
