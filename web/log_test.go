package web_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

func TestLogLine(t *testing.T) {
	h, book := guarded(web.Log(say("hello")), slog.LevelInfo) // twice in the chain, one line
	res := webtest.Do(t, h, "GET /units/7?key=secret", nil)
	lines := book.lines(t, "request")
	if len(lines) != 1 {
		t.Fatalf("%d lines", len(lines))
	}
	l := lines[0]
	for name, want := range map[string]any{
		"level": "INFO", "method": "GET", "path": "/units/7", "status": 200.0, "bytes": 5.0,
		"request_id": res.Header.Get("X-Request-Id"),
	} {
		if l[name] != want {
			t.Errorf("%s = %v, want %v", name, l[name], want)
		}
	}
	if _, ok := l["duration"]; !ok {
		t.Error("no duration")
	}
	if strings.Contains(book.out.String(), "secret") {
		t.Error("the query string is logged")
	}
}

func TestLogLevelsAndCounters(t *testing.T) {
	router := web.NewRouter()
	router.HandleFunc("/fail", func(w http.ResponseWriter, r *http.Request) {
		web.Problem(w, r, fault.Unavailable.Wrap(errors.New("disk full"), "try later"))
	}, web.Quiet)
	router.HandleFunc("/bad", func(w http.ResponseWriter, r *http.Request) {
		web.Problem(w, r, fault.Invalid.Errorf("no lat"))
	}, web.Quiet)
	router.HandleFunc("/ok", func(http.ResponseWriter, *http.Request) {}, web.Quiet)
	router.HandleFunc("/hint", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusAccepted)
	})
	router.HandleFunc("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })

	h, book := guarded(router, slog.LevelInfo)
	for _, path := range []string{"/fail", "/bad", "/ok", "/hint", "/lost"} {
		webtest.Do(t, h, "GET "+path, nil)
	}
	func() {
		defer func() {
			if recover() != http.ErrAbortHandler {
				t.Error("ErrAbortHandler is not passed on")
			}
		}()
		webtest.Do(t, h, "GET /abort", nil)
	}()

	var got []string
	for _, l := range book.lines(t, "request") {
		got = append(got, l["level"].(string)+" "+l["path"].(string))
	}
	if want := "ERROR /fail, INFO /hint, INFO /lost, ERROR /abort"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if l := book.lines(t, "request")[0]; l["error"] != "try later: disk full" {
		t.Errorf("error = %v", l["error"])
	}
	counts := book.counters.Snapshot()
	for name, want := range map[string]int64{
		"web.requests": 6, "web.requests.2xx": 2, "web.requests.4xx": 2, "web.requests.5xx": 1, "web.requests.aborted": 1,
	} {
		if counts[name] != want {
			t.Errorf("%s = %d, want %d", name, counts[name], want)
		}
	}
}

func TestQuietIsLoggedAtDebug(t *testing.T) {
	h, book := guarded(web.Quiet(say("hi")), slog.LevelDebug)
	webtest.Do(t, h, "GET /"+strings.Repeat("x", 300), nil)
	l := book.lines(t, "request")[0]
	if l["level"] != "DEBUG" {
		t.Errorf("level = %v", l["level"])
	}
	if path := l["path"].(string); len(path) != 256+len("…") {
		t.Errorf("the path is %d bytes", len(path))
	}
}

// foreign is what a plug of somebody else wraps writers in.
type foreign struct{ http.ResponseWriter }

func (b foreign) Unwrap() http.ResponseWriter { return b.ResponseWriter }

func TestWritersCanDoAll(t *testing.T) {
	wrap := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(foreign{w}, r) })
	}
	release := make(chan struct{})
	router := web.NewRouter()
	router.HandleFunc("/flush", func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
			t.Errorf("SetWriteDeadline: %v", err)
		}
		w.(http.Flusher).Flush()
		<-release
		n, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("late"))
		if n != 4 || err != nil {
			t.Errorf("ReadFrom = %d, %v", n, err)
		}
	})
	router.HandleFunc("/hijack", func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		<-release
	}, wrap)

	e, book, client, _ := serve(t, &web.Endpoint{Handler: router})
	res, err := client.Get(e.URL() + "/flush") // comes back at the flush
	if err != nil {
		t.Fatal(err)
	}
	upgraded, err := client.Get(e.URL() + "/hijack")
	if err != nil || upgraded.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", upgraded, err)
	}
	lines := book.lines(t, "request") // the handler is still in there
	if len(lines) != 1 || lines[0]["status"] != 101.0 || lines[0]["path"] != "/hijack" {
		t.Errorf("log = %v", lines)
	}
	close(release)
	body, _ := io.ReadAll(res.Body)
	if string(body) != "late" {
		t.Errorf("body = %q", body)
	}
	res.Body.Close()
	upgraded.Body.Close()
}

func TestLogOfParams(t *testing.T) {
	router := web.NewRouter()
	router.Handle("POST /login", web.Action(func(c *web.Conn) error { _, err := c.Params(); return err }))
	for level, shown := range map[slog.Level]bool{slog.LevelDebug: true, slog.LevelInfo: false} {
		h, book := guarded(router, level)
		webtest.Do(t, h, "POST /login?page=2&token=hunter2", "name=ada&user[password]=hunter2", "Content-Type: application/x-www-form-urlencoded")
		line := book.lines(t, "request")[0]
		query, _ := line["query"].(string)
		form, _ := line["form"].(string)
		if strings.Contains(query, `"2"`) != shown || strings.Contains(form, "ada") != shown || strings.Contains(query+form, "hunter2") {
			t.Errorf("%v: query %s, form %s", level, query, form)
		}
	}
}
