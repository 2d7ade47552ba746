package channel

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"net/http"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/internal/ws"
)

// read gives the messages in the body of a request, and how many there are beyond those
// that are taken. If one of them cannot be, none is.
func (p *polls) read(w http.ResponseWriter, r *http.Request) (messages []raw, beyond int, err error) {
	longest := p.socket.limits.MessageBytes
	most := mostBody(longest)
	var body bytes.Buffer
	if n := r.ContentLength; 0 < n && n <= int64(most) {
		body.Grow(int(n) + bytes.MinRead)
	}
	if _, err := io.Copy(&body, http.MaxBytesReader(w, r.Body, int64(most))); err != nil {
		return nil, 0, fault.Invalid.Wrap(err, "the body cannot be read, or has more than %d bytes; a message may have %d", most, longest)
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "application/x-ndjson" {
		return readLines(body.Bytes(), longest)
	}
	return []raw{{ws.OpText, body.Bytes()}}, 0, tooLong(body.Bytes(), longest)
}

// mostBody is how long a body may be whose messages may have so many bytes: longer than
// usual if it could hold none else, and shorter if it could hold too many.
func mostBody(longest int) int {
	line := base64.StdEncoding.EncodedLen(longest) + len("\r\n")
	return min(max(mostBodyBytes, line), mostLines*line)
}

func readLines(body []byte, longest int) (messages []raw, beyond int, err error) {
	for line, isText := range wire.Lines(body) {
		if len(messages) == mostLines {
			beyond++
			continue
		}
		m := raw{ws.OpText, line}
		if !isText {
			m.op = ws.OpBinary
			n, err := base64.StdEncoding.Decode(line, line)
			if err != nil {
				return nil, 0, fault.Invalid.Wrap(err, "a line is neither a message of text, which begins with [, nor base64")
			}
			m.text = line[:n]
		}
		if err := tooLong(m.text, longest); err != nil {
			return nil, 0, err
		}
		messages = append(messages, m)
	}
	return messages, beyond, nil
}

func tooLong(message []byte, longest int) error {
	if len(message) > longest {
		why := &http.MaxBytesError{Limit: int64(longest)} // which has its HTTP status
		return fault.Invalid.Wrap(why, "a message has %d bytes; it may have %d", len(message), longest)
	}
	return nil
}
