package web_test

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

type booking struct {
	ID      int64            `path:"id"`
	Name    string           `json:"name" validate:"required"`
	Seats   *int             `json:"seats" validate:"max=8"`
	Day     time.Time        `json:"day"`
	Window  bool             `json:"window"`
	Tags    []string         `json:"tags"`
	Address address          `json:"address"`
	User    changeset.Params `form:"user" json:"user"`
}

type address struct {
	City string `json:"city" validate:"max=5"`
	Zip  int    `json:"zip"`
}

func TestInputFromAForm(t *testing.T) {
	var got booking
	router := web.NewRouter()
	router.Handle("POST /{id}", web.JSON(func(_ context.Context, in booking) (web.None, error) {
		got = in
		return web.None{}, nil
	}))
	b := webtest.New(t, router)
	b.Post("/7", url.Values{
		"id": {"8"}, "name": {"Ada"}, "seats": {"3"}, "day": {"2026-01-31"}, "window": {"on"}, "tags[]": {"a", "b"},
		"address[city]": {"Bern"}, "address[zip]": {"3000"}, "user[name]": {"Bob"}, "user[tags][]": {"x"}, "_csrf_token": {"t"},
	}).Is(204)
	if got.ID != 7 || got.Name != "Ada" || *got.Seats != 3 || got.Day.Day() != 31 || !got.Window || !slices.Equal(got.Tags, []string{"a", "b"}) ||
		got.Address != (address{"Bern", 3000}) || fmt.Sprint(got.User["name"], got.User["tags"]) != "Bob[x]" {
		t.Errorf("got %+v", got)
	}
	b.Post("/7", url.Values{"name": {"Ada"}, "seats": {" "}, "day": {""}, "window": {""}}).Is(204)
	if got.Seats != nil || !got.Day.IsZero() || got.Window || got.User == nil {
		t.Errorf("left empty: %+v", got)
	}
	for _, c := range []struct {
		form   url.Values
		fields []string
	}{
		{url.Values{"name": {" "}, "seats": {"9"}}, []string{"name", "seats"}},
		{url.Values{"name": {"Ada"}, "seats": {"many"}, "address[zip]": {"x"}}, []string{"address.zip", "seats"}},
		{url.Values{"name": {"Ada"}, "address[city]": {"Winterthur"}}, []string{"address.city"}},
	} {
		res := b.Post("/7", c.form).Is(422)
		var p web.ProblemDetails
		res.JSON(&p)
		if fields := slices.Sorted(maps.Keys(p.Errors)); !slices.Equal(fields, c.fields) {
			t.Errorf("%v: %s", c.form, res)
		}
	}
	const form = "Content-Type: application/x-www-form-urlencoded"
	for body, status := range map[string]int{
		"name=%zz": 400, "name=a&name=b": 400, "a[b=c": 400, "name=%ff": 400, strings.Repeat("a[]=1&", 1100): 400, strings.Repeat("x", 1<<20+1): 413,
	} {
		if res := webtest.Do(t, router, "POST /7", body, form); res.Status != status {
			t.Errorf("%.20s: %d %s", body, res.Status, res.Body)
		}
	}
	list := web.JSON(func(context.Context, []int) (web.None, error) { return web.None{}, nil })
	if res := webtest.Do(t, list, "POST /", "a=1", form); res.Status != 415 {
		t.Errorf("a list from a form: %d", res.Status)
	}
}

func TestParams(t *testing.T) {
	router := web.NewRouter()
	router.Handle("/users/{id}/{rest...}", web.Action(func(c *web.Conn) error {
		params, err := c.Params()
		if err != nil {
			return err
		}
		return c.Text(200, fmt.Sprintf("%v %v %v %v", params["id"], params["rest"], params["a"], params.Sub("user")["name"]))
	}))
	const form = "Content-Type: application/x-www-form-urlencoded"
	for _, c := range []struct{ request, body, contentType, want string }{
		{"GET /users/7/x/y?a=1&user[name]=Ada", "", "", "7 x/y 1 Ada"},
		{"POST /users/7/x?a=1&id=9", "a=2&user[name]=Bob&id=8", form, "7 x 2 Bob"},
		{"POST /users/7/x?a=1", `{"a":3,"user":{"name":"Eve"}}`, asJSON, "7 x 3 Eve"},
		{"POST /users/7/x?a=1", "a=2", "Content-Type: text/plain", "7 x 1 <nil>"},
	} {
		headers := []string{}
		if c.contentType != "" {
			headers = append(headers, c.contentType)
		}
		if res := webtest.Do(t, router, c.request, c.body, headers...); res.Body != c.want {
			t.Errorf("%s: %d %q, want %q", c.request, res.Status, res.Body, c.want)
		}
	}
	for request, body := range map[string]string{"POST /users/7/x?a[=1": "", "POST /users/7/x": "{", "PUT /users/7/x?b=%zz": "{}"} {
		if res := webtest.Do(t, router, request, body, asJSON); res.Status != 400 {
			t.Errorf("%s: %d", request, res.Status)
		}
	}
}
