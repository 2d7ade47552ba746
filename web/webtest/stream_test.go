package webtest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/web/webtest"
)

// ticks writes "tick 1", "tick 2", …, one a second, as events, until its client goes.
func ticks(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("Set-Cookie", "seen=1")
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	w.(http.Flusher).Flush()
	for n := 1; ; n++ {
		select {
		case <-r.Context().Done():
			return
		case <-time.After(time.Second):
			fmt.Fprintf(w, "id: %d\ndata: tick\n", n)
			fmt.Fprintf(w, "data: %d\n\n", n)
			w.(http.Flusher).Flush()
		}
	}
}

func TestStreamOfEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := webtest.New(t, http.HandlerFunc(ticks))
		s := c.Stream("GET /ticks", nil)
		if s.Status != 200 || s.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
			t.Errorf("got %d %v", s.Status, s.Header)
		}
		start := time.Now()
		for n := 1; n <= 3; n++ {
			want := webtest.Event{ID: fmt.Sprint(n), Type: "message", Data: fmt.Sprintf("tick\n%d", n)}
			if got := s.Event(); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("three ticks took %v", d)
		}
		s.Close()
		s.Close()
		c.Stream("GET /ticks", nil).Chunk() // ended by the end of the test
	})
}

func TestStreamOfChunks(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		fmt.Fprint(w, "on")
		fmt.Fprint(w, "e")
		_ = rc.Flush()
		_ = rc.Flush() // nothing new
		fmt.Fprint(w, "two")
		_ = rc.Flush()
		_, _ = io.Copy(w, r.Body)
		_ = rc.Flush()
		w.Header().Set("X-Late", "1")
		fmt.Fprint(w, "four")
	})
	s := webtest.New(t, h).Stream("POST /", "three")
	if a, b := s.Chunk(), s.Chunk(); a != "one" || b != "two" {
		t.Errorf("got %q, %q", a, b)
	}
	if rest := s.Rest().Is(200).Has("Content-Type", "text/plain").Body; rest != "threefour" {
		t.Errorf("got %q", rest)
	}
	if rest := s.Rest().Body; rest != "" {
		t.Errorf("got %q once more", rest)
	}
	webtest.New(t, answer(403, "application/json", `{"a":1}`)).Stream("GET /", nil).Rest().Is(403).Equal("a", 1)
	webtest.New(t, answer(200, "a/b", "x")).Stream("HEAD /", nil).Rest().Is(200)
}

func TestStreamCarriesCookies(t *testing.T) {
	c := webtest.New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ticks" {
			ticks(w, r)
			return
		}
		cookies(w, r)
	}))
	c.Stream("GET /ticks", nil).Close()
	if got := c.Get("/").Body; got != "seen=1" {
		t.Errorf("got %q", got)
	}
	if got := c.Stream("GET /", nil).Chunk(); got != "seen=1" {
		t.Errorf("got %q", got)
	}
}

func TestAStreamUnreadHoldsItsHandlerBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flushed, failed := 0, 0
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for failed < 3 {
				fmt.Fprint(w, "x")
				if http.NewResponseController(w).Flush() == nil {
					flushed++
				} else {
					failed++
				}
			}
		})
		s := webtest.New(t, h).Stream("GET /", nil)
		synctest.Wait()
		if flushed != 1024 {
			t.Errorf("%d chunks are kept", flushed)
		}
		s.Close()
		if failed != 3 {
			t.Error("a flush succeeds without a client")
		}
	})
}

func TestStreamFails(t *testing.T) {
	flush := func(w http.ResponseWriter) { w.(http.Flusher).Flush() }
	for name, c := range map[string]struct {
		h    func(w http.ResponseWriter, r *http.Request)
		read func(s *webtest.Stream)
		want string
	}{
		"mute": {func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("x")); <-r.Context().Done() },
			func(s *webtest.Stream) {}, "webtest: GET https://example.test/s has not flushed anything for 5s"},
		"silent": {func(w http.ResponseWriter, r *http.Request) { flush(w); <-r.Context().Done() },
			func(s *webtest.Stream) { s.Chunk() }, "webtest: GET https://example.test/s: nothing has come for 5s; is it flushed?"},
		"over": {func(w http.ResponseWriter, r *http.Request) {},
			func(s *webtest.Stream) { s.Chunk() }, "the answer is at its end, want another chunk"},
		"no events": {answer(422, "application/json", "{}"),
			func(s *webtest.Stream) { s.Event() }, "a browser would give this stream up: it wants 200 OK and text/event-stream\n\nGET https://example.test/s: 422"},
		"half an event": {answer(200, "text/event-stream", "data: 1\n\ndata: 2\n"),
			func(s *webtest.Stream) { s.Event(); s.Event() }, `the answer is at its end, want another event; not ended by an empty line: "2\n"`},
		"panic": {func(w http.ResponseWriter, r *http.Request) { flush(w); panic("boom") },
			func(s *webtest.Stream) { s.Chunk() }, "the handler panicked: boom\n\ngoroutine"},
		"panic at once": {func(w http.ResponseWriter, r *http.Request) { panic("boom") },
			func(s *webtest.Stream) {}, "the handler panicked: boom\n\ngoroutine"},
		"panic at the end": {func(w http.ResponseWriter, r *http.Request) { flush(w); <-r.Context().Done(); panic("boom") },
			func(s *webtest.Stream) {}, "the handler panicked: boom\n\ngoroutine"},
		"abort": {func(w http.ResponseWriter, r *http.Request) { flush(w); panic(http.ErrAbortHandler) },
			func(s *webtest.Stream) { s.Rest() }, "the handler broke the answer off, by http.ErrAbortHandler"},
		"closed": {ticks, func(s *webtest.Stream) { s.Close(); s.Event() }, "the stream is closed"},
		"deaf": {func(w http.ResponseWriter, r *http.Request) { flush(w); time.Sleep(time.Minute) },
			func(s *webtest.Stream) {}, "the handler goes on, 5s after its client has gone away"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := said(t, func(t testing.TB) { c.read(webtest.New(t, http.HandlerFunc(c.h)).Stream("GET /s", nil)) })
				time.Sleep(time.Minute) // until the deaf one is done
				if !strings.Contains(got, c.want) || strings.Count(got, "webtest: ") != 1 {
					t.Errorf("it said:\n%s\nwant %s", got, c.want)
				}
			})
		})
	}
}

func TestAbortWithoutAClientIsNoFault(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	})
	if got := said(t, func(t testing.TB) { webtest.New(t, h).Stream("GET /", nil) }); got != "" {
		t.Error(got)
	}
}
