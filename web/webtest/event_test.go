package webtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// read gives the events of a text that comes in parts of that many bytes.
func read(text string, part int) (all []Event) {
	var e events
	for text != "" {
		n := min(part, len(text))
		e.text, text = e.text+text[:n], text[n:]
		for event, ok := e.next(); ok; event, ok = e.next() {
			all = append(all, event)
		}
	}
	return all
}

func TestEvents(t *testing.T) {
	for text, want := range map[string][]Event{
		"":                       nil,
		"data: a\n":              nil,
		"data: a\n\n":            {{Type: "message", Data: "a"}},
		"data:a\r\rdata:  b\r\r": {{Type: "message", Data: "a"}, {Type: "message", Data: " b"}},
		"data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n":            {{Type: "message", Data: "a\nb"}, {Type: "message", Data: "c"}},
		"\ufeffevent: add\ndata: 1\n\ndata: 2\n\n":             {{Type: "add", Data: "1"}, {Type: "message", Data: "2"}},
		"\ufeff\ufeffdata: 1\n\n":                              nil,
		": hi\n\nevent: x\n\ndata\n\ndata\ndata\n\ndata:":      {{Type: "message"}, {Type: "message", Data: "\n"}},
		"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n":         {{"1", "message", "a", 0}, {"1", "message", "b", 0}, {"", "message", "c", 0}},
		"id: 1\n\nid: 2\x00\nretry: 10\nretry: x\ndata: a\n\n": {{"1", "message", "a", 10 * time.Millisecond}},
		"Data: a\nother: b\ndata: {\"a\": 1}\nevent: json\n\n": {{Type: "json", Data: `{"a": 1}`}},
	} {
		for part := 1; part <= len(text); part++ {
			if got := read(text, part); !slices.Equal(got, want) {
				t.Errorf("%q in parts of %d: got %+v, want %+v", text, part, got, want)
			}
		}
	}
}

func FuzzEvents(f *testing.F) {
	for _, seed := range []string{"data: a\r\n\r\n", "\ufeffid: 1\ndata\rdata: 2\n\r\n", "retry: 5\n:x\n\n", "\xef\xbbdata: x\n\n"} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, text string, part int) {
		whole, parts := read(text, max(1, len(text))), read(text, max(1, part))
		if fmt.Sprint(whole) != fmt.Sprint(parts) {
			t.Errorf("%q: got %+v whole, %+v in parts of %d", text, whole, parts, part)
		}
		for _, e := range whole {
			if strings.ContainsAny(e.ID+e.Type, "\r\n") || strings.Contains(e.Data, "\r") {
				t.Errorf("%q: %+v has an end of line inside", text, e)
			}
		}
	})
}
