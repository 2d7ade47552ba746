package web_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

func TestRecoverAnswers(t *testing.T) {
	h, book := guarded(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("hunter2") }), slog.LevelInfo)
	res := webtest.Do(t, h, "GET /", nil)
	var p struct {
		Status    int
		Detail    string
		RequestID string `json:"request_id"`
	}
	res.JSON(&p)
	if res.Status != 500 || p.Status != 500 || p.Detail != "internal error" || p.RequestID != res.Header.Get("X-Request-Id") {
		t.Errorf("answer = %d %+v", res.Status, p)
	}
	if page := webtest.Do(t, h, "GET /", nil, "Accept: text/html"); page.Status != 500 || strings.Contains(page.Body, "hunter2") {
		t.Errorf("page = %d %s", page.Status, page.Body)
	}
	lines := book.lines(t, "panic in a handler")
	if len(lines) != 2 || lines[0]["panic"] != "hunter2" || !strings.Contains(lines[0]["stack"].(string), "recover_test.go") {
		t.Errorf("log = %v", lines)
	}
	if n := book.counters.Snapshot()["web.panics"]; n != 2 {
		t.Errorf("web.panics = %d", n)
	}
}

func TestRecoverAloneAborts(t *testing.T) {
	h := web.Recover(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		panic("too late")
	}))
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("an answer that has begun is not aborted")
		}
	}()
	webtest.Do(t, h, "GET /", nil)
}

func TestPanicAfterTheAnswerBeganCutsTheConnection(t *testing.T) {
	e, _, client, _ := serve(t, &web.Endpoint{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hijack" {
			conn, _, _ := w.(http.Hijacker).Hijack()
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
			panic("in the middle")
		}
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic("in the middle")
	})})
	for _, path := range []string{"/", "/hijack"} {
		res, err := client.Get(e.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if path == "/" && (string(body) != "half" || err == nil) {
			t.Errorf("got %q, %v; want half an answer and an error", body, err)
		}
		res.Body.Close() // reading ended, so the connection was closed
	}
}
