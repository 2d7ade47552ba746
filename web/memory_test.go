package web_test

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

// lives is the memory that lives, in bytes, once what other tests have left is gone.
func lives() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	for last := int64(math.MaxInt64); ; {
		runtime.GC()
		metrics.Read(samples)
		now := int64(samples[0].Value.Uint64() - samples[1].Value.Uint64() - samples[2].Value.Uint64())
		if now > last-1<<20 {
			return now
		}
		last = now
	}
}

func TestMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const unit = 32 << 20
		before := lives()
		memory := &web.Memory{Limit: 2 * (before + 10*unit), Share: 0.5} // permits 10 units more
		router := web.NewRouter()
		router.HandleFunc("GET /", say("x"), memory.Plug)
		router.HandleFunc("GET /free", say("x"))
		h, book := guarded(router, slog.LevelInfo)
		var ballast [][]byte
		hold := func(units int) { // before the next look, with no collection but the plug's own
			ballast = ballast[:min(units, len(ballast))]
			clear(ballast[len(ballast):cap(ballast)])
			for len(ballast) < units {
				ballast = append(ballast, make([]byte, unit))
			}
			time.Sleep(2 * time.Second)
		}
		ask := func(want int) {
			t.Helper()
			res := webtest.Do(t, h, "GET /", nil)
			if res.Status != want || want == 503 && res.Header.Get("Retry-After") == "" {
				t.Errorf("%d units: %d %v", len(ballast), res.Status, res.Header)
			}
			if res := webtest.Do(t, h, "GET /free", nil); res.Status != 200 {
				t.Errorf("a route without the plug: %d", res.Status)
			}
		}
		collections := book.counters.Counter("web.memory.collections")

		hold(8)
		ask(200)
		if n := collections.Value(); n != 0 {
			t.Errorf("%d collections though there is room", n)
		}
		hold(11)
		ask(503)
		ask(503)
		if n := collections.Value(); n != 1 {
			t.Errorf("%d collections within 100 ms", n)
		}
		hold(8)
		ask(200)
		hold(0)
		ask(200)
		if n := book.counters.Counter("web.memory.refused").Value(); n != 2 {
			t.Errorf("%d refused", n)
		}
		runtime.KeepAlive(ballast)
	})
	for _, bad := range []*web.Memory{{Limit: -1}, {Share: -0.1}, {Share: 1.1}, {Share: math.NaN()}} {
		mustPanic(t, "a bad limit", func() { bad.Plug(say("")) })
	}
}

// TestMemoryGarbage has requests that leave much garbage: none is refused.
func TestMemoryGarbage(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // nobody else collects
	synctest.Test(t, func(t *testing.T) {
		memory := &web.Memory{Limit: lives() + 256<<20}
		h, book := guarded(memory.Plug(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			garbage := make([]byte, 32<<20)
			_, _ = w.Write(garbage[:1])
		})), slog.LevelInfo)
		for i := range 30 {
			if res := webtest.Do(t, h, "GET /", nil); res.Status != 200 {
				t.Fatalf("request %d: %d", i, res.Status)
			}
			time.Sleep(time.Second)
		}
		if n := book.counters.Counter("web.memory.collections").Value(); n < 2 || n > 10 {
			t.Errorf("%d collections", n)
		}
	})
}

// TestMemoryHysteresis goes just below the limit, which is not enough.
func TestMemoryHysteresis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := lives()
		const unit = 32 << 20
		memory := &web.Memory{Limit: before*10/9 + 10*unit, Share: 1} // bounds about 10 and 9 units above
		h := memory.Plug(say("x"))
		for _, step := range []struct{ eighths, status int }{
			{76, 200}, {84, 503}, {76, 503}, {66, 200}, {76, 200},
		} {
			ballast := make([]byte, step.eighths*unit/8)
			time.Sleep(2 * time.Second)
			runtime.GC()
			if res := webtest.Do(t, h, "GET /", nil); res.Status != step.status {
				t.Errorf("%d eighths: %d", step.eighths, res.Status)
			}
			runtime.KeepAlive(ballast)
		}
	})
}

func TestMemoryReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const cost = 64 << 20
		memory := &web.Memory{Limit: lives() + cost*7/2, Share: 1} // 3 fit, and some
		router := web.NewRouter()
		router.HandleFunc("GET /large", func(w http.ResponseWriter, r *http.Request) {
			page := make([]byte, cost)
			time.Sleep(time.Second)
			runtime.KeepAlive(page)
		}, memory.Reserve(cost))
		router.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("x") }, memory.Reserve(3*cost))
		router.HandleFunc("GET /small", say("x"), memory.Plug)
		h, _ := guarded(router, slog.LevelInfo)
		for range 3 { // what the requests before have left is garbage
			a, b, c, d := at(h, "/large"), at(h, "/large"), at(h, "/large"), at(h, "/large")
			if got := <-at(h, "/small"); got != "200 0s" {
				t.Errorf("a small one: %s", got)
			}
			if a, b, c, d := <-a, <-b, <-c, <-d; a != "200 1s" || b != "200 1s" || c != "200 1s" || d != "503 0s" {
				t.Error(a, b, c, d)
			}
			time.Sleep(time.Second)
			if got := <-at(h, "/panic"); got != "500 0s" {
				t.Error(got)
			}
		}
		queue := &web.Concurrency{Running: 3}
		h = web.Chain(h, queue.Plug)
		answers := make([]<-chan string, 6)
		time.Sleep(2 * time.Second)
		for i := range answers {
			answers[i] = at(h, "/large")
		}
		for i, answer := range answers[:3] { // the others wait, and may find garbage that cannot be collected yet
			if got := <-answer; got != "200 1s" {
				t.Errorf("request %d: %s", i, got)
			}
		}
		for _, answer := range answers[3:] {
			<-answer
		}
		mustPanic(t, "more than there is", func() { memory.Reserve(1 << 40) })
		mustPanic(t, "less than nothing", func() { memory.Reserve(-1) })
	})
}

func TestMemoryLimit(t *testing.T) {
	memory := new(web.Memory)
	h := memory.Reserve(1)(say("x"))
	if res := webtest.Do(t, h, "GET /", nil); res.Status != 200 {
		t.Errorf("the machine is full: %d", res.Status)
	}
	synctest.Test(t, func(t *testing.T) {
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 20))
		h := new(web.Memory).Plug(say("x")) // GOMEMLIMIT's, without reading anything else
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), "GET", "/", nil))
		if w.Code != 503 {
			t.Errorf("GOMEMLIMIT is exceeded: %d", w.Code)
		}
	})
}

func BenchmarkMemory(b *testing.B) {
	h := new(web.Memory).Plug(say("x"))
	benchmark(b, h)
}

func BenchmarkConcurrency(b *testing.B) {
	limit := &web.Concurrency{Running: 1}
	benchmark(b, limit.Plug(say("x")))
}
