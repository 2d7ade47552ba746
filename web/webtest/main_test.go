package webtest_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/web/webtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pretend is a test that may fail.
type pretend struct {
	testing.TB
	said     []string
	cleanups []func()
}

func (p *pretend) Helper()           {}
func (p *pretend) Cleanup(do func()) { p.cleanups = append(p.cleanups, do) }
func (p *pretend) Errorf(s string, a ...any) {
	p.said = append(p.said, fmt.Sprintf(s, a...))
}
func (p *pretend) Fatalf(s string, a ...any) { p.Errorf(s, a...); runtime.Goexit() }

// said gives what a test says when it fails, or "".
func said(t testing.TB, test func(t testing.TB)) string {
	t.Helper()
	p := &pretend{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for i := range p.cleanups {
				p.cleanups[len(p.cleanups)-1-i]()
			}
		}()
		test(p)
	}()
	<-done
	return strings.Join(p.said, "\n")
}

// mustSay asserts that a test fails, and with these words.
func mustSay(t testing.TB, test func(t testing.TB), words ...string) {
	t.Helper()
	got := said(t, test)
	if got == "" {
		t.Errorf("it did not fail; want %q", words)
	}
	for _, word := range words {
		if !strings.Contains(got, word) {
			t.Errorf("it said:\n%s\nwant %q", got, word)
		}
	}
}

// answer is a handler that always answers so.
func answer(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// get is the page of that HTML.
func get(t testing.TB, page string) *webtest.Response {
	t.Helper()
	return webtest.New(t, answer(200, "text/html", page)).Get("/list/")
}

// echo answers with what it was asked.
func echo(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseMultipartForm(1 << 20); err != nil && err != http.ErrNotMultipart {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, "%s %s %s\n%s", r.Method, r.Host, r.URL, r.Form.Encode())
	if r.MultipartForm != nil {
		for name, files := range r.MultipartForm.File {
			for _, f := range files {
				fmt.Fprintf(w, "\n%s: %q %s %d", name, f.Filename, f.Header.Get("Content-Type"), f.Size)
			}
		}
	}
}
