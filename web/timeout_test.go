package web_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

func TestTimeoutPassesAbortsOn(t *testing.T) {
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("got %v", v)
		}
	}()
	h := web.Timeout(time.Minute)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

func TestTimeoutKeepsTrailers(t *testing.T) {
	e, _, client, _ := serve(t, &web.Endpoint{Handler: web.Timeout(time.Minute)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Sum")
		_, _ = io.WriteString(w, "body")
		w.Header().Set("Sum", "7")
	}))})
	res, err := client.Get(e.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); err != nil || res.Trailer.Get("Sum") != "7" {
		t.Errorf("%v, %v", res.Trailer, err)
	}
}

func TestTimeoutCutsABlockedWrite(t *testing.T) {
	h := web.Timeout(20 * time.Millisecond)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for chunk := make([]byte, 1<<20); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	returned := make(chan struct{})
	e, _, _, _ := serve(t, &web.Endpoint{Drain: -1, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(returned)
		h.ServeHTTP(w, r)
	})})
	conn := dial(t, e)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	select {
	case <-returned:
	case <-time.After(5 * time.Second):
		t.Fatal("the handler's time does not end while a write blocks")
	}
}

func TestTimeoutAndTheBodysLimit(t *testing.T) {
	read := make(chan int, 1)
	h := web.Chain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		data, _ := io.ReadAll(r.Body) // refused, closed, or read away by the server already
		read <- len(data)
	}), web.MaxBody(3), web.Timeout(10*time.Millisecond))
	e, _, client, _ := serve(t, &web.Endpoint{Handler: h})
	for range 20 {
		res, err := client.Post(e.URL(), "text/plain", strings.NewReader("more than three"))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if n := <-read; res.StatusCode != 504 || n > 3 {
			t.Errorf("%d, %d bytes", res.StatusCode, n)
		}
	}
}

func TestTimeoutWithoutAClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a goroutine that goes on when the request is over harms nobody
		const after web.Key[int] = "after"
		h := web.Timeout(time.Second)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(2 * time.Second)
			after.Put(r.Context(), 1)
			web.BeforeSend(r.Context(), func(h http.Header) { h.Set("Late", "1") })
			w.WriteHeader(200)
			web.Problem(w, r, errors.New("late"))
		}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		time.Sleep(3 * time.Second)
		if w.Code != 504 || w.Header().Get("Late") != "" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	})
}

// What a plug before has put into the request's context is there behind Timeout, too.
func TestTimeoutKeepsTheContext(t *testing.T) {
	type key struct{}
	before := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, "de")))
		})
	}
	const user web.Key[string] = "user"
	router := web.NewRouter(before)
	router.HandleFunc("GET /", func(_ http.ResponseWriter, r *http.Request) {
		user.Put(r.Context(), "ada") // which must not panic: it is still a request's
		if r.Context().Value(key{}) != "de" || user.Value(r.Context()) != "ada" {
			t.Errorf("the context has %v, %q", r.Context().Value(key{}), user.Value(r.Context()))
		}
	}, web.Timeout(time.Minute))
	webtest.Do(t, router, "GET /", nil).Is(200)
}
