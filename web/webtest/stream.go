package webtest

import (
	"context"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// Stream is an answer that comes bit by bit. The handler runs in a goroutine of its
// own, until it returns, or [Stream.Close] or the end of the test makes its client go
// away. Read it by Chunk or by Event, not by both.
type Stream struct {
	Status int
	Header http.Header

	client  *Client
	ask     ask
	cookies string
	writer  *writer
	cancel  context.CancelFunc
	started chan struct{} // closed when the header is out
	chunks  chan string   // closed when the handler is at its end
	once    sync.Once     // for started

	events  events
	closed  bool
	broken  bool // the handler gave up by http.ErrAbortHandler
	crashed any  // what else it panicked with
	stack   []byte
}

// Stream sends a request, as [Client.Do] does, and returns when the handler has
// flushed for the first time, or is at its end. As on a network, what was written
// is to be seen once it is flushed. The end of the test ends the request's context, and
// waits for the handler; a handler that goes on, or has panicked, fails the test. To
// wait for anything longer than Client.Wait fails it too.
func (c *Client) Stream(request string, body any, headers ...string) *Stream {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.Context)
	s := &Stream{
		client: c, ask: c.ask(request, body, headers), cancel: cancel,
		started: make(chan struct{}), chunks: make(chan string, 1024),
	}
	s.writer = &writer{header: make(http.Header), head: s.ask.method == http.MethodHead, out: s.send(ctx)}
	r := c.request(ctx, s.ask)
	s.cookies = r.Header.Get("Cookie")
	c.t.Cleanup(s.Close)
	go s.run(r)

	limit := time.NewTimer(c.Wait)
	defer limit.Stop()
	select {
	case <-s.started:
	case <-limit.C:
		c.t.Fatalf("webtest: %s has not flushed anything for %v; flush when the stream begins, so that a client knows it", s, c.Wait)
	}
	s.Status, s.Header = s.writer.status, s.writer.sent
	c.keep(s.response(""))
	return s
}

// send takes what the handler flushes, and holds it back while too much is unread.
func (s *Stream) send(ctx context.Context) func([]byte) error {
	return func(chunk []byte) error {
		if ctx.Err() != nil {
			return errGone
		}
		s.once.Do(func() { close(s.started) })
		if len(chunk) == 0 {
			return nil
		}
		select {
		case s.chunks <- string(chunk):
			return nil
		case <-ctx.Done():
			return errGone
		}
	}
}

func (s *Stream) run(r *http.Request) {
	defer func() {
		if v := recover(); v == http.ErrAbortHandler {
			s.broken = true
		} else if v != nil {
			s.crashed, s.stack = v, debug.Stack()
		}
		if !s.broken && s.crashed == nil {
			s.writer.end()
		}
		s.once.Do(func() { close(s.started) })
		s.cancel()
		s.writer.stop()
		close(s.chunks)
	}()
	s.client.handler.ServeHTTP(s.writer, r)
}

// next waits for the next chunk; it is not ok at the end.
func (s *Stream) next() (chunk string, ok bool) {
	s.client.t.Helper()
	if s.closed {
		s.client.t.Fatalf("webtest: %s: the stream is closed", s)
	}
	limit := time.NewTimer(s.client.Wait)
	defer limit.Stop()
	select {
	case chunk, ok = <-s.chunks:
	case <-limit.C:
		s.client.t.Fatalf("webtest: %s: nothing has come for %v; is it flushed?", s, s.client.Wait)
	}
	if !ok {
		s.fault(s.client.t.Fatalf)
		if s.broken {
			s.client.t.Fatalf("webtest: %s: the handler broke the answer off, by http.ErrAbortHandler", s)
		}
	}
	return chunk, ok
}

// fault tells, once, that the handler has panicked.
func (s *Stream) fault(fail func(string, ...any)) {
	s.client.t.Helper()
	if v := s.crashed; v != nil {
		s.crashed = nil
		fail("webtest: %s: the handler panicked: %v\n\n%s", s, v, s.stack)
	}
}

// Chunk gives what the handler has written up to its next flush. It ends the test if
// the answer is at its end.
func (s *Stream) Chunk() string {
	s.client.t.Helper()
	chunk, ok := s.next()
	if !ok {
		s.client.t.Fatalf("webtest: %s: the answer is at its end, want another chunk", s)
	}
	return chunk
}

// Rest waits until the handler returns, and gives the answer with all that was not read
// before as its body.
func (s *Stream) Rest() *Response {
	s.client.t.Helper()
	var rest strings.Builder
	rest.WriteString(s.events.text)
	for {
		chunk, ok := s.next()
		if !ok {
			return s.response(rest.String())
		}
		rest.WriteString(chunk)
	}
}

// Close makes the client go away: it ends the request's context, and waits until the
// handler returns. To close again does nothing.
func (s *Stream) Close() {
	s.client.t.Helper()
	s.closed = true
	s.cancel()
	limit := time.NewTimer(s.client.Wait)
	defer limit.Stop()
	for {
		select {
		case _, ok := <-s.chunks:
			if !ok {
				s.fault(s.client.t.Errorf)
				return
			}
		case <-limit.C:
			s.client.t.Errorf("webtest: %s: the handler goes on, %v after its client has gone away", s, s.client.Wait)
			return
		}
	}
}

func (s *Stream) response(body string) *Response {
	return &Response{Status: s.Status, Header: s.Header, Body: body, URL: s.ask.url, t: s.client.t, client: s.client, ask: s.ask, cookies: s.cookies}
}

func (s *Stream) String() string { return s.ask.method + " " + s.ask.url.String() }
