package web_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

// waits is a handler that takes the time that the request's query tells.
func waits(w http.ResponseWriter, r *http.Request) {
	d, err := time.ParseDuration(r.URL.Query().Get("for"))
	if err != nil {
		panic(err)
	}
	time.Sleep(d)
	fmt.Fprint(w, "done")
}

// at asks a handler, and says what was answered when, counted from now.
func at(h http.Handler, request string, header ...string) <-chan string {
	start := time.Now()
	answer := make(chan string, 1)
	go func() {
		r := httptest.NewRequest("GET", request, nil)
		for _, line := range header {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		answer <- fmt.Sprint(w.Code, " ", time.Since(start))
	}()
	synctest.Wait()
	return answer
}

func wantLoad(t *testing.T, limit *web.Concurrency, running, waiting int) {
	t.Helper()
	synctest.Wait()
	if r, w := limit.Load(); r != running || w != waiting {
		t.Errorf("%d run and %d wait, not %d and %d", r, w, running, waiting)
	}
}

func TestConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := &web.Concurrency{Running: 2, Waiting: 3}
		router := web.NewRouter()
		router.HandleFunc("GET /a", waits, limit.Plug)
		router.HandleFunc("GET /b", waits, limit.Plug)
		router.HandleFunc("GET /free", waits)
		h, book := guarded(router, slog.LevelInfo)

		answers := make([]<-chan string, 0, 6)
		for range 3 { // two routes, one limit
			answers = append(answers, at(h, "/a?for=2s"), at(h, "/b?for=2s"))
		}
		wantLoad(t, limit, 2, 3)
		if got := <-at(h, "/free?for=0s"); got != "200 0s" {
			t.Errorf("a neighbour: %s", got)
		}
		// First come, first served; the fifth has waited for 4 s, the sixth found no room.
		for i, want := range []string{"200 2s", "200 2s", "200 4s", "200 4s", "200 6s", "503 0s"} {
			if got := <-answers[i]; got != want {
				t.Errorf("request %d: %s, not %s", i, got, want)
			}
		}
		wantLoad(t, limit, 0, 0)

		long := at(h, "/a?for=6s")
		longer := at(h, "/a?for=5s")
		just, late := at(h, "/a?for=0s"), make(chan string, 1)
		go func() {
			time.Sleep(time.Second / 2)
			late <- <-at(h, "/a?for=0s") // gets its place after 4.5 s
		}()
		if got := <-late; got != "200 4.5s" {
			t.Errorf("in time: %s", got)
		}
		if got := <-just; got != "200 5s" && got != "503 5s" { // both are ready at once
			t.Errorf("just at the end of its time: %s", got)
		}
		<-long
		<-longer
		first, second := at(h, "/a?for=5001ms"), at(h, "/a?for=5001ms")
		if got := <-at(h, "/a?for=0s"); got != "503 5s" {
			t.Errorf("too late: %s", got)
		}
		<-first
		<-second
		wantLoad(t, limit, 0, 0)
		waited, refused := book.counters.Counter("web.concurrency.waited").Value(), book.counters.Counter("web.concurrency.refused").Value()
		if waited != 6 || refused < 2 || refused > 3 {
			t.Errorf("%d waited, %d refused", waited, refused)
		}
	})
}

func TestConcurrencyRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := &web.Concurrency{Running: 1, Waiting: -1}
		h := limit.Plug(http.HandlerFunc(waits))
		running := at(h, "/?for=1s")
		res := webtest.Do(t, h, "GET /?for=0s", nil)
		if res.Status != 503 || res.Header.Get("Retry-After") == "" || !strings.Contains(res.Body, "too many of these requests wait already") {
			t.Errorf("%d %v %s", res.Status, res.Header, res.Body)
		}
		<-running
		if got := <-at(h, "/?for=0s"); got != "200 0s" {
			t.Error(got)
		}
	})
	for _, bad := range []*web.Concurrency{{}, {Running: -1}, {Running: 1, Wait: -1}} {
		mustPanic(t, "a bad limit", func() { bad.Plug(say("")) })
	}
}

func TestConcurrencyByKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := &web.Concurrency{Running: 1, Waiting: 1, Key: func(r *http.Request) string { return r.Header.Get("User") }}
		h := limit.Plug(http.HandlerFunc(waits))
		a, b := at(h, "/?for=1s", "User: a"), at(h, "/?for=2s", "User: b")
		a2, a3 := at(h, "/?for=1s", "User: a"), at(h, "/?for=1s", "User: a")
		nobody := at(h, "/?for=1s")
		wantLoad(t, limit, 2, 1)
		if one, other, second, third, none := <-a, <-b, <-a2, <-a3, <-nobody; one != "200 1s" || other != "200 2s" || second != "200 2s" || third != "503 0s" || none != "200 1s" {
			t.Error(one, other, second, third, none)
		}
		wantLoad(t, limit, 0, 0)
		for i := range 1000 {
			if got := <-at(h, "/?for=0s", fmt.Sprint("User: ", i)); got != "200 0s" {
				t.Fatal(got)
			}
		}
		wantLoad(t, limit, 0, 0)
	})
}

// TestConcurrencyGivesBack ends handlers in all the ways that there are.
func TestConcurrencyGivesBack(t *testing.T) {
	limit := &web.Concurrency{Running: 1, Waiting: -1}
	router := web.NewRouter(limit.Plug)
	router.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("x") })
	router.HandleFunc("GET /abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	router.HandleFunc("GET /exit", func(http.ResponseWriter, *http.Request) { runtime.Goexit() })
	router.HandleFunc("GET /hijack", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	})
	router.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "first")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	left := make(chan struct{}, 1)
	e, _, client, _ := serve(t, &web.Endpoint{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { left <- struct{}{} }()
		router.ServeHTTP(w, r)
	})})
	for _, path := range []string{"/panic", "/abort", "/exit", "/hijack", "/stream", "/nowhere"} {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "GET", e.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := client.Do(r); err == nil {
			if res.StatusCode == 503 {
				t.Errorf("%s found the place taken", path)
			}
			if running, _ := limit.Load(); path == "/stream" && running != 1 {
				t.Error("a stream holds no place")
			}
			cancel()
			res.Body.Close()
		}
		cancel()
		<-left
		if running, waiting := limit.Load(); running != 0 || waiting != 0 {
			t.Errorf("after %s: %d run, %d wait", path, running, waiting)
		}
	}
}

func TestConcurrencyIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := &web.Concurrency{Running: 1}
		var served atomic.Int64
		h, book := guarded(limit.Plug(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			served.Add(1)
			waits(w, r)
		})), slog.LevelInfo)
		first := at(h, "/?for=1s")
		ctx, cancel := context.WithCancel(t.Context())
		gone := at(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r.WithContext(ctx)) }), "/?for=1s")
		timed := at(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), time.Second/4)
			defer cancel()
			h.ServeHTTP(w, r.WithContext(ctx))
		}), "/?for=1s")
		last := at(h, "/?for=1s")
		wantLoad(t, limit, 1, 3)
		cancel()
		wantLoad(t, limit, 1, 2)
		if a, b, c, d := <-first, <-gone, <-timed, <-last; a != "200 1s" || b != "499 0s" || c != "504 250ms" || d != "200 2s" {
			t.Error(a, b, c, d)
		}
		if n := served.Load(); n != 2 {
			t.Errorf("%d were served", n)
		}
		if n := book.counters.Counter("web.concurrency.refused").Value(); n != 0 {
			t.Errorf("%d who left are counted as refused", n)
		}
		wantLoad(t, limit, 0, 0)
	})
}

// TestConcurrencyRush keeps the queue from ever being empty.
func TestConcurrencyRush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := &web.Concurrency{Running: 1, Waiting: 10, Wait: 10 * time.Second}
		h := limit.Plug(http.HandlerFunc(waits))
		ask := func() <-chan string { return at(h, "/?for=4s") }
		ask()
		ask() // from now on the queue is not empty
		ask()
		time.Sleep(5 * time.Second)
		ask()
		time.Sleep(5 * time.Second)
		if late := <-ask(); late != "200 10s" { // waited 6 s
			t.Errorf("at Wait: %s", late)
		}

		ask()
		ask()
		time.Sleep(3 * time.Second)
		ask()
		ask()
		ask()
		time.Sleep(7*time.Second + time.Millisecond)
		if late := <-ask(); late != "503 1s" {
			t.Errorf("above Wait: %s", late)
		}
		wantLoad(t, limit, 1, 2)
		time.Sleep(time.Minute)
		ask()
		if got := <-ask(); got != "200 8s" {
			t.Errorf("when the rush is over: %s", got)
		}
		wantLoad(t, limit, 0, 0)
	})
}

// TestConcurrencyRaces has places given at the very moment that those who wait give up.
func TestConcurrencyRaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := &web.Concurrency{Running: 3, Waiting: 50, Wait: time.Millisecond}
		var running, most atomic.Int64
		h := limit.Plug(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			n := running.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(time.Millisecond)
			running.Add(-1)
		}))
		answers := make(chan int)
		for i := range 500 {
			go func() {
				time.Sleep(time.Duration(i/10) * time.Millisecond)
				ctx := t.Context()
				if i%3 == 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, time.Millisecond)
					defer cancel()
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/", nil))
				answers <- w.Code
			}()
		}
		for range 500 {
			if code := <-answers; code != 200 && code != 503 && code != 504 {
				t.Error(code)
			}
		}
		if n := most.Load(); n != 3 {
			t.Errorf("%d ran at once", n)
		}
		wantLoad(t, limit, 0, 0)
	})
}

func TestConcurrencyDrains(t *testing.T) {
	limit := &web.Concurrency{Running: 1, Wait: time.Hour}
	entered, release := make(chan struct{}), make(chan struct{})
	e, _, client, stop := serve(t, &web.Endpoint{Drain: time.Hour, Handler: web.Chain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
	}), limit.Plug)})
	statuses := make(chan int, 2)
	ask := func() {
		res, err := client.Get(e.URL())
		if err != nil {
			t.Error(err)
			statuses <- 0
			return
		}
		res.Body.Close()
		statuses <- res.StatusCode
	}
	go ask()
	<-entered
	go ask()
	for {
		if _, waiting := limit.Load(); waiting == 1 {
			break
		}
		runtime.Gosched()
	}
	go stop()
	if status := <-statuses; status != 503 {
		t.Errorf("who waits: %d", status)
	}
	close(release)
	if status := <-statuses; status != 200 {
		t.Errorf("who runs: %d", status)
	}
	stop()
}
