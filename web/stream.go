package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// streamWait is how long the client may take to receive what one write has sent.
const streamWait = 30 * time.Second

// Stream answers with what f writes, as it writes it: each write is sent at once, so
// give it a [bufio.Writer] of its own if it writes little by little. The Content-Type may
// be "" to have it guessed. A client that does not take what was written within 30 s is
// cut off, and counted as web.streams.slow; the WriteTimeout of the [Endpoint] does not
// count. After the client has gone, writes give an error.
//
// An error of f before its first write is a [Problem] as ever. One after it is logged, and
// breaks the connection off, so that nobody takes a part for the whole.
//
// f should end when the request's context does, and when [Draining] is closed or soon
// after. For HEAD it is not called.
func (c *Conn) Stream(contentType string, f func(w io.Writer) error) error {
	if contentType != "" {
		c.w.Header().Set("Content-Type", contentType)
	}
	if c.r.Method == http.MethodHead {
		c.w.WriteHeader(http.StatusOK)
		return nil
	}
	s := newStreamed(c, streamWait)
	err := f(s)
	switch begun, failed := s.close(); {
	case err == nil || failed != nil || c.r.Context().Err() != nil:
		return nil // if it failed, nobody is there to be told
	case !begun:
		return err
	}
	c.breakOff(err)
	return nil
}

// breakOff logs what has gone wrong after the answer has begun, and cuts the connection.
func (c *Conn) breakOff(err error) {
	if c.x.rec.begun() {
		Problem(c.w, c.r, err) // to the log only
	} else {
		telemetry.Log(c.x).Error("an answer broke off", "path", shorten(c.r.URL.Path), "error", err)
	}
	panic(http.ErrAbortHandler)
}

// streamed sends each write at once.
type streamed struct {
	ctx  context.Context
	w    http.ResponseWriter
	ctl  *http.ResponseController
	wait time.Duration

	mu    sync.Mutex
	begun bool
	err   error // the client is gone
}

func newStreamed(c *Conn, wait time.Duration) *streamed {
	return &streamed{ctx: c.r.Context(), w: c.w, ctl: http.NewResponseController(c.w), wait: wait}
}

// Write sends p, and is done when the system has taken it.
func (s *streamed) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	s.begun = true
	n := 0
	err := s.send(func() (err error) {
		n, err = s.w.Write(p)
		return err
	})
	return n, err
}

// send has the client take within its time what write writes. In between there is no
// deadline: with HTTP/2, one that passes ends the stream also if nothing was to be sent.
func (s *streamed) send(write func() error) error {
	start := time.Now()
	_ = s.ctl.SetWriteDeadline(start.Add(s.wait)) // a server without deadlines has none to cut us by
	err := write()
	if err == nil {
		if err = s.ctl.Flush(); errors.Is(err, http.ErrNotSupported) {
			err = nil
		}
	}
	if err != nil {
		if time.Since(start) >= s.wait {
			telemetry.Count(s.ctx, "web.streams.slow", 1)
		}
		err = fault.Canceled.Wrap(err, "the client is gone or too slow")
		s.err = err
		return err
	}
	_ = s.ctl.SetWriteDeadline(time.Time{})
	return nil
}

// close refuses what is written late, and gives the end of the answer its time.
func (s *streamed) close() (begun bool, failed error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	begun, failed = s.begun, s.err
	if failed == nil {
		s.err = fault.Canceled.Errorf("the stream has ended")
		_ = s.ctl.SetWriteDeadline(time.Now().Add(s.wait))
	}
	return begun, failed
}

// Events are the times of a stream of server-sent events. A zero means the default, a
// negative time none.
type Events struct {
	Beat  time.Duration // a comment is sent that often, to keep what lies between awake; default 15 s
	Wait  time.Duration // for the client to receive one event, or it is cut off; default 30 s
	Retry time.Duration // the client waits that long before it comes back; by default it decides
}

// Events answers with a stream of server-sent events, which a browser reads with an
// EventSource, for as long as f runs:
//
//	return c.Events(func(ctx context.Context, s *web.EventStream) error {
//		for {
//			select {
//			case <-ctx.Done():
//				return nil
//			case price := <-prices:
//				if err := s.JSON("price", price.ID, price); err != nil {
//					return err
//				}
//			}
//		}
//	})
//
// The context ends when the client goes away, is too slow, or the endpoint drains
// ([Draining]); whatever f then returns, the stream has ended well. When f returns
// nil, a browser comes back after a while, and says by [EventStream.LastID] what it had
// last; to end it for good, answer 204 instead. An error of f is logged, and breaks the
// connection off. For HEAD f is not called.
//
// Every 15 s a comment is sent. A client that does not take an event within 30 s is cut off,
// and counted as web.streams.slow; the WriteTimeout of the [Endpoint] does not count.
// [Events.Stream] takes other times.
func (c *Conn) Events(f func(ctx context.Context, s *EventStream) error) error {
	return Events{}.Stream(c, f)
}

// Stream is [Conn.Events] with times of its own.
func (e Events) Stream(c *Conn, f func(ctx context.Context, s *EventStream) error) error {
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no") // to proxies
	if c.r.Method == http.MethodHead {
		c.w.WriteHeader(http.StatusOK)
		return nil
	}
	ctx, cancel := context.WithCancel(c.r.Context())
	defer cancel()
	s := &EventStream{out: newStreamed(c, positive(e.Wait, streamWait)), lastID: c.r.Header.Get("Last-Event-ID"), cancel: cancel}
	if err := s.open(e.Retry); err != nil {
		return nil
	}

	var beating sync.WaitGroup
	beating.Go(func() { s.beat(ctx, positive(e.Beat, 15*time.Second)) })
	err := func() error {
		defer beating.Wait()
		defer cancel()
		err := f(ctx, s)
		if ctx.Err() != nil {
			return nil
		}
		return err
	}()
	if _, failed := s.out.close(); err != nil && failed == nil {
		c.breakOff(err)
	}
	return nil
}

// positive is the default for 0, and what is as good as never for less.
func positive(d, otherwise time.Duration) time.Duration {
	switch {
	case d == 0:
		return otherwise
	case d < 0:
		return 100 * 365 * 24 * time.Hour
	}
	return d
}

// EventStream is where the events of one client go. Several goroutines may use it until
// the function that was given it returns. Its methods return when the system has taken the
// event, with fault.Canceled if the client is gone, and fault.Invalid for an event that
// cannot be told.
type EventStream struct {
	out    *streamed
	lastID string
	cancel context.CancelFunc
}

// LastID is the id of the last event that the client has had, when it comes back, or "".
// It is the client's word.
func (s *EventStream) LastID() string { return s.lastID }

// Text sends an event with text as its data, of as many lines as it has. The name may be ""
// ("message" to browsers), and so may the id; neither may have line ends in it.
func (s *EventStream) Text(name, id, text string) error {
	if strings.ContainsAny(name, "\r\n\x00") {
		return fault.Invalid.Errorf("the name of an event has a line end in it")
	}
	if strings.ContainsAny(id, "\r\n\x00") {
		return fault.Invalid.Errorf("the id of an event has a line end in it")
	}
	return s.send(func(b *bytes.Buffer) {
		if name != "" {
			eventField(b, "event: ", name)
		}
		if id != "" {
			eventField(b, "id: ", id)
		}
		eventLines(b, "data: ", text)
	})
}

// JSON sends an event with v as its data, in JSON.
func (s *EventStream) JSON(name, id string, v any) error {
	data, err := encodeJSON(v)
	if err != nil {
		return fault.Invalid.Wrap(err, "cannot encode %T", v)
	}
	return s.Text(name, id, string(data))
}

// Comment sends what no browser shows.
func (s *EventStream) Comment(text string) error {
	return s.send(func(b *bytes.Buffer) { eventLines(b, ": ", text) })
}

// Retry tells the client how long to wait before it comes back, in whole milliseconds.
func (s *EventStream) Retry(d time.Duration) error {
	if d < 0 {
		return fault.Invalid.Errorf("a retry after %v", d)
	}
	return s.send(func(b *bytes.Buffer) { eventRetry(b, d) })
}

func eventRetry(b *bytes.Buffer, d time.Duration) {
	eventField(b, "retry: ", strconv.FormatInt(d.Milliseconds(), 10))
}

func eventField(b *bytes.Buffer, name, value string) {
	b.WriteString(name)
	b.WriteString(strings.ToValidUTF8(value, "\ufffd"))
	b.WriteByte('\n')
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

func eventLines(b *bytes.Buffer, name, text string) {
	for part := range strings.SplitSeq(lineEnds.Replace(text), "\n") {
		eventField(b, name, part)
	}
}

// open sends the header, so that the client knows.
func (s *EventStream) open(wait time.Duration) error {
	if wait > 0 {
		return s.Retry(wait)
	}
	return s.send(func(*bytes.Buffer) {})
}

// send writes one event, or nothing but the header.
func (s *EventStream) send(write func(*bytes.Buffer)) error {
	var b bytes.Buffer
	write(&b)
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	_, err := s.out.Write(b.Bytes())
	if err != nil {
		s.cancel()
	}
	return err
}

// beat keeps the stream awake, and ends it when the endpoint drains.
func (s *EventStream) beat(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = s.send(func(b *bytes.Buffer) { b.WriteString(":\n") })
		case <-Draining(ctx):
			s.cancel()
			return
		case <-ctx.Done():
			return
		}
	}
}
