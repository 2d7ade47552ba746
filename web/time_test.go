package web_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := &web.RateLimit{Requests: 3, Per: 3 * time.Second}
		router := web.NewRouter()
		router.Handle("GET /a", from("192.0.2.1:1", say("a")), limit.Plug)
		router.Handle("GET /b", say("b"), limit.Plug)
		ask := func(request, addr string) *webtest.Response { return webtest.Do(t, from(addr, router), request, nil) }
		for i := range 3 {
			if res := ask("GET /a", "192.0.2.1:1"); res.Status != 200 {
				t.Fatalf("request %d: %d", i, res.Status)
			}
		}
		res := ask("GET /b", "192.0.2.1:2") // another route, the same limit
		if res.Status != 429 || res.Header.Get("Retry-After") != "1" {
			t.Errorf("above the limit: %d, %v", res.Status, res.Header)
		}
		if res := ask("GET /a", "192.0.2.2:1"); res.Status != 200 {
			t.Errorf("somebody else: %d", res.Status)
		}
		time.Sleep(time.Second - 1)
		if res := ask("GET /a", "192.0.2.1:1"); res.Status != 429 {
			t.Errorf("too early: %d", res.Status)
		}
		time.Sleep(time.Nanosecond)
		if res := ask("GET /a", "192.0.2.1:1"); res.Status != 200 {
			t.Errorf("in time: %d", res.Status)
		}
		for addr, status := range map[string]int{"[2001:db8:0:1::1]:1": 200, "[2001:db8:0:2::1]:1": 200, "[::ffff:192.0.2.1]:9": 429} {
			if res := ask("GET /a", addr); res.Status != status {
				t.Errorf("%s: %d", addr, res.Status)
			}
		}
	})
}

func TestRateLimitByKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := &web.RateLimit{Requests: 60, Per: time.Minute, Burst: 1, Keys: 100, Key: func(r *http.Request) string { return r.Header.Get("Key") }}
		h := limit.Plug(say("x"))
		ask := func(key string) int { return webtest.Do(t, h, "GET /", nil, "Key: "+key).Status }
		if a, b, c := ask("a"), ask("a"), ask("b"); a != 200 || b != 429 || c != 200 {
			t.Errorf("%d, %d, %d", a, b, c)
		}
		for range 3 {
			if status := webtest.Do(t, h, "GET /", nil).Status; status != 200 {
				t.Errorf("without a key: %d", status)
			}
		}
		for i := range 1000 { // more than are remembered: nobody is refused, nothing grows
			if status := ask(fmt.Sprint("k", i)); status != 200 {
				t.Fatalf("key %d: %d", i, status)
			}
		}
		time.Sleep(2 * time.Second)
		if a, b := ask("a"), ask("a"); a != 200 || b != 429 {
			t.Errorf("later: %d, %d", a, b)
		}
	})
	for _, bad := range []*web.RateLimit{{}, {Requests: -1}, {Requests: 1, Per: -1}, {Requests: 1, Burst: -1}} {
		mustPanic(t, "a bad limit", func() { bad.Plug(say("")) })
	}
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := make(chan error, 1)
		router := web.NewRouter()
		slow := router.Scope("", web.Timeout(time.Second))
		slow.HandleFunc("GET /quick", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Mine", "1")
			w.WriteHeader(201)
			fmt.Fprint(w, "quick")
		})
		slow.HandleFunc("GET /empty", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Mine", "1") })
		slow.HandleFunc("GET /minds", func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			web.Problem(w, r, r.Context().Err())
		})
		slow.HandleFunc("GET /stubborn", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Mine", "1")
			time.Sleep(2 * time.Second)
			_, err := w.Write([]byte("x"))
			late <- err
		})
		slow.HandleFunc("GET /half", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "half")
			<-r.Context().Done()
		})
		slow.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("x") })
		slow.HandleFunc("GET /late-panic", func(http.ResponseWriter, *http.Request) { time.Sleep(2 * time.Second); panic("late") })
		h, book := guarded(router, slog.LevelInfo)

		for request, want := range map[string]struct {
			status int
			mine   string
		}{
			"GET /quick": {201, "1"}, "GET /empty": {200, "1"}, "GET /minds": {504, ""}, "GET /stubborn": {504, ""}, "GET /panic": {500, ""}, "GET /late-panic": {504, ""},
		} {
			res := webtest.Do(t, h, request, nil)
			if res.Status != want.status || res.Header.Get("X-Mine") != want.mine {
				t.Errorf("%s: %d %v", request, res.Status, res.Header)
			}
		}
		if err := <-late; err != http.ErrHandlerTimeout {
			t.Errorf("a late write: %v", err)
		}
		synctest.Wait()
		time.Sleep(3 * time.Second)
		if n := len(book.lines(t, "panic in a handler after its time")); n != 1 {
			t.Errorf("%d late panics logged", n)
		}
		func() {
			defer func() {
				if v := recover(); v != http.ErrAbortHandler {
					t.Errorf("half an answer: %v", v)
				}
			}()
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/half", nil))
		}()
		if n := book.counters.Counter("web.timeouts").Value(); n < 3 {
			t.Errorf("%d time-outs counted", n)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/minds", nil))
		if w.Code != 499 && w.Code != 504 {
			t.Errorf("a client that has gone: %d", w.Code)
		}
	})
	mustPanic(t, "no time", func() { web.Timeout(0) })
}
