package web_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

// page renders itself; an empty one half of itself, and then fails.
type page string

func (p page) Render(_ context.Context, w io.Writer) error {
	if p == "" {
		_, _ = io.WriteString(w, "half")
		return errors.New("a secret")
	}
	_, err := io.WriteString(w, string(p))
	return err
}

type both struct {
	Name string `json:"name"`
}

func (b *both) Render(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "<p>"+b.Name)
	return err
}

func TestPage(t *testing.T) {
	type in struct {
		What string `path:"what"`
	}
	router := web.NewRouter(web.Recover)
	router.Handle("GET /{what}", web.Page(func(_ context.Context, in in) (web.View, error) {
		switch in.What {
		case "status":
			return web.WithStatus(422, page("<p>again")), nil
		case "away":
			return web.RedirectTo("/x"), nil
		case "none":
			return nil, nil
		case "half":
			return page(""), nil
		case "unknown":
			return nil, fault.NotFound.Errorf("no <such> page")
		}
		return page("<p>" + in.What), nil
	}))
	for request, want := range map[string]struct {
		status int
		body   string
	}{
		"GET /x":      {200, "<p>x"},
		"GET /status": {422, "<p>again"},
		"GET /away":   {303, ""},
		"GET /none":   {204, ""},
	} {
		if res := webtest.Do(t, router, request, nil); res.Status != want.status || res.Body != want.body {
			t.Errorf("%s: %d %s", request, res.Status, res.Body)
		}
	}
	for request, status := range map[string]int{"GET /half": 500, "GET /unknown": 404} {
		res := webtest.Do(t, router, request, nil)
		if res.Status != status || res.Header.Get("Content-Type") != "text/html; charset=utf-8" || res.Body[:9] != "<!doctype" {
			t.Errorf("%s: %d %s", request, res.Status, res.Body)
		}
	}
}

func TestJSONOrPage(t *testing.T) {
	h := web.JSON(func(context.Context, web.None) (*both, error) { return &both{"ada"}, nil })
	for accept, want := range map[string]string{
		"*/*":                        `{"name":"ada"}`,
		"application/json":           `{"name":"ada"}`,
		"text/html, */*;q=0.8":       "<p>ada",
		"text/html;q=0.3, */*;q=0.8": `{"name":"ada"}`,
		"text/html;q=x, */*;q=0.8":   `{"name":"ada"}`,
		"application/*;q=.5, TEXT/*": "<p>ada",
		"image/png":                  `{"name":"ada"}`,
	} {
		res := webtest.Do(t, h, "GET /", nil, "Accept: "+accept)
		if res.Body != want || res.Header.Get("Vary") != "Accept" {
			t.Errorf("%s: %s", accept, res.Body)
		}
	}
	none := web.JSON(func(context.Context, web.None) (*both, error) { return nil, nil })
	if res := webtest.Do(t, none, "GET /", nil, "Accept: text/html"); res.Status != 204 {
		t.Errorf("nil: %d", res.Status)
	}
}

func TestAccepts(t *testing.T) {
	router := web.NewRouter()
	api := router.Scope("/api", web.Accepts("json"))
	fail := web.Action(func(*web.Conn) error { return fault.NotFound })
	api.Handle("GET /x", fail)
	router.Scope("/page", web.Accepts("html", "json")).Handle("GET /x", fail)
	router.Scope("/html", web.Accepts("html")).Handle("GET /x", fail)
	for request, want := range map[[2]string]string{
		{"GET /api/x", "text/html, */*;q=0.1"}: "404 application/problem+json",
		{"GET /api/x", "text/html"}:            "406 application/problem+json",
		{"GET /api/x", "application/json"}:     "404 application/problem+json",
		{"GET /page/x", "text/html"}:           "404 text/html; charset=utf-8",
		{"GET /page/x", "*/*"}:                 "404 text/html; charset=utf-8",
		{"GET /page/x", "application/json"}:    "404 application/problem+json",
		{"GET /page/x", "text/event-stream"}:   "404 application/problem+json",
		{"GET /html/x", "application/json"}:    "406 application/problem+json",
		{"GET /page/x", "application/xml"}:     "406 text/html; charset=utf-8",
	} {
		res := webtest.Do(t, router, request[0], nil, "Accept: "+request[1])
		if got := http.StatusText(res.Status); res.Header.Get("Content-Type") != want[4:] || res.Status != int(want[0]-'0')*100+int(want[1]-'0')*10+int(want[2]-'0') {
			t.Errorf("%v: %s, %s", request, got, res.Header.Get("Content-Type"))
		}
	}
	mustPanic(t, "no format", func() { web.Accepts() })
	mustPanic(t, "an odd format", func() { web.Accepts("pdf") })
}

func TestErrorPages(t *testing.T) {
	broken := false
	router := web.NewRouter(web.ErrorPages(func(_ context.Context, p web.ProblemDetails) web.View {
		switch {
		case broken:
			return page("")
		case p.Status == 405:
			return nil
		}
		return page("<h1>ours: " + p.Detail)
	}))
	router.HandleFunc("GET /x", say("x"))
	if res := webtest.Do(t, router, "GET /y", nil, "Accept: text/html"); res.Status != 404 || res.Body != "<h1>ours: there is nothing at this address" {
		t.Errorf("%d %s", res.Status, res.Body)
	}
	if res := webtest.Do(t, router, "PUT /x", nil, "Accept: text/html"); res.Status != 405 || res.Body[:9] != "<!doctype" {
		t.Errorf("%d %s", res.Status, res.Body)
	}
	if res := webtest.Do(t, router, "GET /y", nil); res.Header.Get("Content-Type") != "application/problem+json" {
		t.Error(res.Body)
	}
	broken = true
	if res := webtest.Do(t, router, "GET /y", nil, "Accept: text/html"); res.Status != 404 || res.Body[:9] != "<!doctype" {
		t.Errorf("%d %s", res.Status, res.Body)
	}
}

type signup struct {
	Email string `json:"email"`
}

func (s signup) Validate() error {
	wrong := fault.Fields{}
	if s.Email == "" {
		wrong.Add("email", "can't be blank")
	}
	return fault.Refuse(wrong)
}

func TestRefusedFields(t *testing.T) {
	h := web.JSON(func(context.Context, signup) (web.None, error) { return web.None{}, nil })
	res := webtest.Do(t, h, "POST /", `{}`, asJSON)
	want := `{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"email can't be blank","errors":{"email":["can't be blank"]}}`
	if res.Status != 422 || res.Body != want {
		t.Errorf("%d %s", res.Status, res.Body)
	}
	if res := webtest.Do(t, h, "POST /", `{"email":"a@b"}`, asJSON); res.Status != 204 {
		t.Errorf("%d %s", res.Status, res.Body)
	}
}

type purchase struct {
	Shop  string `path:"shop" validate:"slug"`
	Count *int   `query:"count" validate:"min=1,max=9"`
	Page  int    `query:"page" validate:"required"`
	Key   string `header:"X-Key" validate:"required,len=4"`
	Name  string `json:"name" validate:"required,max=5"`
	Seats int    `json:"seats" validate:"required"`
	Lines []struct {
		SKU string `json:"sku" validate:"required"`
	} `json:"lines" validate:"max=2"`
}

func (o purchase) Validate() error {
	if o.Name == "Bobby" {
		return fault.Refuse(fault.Fields{"name": {"is taken"}})
	}
	return nil
}

func TestValidation(t *testing.T) {
	router := web.NewRouter()
	router.Handle("POST /shops/{shop}", web.JSON(func(context.Context, purchase) (web.None, error) { return web.None{}, nil }))
	for _, c := range []struct {
		target, body, key string
		fields            []string
	}{
		{"/shops/a-b?page=0&count=9", `{"name":"Ada","seats":0}`, "1234", nil},
		{"/shops/A?page=1&count=10", `{"name":"Ada","seats":1}`, "123", []string{"X-Key", "count", "shop"}},
		{"/shops/a", `{"name":" "}`, "", []string{"X-Key", "name", "page", "seats"}},
		{"/shops/a?page=1&count=0", `{"name":"Charles","seats":null,"lines":[{"sku":"a"},{}]}`, "1234", []string{"count", "lines.1.sku", "name", "seats"}},
		{"/shops/a?page=1", `{"name":"Ada","seats":1,"lines":[{"sku":"a"},{"sku":"b"},{"sku":"c"}]}`, "1234", []string{"lines"}},
		{"/shops/a?page=1", `{"name":"Bobby","seats":1}`, "1234", []string{"name"}},
	} {
		res := webtest.Do(t, router, "POST "+c.target, c.body, asJSON, "X-Key: "+c.key)
		if c.fields == nil {
			if res.Status != 204 {
				t.Errorf("%s: %d %s", c.target, res.Status, res.Body)
			}
			continue
		}
		var problem web.ProblemDetails
		res.JSON(&problem)
		if got := slices.Sorted(maps.Keys(problem.Errors)); res.Status != 422 || !slices.Equal(got, c.fields) {
			t.Errorf("%s: %d %s", c.target, res.Status, res.Body)
		}
	}
	mustPanic(t, "a wrong tag", func() {
		web.JSON(func(context.Context, struct {
			On bool `query:"on" validate:"min=1"`
		}) (web.None, error) {
			return web.None{}, nil
		})
	})
}
