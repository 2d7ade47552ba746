package webtest_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/bennu-go/bennu/web/webtest"
)

type notesKey struct{}

// notes is a plug that keeps a note in a cookie for the next request, and takes it out
// there, as a flash is kept.
func notes(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var note, leave string
		if c, err := r.Cookie("note"); err == nil {
			note = c.Value
			http.SetCookie(w, &http.Cookie{Name: "note", Path: "/", MaxAge: -1})
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), notesKey{}, [2]*string{&note, &leave})))
		if leave != "" {
			http.SetCookie(w, &http.Cookie{Name: "note", Value: leave, Path: "/"})
		}
	})
}

func note(ctx context.Context) string        { return *ctx.Value(notesKey{}).([2]*string)[0] }
func leave(ctx context.Context, text string) { *ctx.Value(notesKey{}).([2]*string)[1] = text }

func TestPeekAndPrepare(t *testing.T) {
	show := notes(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(note(r.Context()))) }))
	c := webtest.New(t, show)
	c.Prepare(notes, func(ctx context.Context) { leave(ctx, "saved") })
	for range 2 {
		c.Peek(notes, func(ctx context.Context) {
			if got := note(ctx); got != "saved" {
				t.Errorf("got %q", got)
			}
		})
	}
	if got := c.Get("/x").Body; got != "saved" {
		t.Errorf("the page shows %q", got)
	}
	if got := c.Get("/x").Body; got != "" {
		t.Errorf("the page after it shows %q", got)
	}
	mustSay(t, func(t testing.TB) {
		refuse := func(http.Handler) http.Handler { return answer(403, "text/plain", "no") }
		webtest.New(t, show).Peek(refuse, func(context.Context) {})
	}, "the plug has answered by itself\n\nGET https://example.test/: 403 Forbidden")
}
