package webtest

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Event is one server-sent event, as an EventSource hands it on.
type Event struct {
	ID    string        // the last that was sent, with this event or before
	Type  string        // "message" if nothing else is said
	Data  string        // its lines parted by "\n"
	Retry time.Duration // the last that was sent; 0 if none was
}

// Event gives the next event of a text/event-stream. Comments are passed over, and so
// is, as by a browser, an event without a data line. It ends the test if the answer is something
// else, or is at its end.
func (s *Stream) Event() Event {
	s.client.t.Helper()
	kind, _, _ := mime.ParseMediaType(s.Header.Get("Content-Type"))
	if s.Status != http.StatusOK || kind != "text/event-stream" {
		s.response(s.arrived()).fatalf("a browser would give this stream up: it wants %s and text/event-stream", statusText(http.StatusOK))
	}
	for {
		if event, ok := s.events.next(); ok {
			return event
		}
		chunk, ok := s.next()
		if !ok {
			s.client.t.Fatalf("webtest: %s: the answer is at its end, want another event; not ended by an empty line: %q", s, cut(s.events.left(), 200))
		}
		s.events.text += chunk
	}
}

// arrived is what of the answer has come and was not read.
func (s *Stream) arrived() string {
	var body strings.Builder
	for {
		select {
		case chunk, ok := <-s.chunks:
			if ok {
				body.WriteString(chunk)
				continue
			}
		default:
		}
		return body.String()
	}
}

// events reads a text/event-stream.
type events struct {
	text  string // not read yet
	begun bool   // past the place of a byte order mark
	cr    bool   // the last line ended with CR: a LF that follows belongs to it
	event Event  // being read
	data  []string
}

// left is the event that is not at its end.
func (e *events) left() string { return strings.Join(append(e.data, e.text), "\n") }

// next gives the next event, if all of it has come.
func (e *events) next() (Event, bool) {
	for {
		line, ok := e.line()
		if !ok {
			return Event{}, false
		}
		if line != "" {
			e.field(line)
			continue
		}
		done, data := e.event, e.data
		e.event.Type, e.data = "", nil
		if len(data) == 0 {
			continue
		}
		done.Data = strings.Join(data, "\n")
		if done.Type == "" {
			done.Type = "message"
		}
		return done, true
	}
}

// line takes a whole line, which ends with CR, LF or both.
func (e *events) line() (string, bool) {
	if !e.begun && e.text != "" {
		const mark = "\ufeff"
		if len(e.text) < len(mark) && strings.HasPrefix(mark, e.text) {
			return "", false
		}
		e.begun, e.text = true, strings.TrimPrefix(e.text, mark)
	}
	if e.cr && e.text != "" {
		e.cr, e.text = false, strings.TrimPrefix(e.text, "\n")
	}
	end := strings.IndexAny(e.text, "\r\n")
	if end < 0 {
		return "", false
	}
	line := e.text[:end]
	e.cr = e.text[end] == '\r'
	e.text = e.text[end+1:]
	return line, true
}

func (e *events) field(line string) {
	name, value, _ := strings.Cut(line, ":") // a comment has no name
	value = strings.TrimPrefix(value, " ")
	switch name {
	case "event":
		e.event.Type = value
	case "data":
		e.data = append(e.data, value)
	case "id":
		if !strings.ContainsRune(value, 0) {
			e.event.ID = value
		}
	case "retry":
		if ms, err := strconv.ParseUint(value, 10, 31); err == nil {
			e.event.Retry = time.Duration(ms) * time.Millisecond
		}
	}
}
