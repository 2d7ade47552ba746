package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

// pipes is a listener without a network, so that time stands still in tests.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// piped serves h with an endpoint's limits in a bubble, and gives the client's end of a
// connection on which "GET path" has been sent. Call stop before the bubble ends.
func piped(t *testing.T, h http.Handler, path string) (conn net.Conn, stop func()) {
	t.Helper()
	l := &pipes{make(chan net.Conn), make(chan struct{})}
	srv := &http.Server{Handler: h, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	conn, far := net.Pipe()
	l.conns <- far
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return conn, func() { conn.Close(); srv.Close(); <-ended; synctest.Wait() }
}

func answer(t *testing.T, conn net.Conn) *http.Response {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestEventsOutliveTheWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := guarded(web.Compress(web.ETag(web.Action(func(c *web.Conn) error {
			return c.Events(func(ctx context.Context, s *web.EventStream) error {
				for i := range 3 {
					if err := s.Text("tick", fmt.Sprint(i), "a\nb\r\nc"); err != nil {
						return err
					}
					time.Sleep(41 * time.Second) // never at the same time as a comment
				}
				return nil
			})
		}))), 0)
		conn, stop := piped(t, h, "/")
		defer stop()
		res := answer(t, conn)
		if res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Content-Encoding") != "" || res.Header.Get("Cache-Control") != "no-store, no-transform" {
			t.Errorf("%v", res.Header)
		}
		start := time.Now()
		text, err := io.ReadAll(res.Body)
		want := ""
		for i := range 3 {
			want += fmt.Sprintf("event: tick\nid: %d\ndata: a\ndata: b\ndata: c\n\n", i) + strings.Repeat(":\n\n", []int{2, 3, 3}[i])
		}
		if err != nil || string(text) != want || time.Since(start) != 123*time.Second {
			t.Errorf("after %v: %q, %v", time.Since(start), text, err)
		}
	})
}

func TestEventsCutASlowClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		var failed time.Duration
		h, book := guarded(web.Action(func(c *web.Conn) error {
			return web.Events{Beat: -1, Wait: 7 * time.Second}.Stream(c, func(ctx context.Context, s *web.EventStream) error {
				start := time.Now()
				err := s.Text("", "", "nobody reads this")
				failed = time.Since(start)
				if ctx.Err() == nil {
					t.Error("the context goes on")
				}
				ended <- err
				return err
			})
		}), 0)
		conn, stop := piped(t, h, "/")
		defer stop()
		answer(t, conn) // the header, and no more
		if err := <-ended; fault.Of(err) != fault.Canceled || failed != 7*time.Second {
			t.Errorf("%v after %v", err, failed)
		}
		synctest.Wait()
		if n := book.counters.Counter("web.streams.slow").Value(); n != 1 {
			t.Errorf("web.streams.slow = %d", n)
		}
	})
}

func TestEventsEnd(t *testing.T) {
	for _, drains := range []bool{false, true} {
		h := web.Action(func(c *web.Conn) error {
			return c.Events(func(ctx context.Context, s *web.EventStream) error {
				<-ctx.Done()
				return errors.Join(ctx.Err(), s.Text("", "", "bye"))
			})
		})
		e := &web.Endpoint{Addr: "127.0.0.1:0", Handler: h}
		b := new(book)
		ctx, cancel := context.WithCancel(b.context(context.Background(), 0))
		defer cancel()
		if err := e.Start(ctx); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- e.Serve(ctx) }()
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		res, err := client.Get(e.URL()) // returns, so the header has been sent
		if err != nil {
			t.Fatal(err)
		}
		if drains {
			cancel()
			if text, err := io.ReadAll(res.Body); err != nil || string(text) != "data: bye\n\n" {
				t.Errorf("%q, %v", text, err)
			}
		}
		res.Body.Close()
		if !drains {
			for len(b.lines(t, "request")) == 0 {
				runtime.Gosched()
			}
			cancel()
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if lines := b.lines(t, "request"); len(lines) != 1 || lines[0]["level"] != "INFO" {
			t.Errorf("drains %v: %v", drains, lines)
		}
	}
}

func TestEventsRefuse(t *testing.T) {
	late := make(chan *web.EventStream, 1)
	h := web.Action(func(c *web.Conn) error {
		return web.Events{Retry: 1500 * time.Millisecond}.Stream(c, func(ctx context.Context, s *web.EventStream) error {
			late <- s
			for _, bad := range []string{"a\nb", "a\rb", "a\r\ndata: x", "\x00"} {
				if err := s.Text(bad, "", "x"); fault.Of(err) != fault.Invalid {
					t.Errorf("name %q: %v", bad, err)
				}
				if err := s.Text("", bad, "x"); fault.Of(err) != fault.Invalid {
					t.Errorf("id %q: %v", bad, err)
				}
			}
			if err := s.JSON("", "", func() {}); fault.Of(err) != fault.Invalid {
				t.Errorf("a function: %v", err)
			}
			if err := s.Retry(-1); fault.Of(err) != fault.Invalid {
				t.Errorf("retry: %v", err)
			}
			_ = s.Comment("one\ntwo")
			_ = s.Text("", "", "\r\n\revent: x\n")
			_ = s.Text("", "", "")
			return s.JSON("all", s.LastID(), map[string]string{"a": "x\ny"})
		})
	})
	res := webtest.Do(t, h, "GET /", nil, "Last-Event-ID: 41")
	want := "retry: 1500\n\n: one\n: two\n\ndata: \ndata: \ndata: event: x\ndata: \n\ndata: \n\nevent: all\nid: 41\ndata: {\"a\":\"x\\ny\"}\n\n"
	if res.Status != 200 || res.Body != want {
		t.Errorf("%d %q\nwant  %q", res.Status, res.Body, want)
	}
	if err := (<-late).Text("", "", "late"); fault.Of(err) != fault.Canceled {
		t.Errorf("after the end: %v", err)
	}
	if res := webtest.Do(t, h, "HEAD /", nil); res.Status != 200 || res.Header.Get("Content-Type") != "text/event-stream" || len(late) != 0 {
		t.Errorf("HEAD: %d %v", res.Status, res.Header)
	}
}

func TestStreamArrives(t *testing.T) {
	for _, coding := range []string{"", "gzip"} {
		next := make(chan struct{})
		h, _ := guarded(web.Compress(web.ETag(web.Action(func(c *web.Conn) error {
			return c.Stream("text/csv", func(w io.Writer) error {
				for i := range 3 {
					if _, err := fmt.Fprintf(w, "line %d\n", i); err != nil {
						return err
					}
					<-next
				}
				return nil
			})
		}))), 0)
		srv := httptest.NewServer(h)
		r, _ := http.NewRequestWithContext(t.Context(), "GET", srv.URL, nil)
		r.Header.Set("Accept-Encoding", coding)
		client := &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if res.Header.Get("Content-Encoding") != coding {
			t.Errorf("%v", res.Header)
		}
		lines := bufio.NewReader(unpack(t, coding, res.Body))
		for i := range 3 {
			if line, err := lines.ReadString('\n'); err != nil || line != fmt.Sprintf("line %d\n", i) {
				t.Errorf("%q, %v", line, err)
			}
			next <- struct{}{}
		}
		if _, err := lines.ReadByte(); err != io.EOF {
			t.Errorf("the end: %v", err)
		}
		res.Body.Close()
		srv.Close()
	}
}

func TestStreamErrors(t *testing.T) {
	early := web.Action(func(c *web.Conn) error {
		return c.Stream("text/csv", func(io.Writer) error { return errGone })
	})
	if res := webtest.Do(t, early, "GET /", nil); res.Status != 404 || res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("before the first write: %d %v", res.Status, res.Header)
	}
	if res := webtest.Do(t, early, "HEAD /", nil); res.Status != 200 {
		t.Errorf("HEAD: %d", res.Status)
	}
	synctest.Test(t, func(t *testing.T) {
		h, book := guarded(web.Compress(web.Action(func(c *web.Conn) error {
			return c.Stream("text/csv", func(w io.Writer) error {
				_, _ = io.WriteString(w, "half")
				time.Sleep(5 * time.Minute) // beyond every deadline
				_, _ = io.WriteString(w, "more")
				return errors.New("out of rows")
			})
		})), 0)
		conn, stop := piped(t, h, "/")
		defer stop()
		res := answer(t, conn)
		if text, err := io.ReadAll(unpack(t, "gzip", res.Body)); err == nil || string(text) != "halfmore" {
			t.Errorf("%q, %v", text, err)
		}
		synctest.Wait()
		if lines := book.lines(t, "request"); len(lines) != 1 || lines[0]["error"] != "out of rows" || lines[0]["aborted"] != true {
			t.Errorf("%v", lines)
		}
	})
	synctest.Test(t, func(t *testing.T) { // a client that goes is no error
		h, book := guarded(web.Action(func(c *web.Conn) error {
			return c.Stream("text/csv", func(w io.Writer) error {
				for {
					if _, err := io.WriteString(w, "row\n"); err != nil {
						return err
					}
				}
			})
		}), 0)
		conn, stop := piped(t, h, "/")
		answer(t, conn)
		stop()
		if lines := book.lines(t, "request"); len(lines) != 1 || lines[0]["error"] != nil || book.counters.Counter("web.streams.slow").Value() != 0 {
			t.Errorf("%v", lines)
		}
	})
}

func FuzzEvent(f *testing.F) {
	f.Add("price", "7", "a\nb")
	f.Add("a\rb", "", "\r\n\r\n: x\nid: 9")
	f.Add("", "\x00", "\xff\ufeff")
	f.Fuzz(func(t *testing.T, name, id, text string) {
		w := httptest.NewRecorder()
		h := web.Action(func(c *web.Conn) error {
			return c.Events(func(_ context.Context, s *web.EventStream) error {
				_ = s.Text(name, id, text)
				return s.Text("last", "", "last")
			})
		})
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		body, ok := strings.CutSuffix(w.Body.String(), "event: last\ndata: last\n\n")
		if !ok || strings.Count(body, "\n\n") > 1 {
			t.Fatalf("%q", w.Body)
		}
		var data []string
		for _, line := range strings.Split(strings.TrimSuffix(body, "\n\n"), "\n") {
			if d, is := strings.CutPrefix(line, "data: "); is {
				data = append(data, d)
			} else if line != "" && line != "event: "+strings.ToValidUTF8(name, "\ufffd") && line != "id: "+strings.ToValidUTF8(id, "\ufffd") {
				t.Fatalf("%q", line)
			}
		}
		want := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(text, "\ufffd"))
		if body != "" && strings.Join(data, "\n") != want {
			t.Fatalf("%q, want %q", data, want)
		}
	})
}
