package webtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// errHijack is for a handler that wants the connection.
var errHijack = fmt.Errorf("webtest: a request in process has no connection to hijack; serve the handler on 127.0.0.1:0, by a web.Endpoint or httptest.NewServer: %w", http.ErrNotSupported)

var errGone = errors.New("webtest: the client has gone away")

// writer takes an answer as net/http would: what it would not send, and what it would
// add, is not in the answer or is.
type writer struct {
	head bool                     // of a HEAD request: the body is not sent
	out  func(chunk []byte) error // what is flushed goes here; nil keeps it in body

	mu      sync.Mutex
	header  http.Header
	sent    http.Header // header, as it was when the answer began
	status  int         // 0 until the answer has begun
	flushed bool        // the header is gone
	length  int64       // as in Content-Length, or -1
	written int64
	stopped bool         // the handler has returned
	body    bytes.Buffer // not flushed yet
}

func (w *writer) Header() http.Header { return w.header }

func (w *writer) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begin(status)
}

func (w *writer) begin(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("webtest: %d is no status", status))
	}
	informational := status < 200 && status != http.StatusSwitchingProtocols
	if w.status != 0 || informational {
		return
	}
	w.status, w.sent, w.length = status, w.header.Clone(), -1
	if n, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64); err == nil {
		w.length = n
	}
}

// bodiless tells that the status allows no body.
func (w *writer) bodiless() bool {
	return w.status < 200 || w.status == http.StatusNoContent || w.status == http.StatusNotModified
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	switch {
	case w.stopped:
		return 0, errGone
	case len(p) == 0:
		return 0, nil
	case w.bodiless():
		return 0, http.ErrBodyNotAllowed
	case w.length >= 0 && w.written+int64(len(p)) > w.length:
		return 0, http.ErrContentLength
	}
	if _, typed := w.sent["Content-Type"]; !typed && !w.flushed && w.written == 0 && w.sent.Get("Content-Encoding") == "" {
		w.sent.Set("Content-Type", http.DetectContentType(p))
	}
	w.written += int64(len(p))
	if !w.head {
		w.body.Write(p)
	}
	return len(p), nil
}

// short tells that less was written than was promised.
func (w *writer) short() bool {
	return w.length > w.written && !w.head && !w.bodiless()
}

// stop refuses all that comes from now on.
func (w *writer) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
}

func (w *writer) end() { _ = w.FlushError() }

func (w *writer) Flush() { _ = w.FlushError() }

func (w *writer) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	w.flushed = true
	if w.stopped {
		return errGone
	}
	if w.out == nil {
		return nil
	}
	chunk := bytes.Clone(w.body.Bytes())
	w.body.Reset()
	return w.out(chunk)
}

func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, errHijack }

// There is no connection that could be late.

func (w *writer) SetReadDeadline(time.Time) error  { return nil }
func (w *writer) SetWriteDeadline(time.Time) error { return nil }
func (w *writer) EnableFullDuplex() error          { return nil }
