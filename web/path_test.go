package web_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

type postRef struct {
	User int64     `path:"user"`
	Post string    `path:"post"`
	Page int       `query:"page"`
	Tags []string  `query:"tag"`
	Day  time.Time `query:"day"`
	Top  *bool     `query:"top"`
}

const (
	userPath web.Path[int64]   = "/users/{id}"
	filePath web.Path[string]  = "/files/{path...}"
	postPath web.Path[postRef] = "/users/{user}/posts/{post}"
)

func TestPathURL(t *testing.T) {
	no := false
	day := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	for got, want := range map[string]string{
		userPath.URL(42):                            "/users/42",
		userPath.URL(-1):                            "/users/-1",
		filePath.URL("a b/c?d/é"):                   "/files/a%20b/c%3Fd/%C3%A9",
		postPath.URL(postRef{User: 7, Post: "a/b"}): "/users/7/posts/a%2Fb",
		postPath.URL(postRef{Post: "x", Page: 2, Tags: []string{"b", "a&"}, Day: day, Top: &no}): "/users/0/posts/x?day=2026-01-31T00%3A00%3A00Z&page=2&tag=b&tag=a%26&top=false",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestPathLeadsToItsRoute(t *testing.T) {
	router := web.NewRouter()
	users := router.Scope("/users")
	var got postRef
	postPath.Handle(users, "GET", web.JSON(func(_ context.Context, in postRef) (web.None, error) {
		got = in
		return web.None{}, nil
	}))
	want := postRef{User: 7, Post: "ä/%2F ?#", Page: 3}
	if res := webtest.Do(t, router, "GET "+postPath.URL(want), nil); res.Status != 204 || got.Post != want.Post || got.User != 7 || got.Page != 3 {
		t.Errorf("%d, %+v", res.Status, got)
	}
}

func TestPathMistakes(t *testing.T) {
	type other struct {
		ID int `path:"id"`
	}
	none := web.JSON(func(context.Context, web.None) (web.None, error) { return web.None{}, nil })
	for what, c := range map[string]struct {
		wire func(*web.Router)
		text string
	}{
		"outside":       {func(r *web.Router) { userPath.Handle(r.Scope("/posts"), "GET", none) }, "outside"},
		"half a name":   {func(r *web.Router) { userPath.Handle(r.Scope("/use"), "GET", none) }, "outside"},
		"no such param": {func(r *web.Router) { web.Path[other]("/{name}").Handle(r, "GET", none) }, "no parameter for {name}"},
		"stray":         {func(r *web.Router) { web.Path[other]("/x").Handle(r, "GET", none) }, "no {id}"},
		"two for one":   {func(r *web.Router) { web.Path[int]("/{a}/{b}").Handle(r, "GET", none) }, "there are 2"},
		"unclosed":      {func(r *web.Router) { web.Path[int]("/{a").Handle(r, "GET", none) }, "no end"},
		"no text":       {func(r *web.Router) { web.Path[[]int]("/{a}").Handle(r, "GET", none) }, "no parameter for {a}"},
	} {
		if text := mustPanic(t, what, func() { c.wire(web.NewRouter()) }); !strings.HasPrefix(text, "web: ") || !strings.Contains(text, c.text) {
			t.Errorf("%s: %q", what, text)
		}
	}
}
