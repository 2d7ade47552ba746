package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

const asJSON = "Content-Type: application/json"

type Page struct {
	Limit *int `query:"limit" json:"limit"`
}

type everything struct {
	ID   int64  `path:"id"`
	Slug string `path:"slug"`
	Page
	Text  string          `query:"text"`
	Small int8            `query:"small"`
	Byte  uint8           `query:"byte"`
	Big   uint64          `query:"big"`
	Ratio float64         `query:"ratio"`
	Short float32         `query:"short"`
	On    bool            `query:"on"`
	From  time.Time       `query:"from"`
	Until *time.Time      `query:"until"`
	Wait  time.Duration   `query:"wait"`
	Addr  netip.Addr      `query:"addr"`
	IP    net.IP          `query:"ip"`
	IDs   []int           `query:"ids"`
	Waits []time.Duration `query:"waits"`

	Name    string    `json:"name"`
	Lat     float64   `json:"lat"`
	Count   int8      `json:"count"`
	At      time.Time `json:"at"`
	Tags    []string  `json:"tags"`
	Inner   struct{ Deep int }
	Ignored string `json:"-"`
}

// decode is a router whose one action keeps its input.
func decode[In any](pattern string) (http.Handler, *In) {
	kept := new(In)
	router := web.NewRouter()
	router.Handle(pattern, web.JSON(func(_ context.Context, in In) (web.None, error) {
		*kept = in
		return web.None{}, nil
	}))
	return router, kept
}

func TestInput(t *testing.T) {
	h, got := decode[everything]("POST /units/{id}/{slug}")
	res := webtest.Do(t, h, "POST /units/-7/a%2Fb?limit=3&text=t&small=-128&byte=255&big=18446744073709551615&ratio=1e-3&short=0.5&on=true"+
		"&from=2026-01-31T12:00:00Z&until=2026-01-31T12:00:00.5%2B02:00&wait=1m30s&addr=::1&ip=127.0.0.1&ids=1&ids=2&waits=1s&other=x",
		`{"name":"n","lat":1.5,"count":-1,"at":"2026-01-31T12:00:00Z","tags":["a"],"Inner":{"Deep":1},"unknown":1,
		  "ID":99,"slug":"evil","limit":99,"Text":"evil","IDs":[9]}`, asJSON)
	if res.Status != 204 || res.Body != "" {
		t.Fatalf("%d %s", res.Status, res.Body)
	}
	limit := 3
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	until, _ := time.Parse(time.RFC3339, "2026-01-31T12:00:00.5+02:00")
	want := everything{
		ID: -7, Slug: "a/b", Page: Page{&limit}, Text: "t", Small: -128, Byte: 255, Big: math.MaxUint64, Ratio: 1e-3, Short: 0.5, On: true,
		From: noon, Until: &until, Wait: 90 * time.Second, Addr: netip.IPv6Loopback(), IP: net.IPv4(127, 0, 0, 1), IDs: []int{1, 2}, Waits: []time.Duration{time.Second},
		Name: "n", Lat: 1.5, Count: -1, At: noon, Tags: []string{"a"}, Inner: struct{ Deep int }{1},
	}
	if !got.Until.Equal(until) {
		t.Errorf("until = %v", got.Until)
	}
	got.Until = &until // its location is another pointer
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("got  %+v\nwant %+v", *got, want)
	}
}

func TestBodyCannotSetWhatIsTagged(t *testing.T) {
	h, got := decode[everything]("POST /units/{id}/{slug}")
	webtest.Do(t, h, "POST /units/7/s", `{"Text":"evil","IDs":[9],"limit":9,"Until":"2026-01-31T12:00:00Z","id":9}`, asJSON)
	if got.ID != 7 || got.Text != "" || got.IDs != nil || got.Limit != nil || got.Until != nil {
		t.Errorf("got %+v", got)
	}
}

func TestInputRefused(t *testing.T) {
	h, _ := decode[everything]("/units/{id}/{slug}")
	for _, c := range []struct {
		request, body, contentType string
		status                     int
		detail                     string
	}{
		{"GET /units/x/s", "", "", 400, "id in the path must be a whole number"},
		{"GET /units/1/s?small=128", "", "", 400, "small in the query must be a whole number from -128 to 127"},
		{"GET /units/1/s?byte=256", "", "", 400, "byte in the query must be a whole number from 0 to 255"},
		{"GET /units/1/s?byte=-1", "", "", 400, "byte in the query must be a whole number from 0 to 255"},
		{"GET /units/1/s?ratio=NaN", "", "", 400, "ratio in the query must be a number"},
		{"GET /units/1/s?ratio=-Inf", "", "", 400, "ratio in the query must be a number"},
		{"GET /units/1/s?short=1e39", "", "", 400, "short in the query must be a number"},
		{"GET /units/1/s?on=maybe", "", "", 400, "on in the query must be true or false"},
		{"GET /units/1/s?from=yesterday", "", "", 400, "from in the query must be a time like 2026-01-31T12:00:00Z"},
		{"GET /units/1/s?until=", "", "", 400, "until in the query must be a time like 2026-01-31T12:00:00Z"},
		{"GET /units/1/s?wait=5", "", "", 400, "wait in the query must be a duration like 1m30s"},
		{"GET /units/1/s?addr=1", "", "", 400, "addr in the query must be a well-formed addr"},
		{"GET /units/1/s?limit=a", "", "", 400, "limit in the query must be a whole number"},
		{"GET /units/1/s?ids=1&ids=b", "", "", 400, "ids in the query must be a whole number"},
		{"GET /units/1/s?on=1&on=1", "", "", 400, "on in the query may be given once"},
		{"GET /units/1/s?a=%25zz;&b=%25", "", "", 400, "the query string is malformed"},
		{"POST /units/1/s", "{}", "", 415, "the Content-Type must be application/json or application/x-www-form-urlencoded"},
		{"POST /units/1/s", "{}", "text/plain", 415, "the Content-Type must be application/json or application/x-www-form-urlencoded"},
		{"POST /units/1/s", "{}", "application/json;;", 415, "the Content-Type must be application/json or application/x-www-form-urlencoded"},
		{"POST /units/1/s", "", "application/json", 400, "the body is empty; it must be JSON"},
		{"POST /units/1/s", "", "", 400, "the body is empty; it must be JSON"},
		{"POST /units/1/s", " \n", "application/json", 400, "the body is empty; it must be JSON"},
		{"PUT /units/1/s", "{", "application/json", 400, "the body is not JSON: it goes wrong after 1 bytes"},
		{"PATCH /units/1/s", "{} {}", "application/json", 400, "the body is not JSON: it goes wrong after 4 bytes"},
		{"POST /units/1/s", `{"lat":NaN}`, "application/json", 400, "the body is not JSON: it goes wrong after 8 bytes"},
		{"POST /units/1/s", "[]", "application/json", 400, "the body must be an object, not an array"},
		{"POST /units/1/s", `{"name":1}`, "application/json", 400, "name must be a string, not a number"},
		{"POST /units/1/s", `{"lat":"1"}`, "application/json", 400, "lat must be a number, not a string"},
		{"POST /units/1/s", `{"count":128}`, "application/json", 400, "count must be a whole number from -128 to 127, not 128"},
		{"POST /units/1/s", `{"count":1.5}`, "application/json", 400, "count must be a whole number from -128 to 127, not 1.5"},
		{"POST /units/1/s", `{"lat":1e999}`, "application/json", 400, "lat must be a number, not 1e999"},
		{"POST /units/1/s", `{"tags":{}}`, "application/json", 400, "tags must be an array, not an object"},
		{"POST /units/1/s", `{"Inner":{"Deep":true}}`, "application/json", 400, "Inner.Deep must be a whole number, not true or false"},
		{"POST /units/1/s", `{"at":"now"}`, "application/json", 400, "a time must be like 2026-01-31T12:00:00Z, not now"},
		{"POST /units/1/s", `{"Addr":"x"}`, "application/json", 400, "the body has a value that is not accepted"},
		{"POST /units/1/s", `{}`, "application/json; charset=utf-8", 204, ""},
	} {
		var body any
		if c.body != "" {
			body = c.body
		}
		res := webtest.Do(t, h, c.request, body, "Content-Type: "+c.contentType, "Accept: text/html")
		var p struct{ Detail string }
		if res.Body != "" {
			res.JSON(&p)
		}
		if res.Status != c.status || p.Detail != c.detail {
			t.Errorf("%s %s: %d %q\nwant %d %q", c.request, c.body, res.Status, p.Detail, c.status, c.detail)
		}
	}
}

func TestBodyLimit(t *testing.T) {
	const small, standard = 100, 1 << 20
	action := web.JSON(func(_ context.Context, in struct{ S string }) (web.None, error) { return web.None{}, nil })
	body := func(size int) string { return `{"S":"` + strings.Repeat("x", size-8) + `"}` }
	for _, c := range []struct {
		h     http.Handler
		limit int
	}{
		{action, standard},
		{web.Chain(action, web.MaxBody(small)), small},
		{web.Chain(action, web.MaxBody(standard+1)), standard + 1},
		{web.Chain(action, web.MaxBody(1), web.MaxBody(small)), small},
	} {
		for size, status := range map[int]int{c.limit - 1: 204, c.limit: 204, c.limit + 1: 413} {
			if res := webtest.Do(t, c.h, "POST /", body(size), asJSON); res.Status != status {
				t.Errorf("limit %d, %d bytes: %d, want %d", c.limit, size, res.Status, status)
			}
			hidden := struct{ io.Reader }{strings.NewReader(body(size))} // its length is not announced
			res := webtest.Do(t, c.h, "POST /", hidden, asJSON)
			if res.Status != status || status == 413 && res.Header.Get("Connection") != "close" {
				t.Errorf("limit %d, %d bytes in chunks: %d, want %d", c.limit, size, res.Status, status)
			}
		}
	}
	if res := webtest.Do(t, web.Chain(action, web.MaxBody(small)), "POST /", nil); res.Status != 400 {
		t.Errorf("no body: %d", res.Status)
	}
	broken := io.MultiReader(strings.NewReader("{"), failing{})
	if res := webtest.Do(t, action, "POST /", broken, asJSON); res.Status != 400 {
		t.Errorf("broken body: %d", res.Status)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("cut") }

func TestWholeBody(t *testing.T) {
	h, got := decode[[]Page]("POST /")
	if res := webtest.Do(t, h, "POST /", `[{"limit":1},{"limit":2}]`, asJSON); res.Status != 204 || len(*got) != 2 || *(*got)[1].Limit != 2 {
		t.Errorf("%d %v", res.Status, *got)
	}
	raw, kept := decode[custom]("POST /")
	if res := webtest.Do(t, raw, "POST /", `7`, asJSON); res.Status != 204 || kept.text != "7" {
		t.Errorf("%d %v", res.Status, kept)
	}
}

type custom struct{ text string }

func (c *custom) UnmarshalJSON(b []byte) error {
	c.text = string(b)
	if c.text == "8" {
		return fault.Invalid.Errorf("not 8")
	}
	return nil
}

func TestOwnDecoderMaySayWhy(t *testing.T) {
	h, _ := decode[custom]("POST /")
	if res := webtest.Do(t, h, "POST /", `8`, asJSON); res.Status != 400 || !strings.Contains(res.Body, "not 8") {
		t.Errorf("%d %s", res.Status, res.Body)
	}
}

type byValue struct {
	N int `query:"n"`
}

func (v byValue) Validate() error {
	switch v.N {
	case 1:
		return errors.New("n must not be 1")
	case 2:
		return fault.Conflict.Errorf("2 is taken")
	case 3:
		return fault.Internal.Errorf("hunter2")
	}
	return nil
}

type byPointer struct {
	N int `query:"n"`
}

func (v *byPointer) Validate() error { return byValue(*v).Validate() }

func TestValidate(t *testing.T) {
	value, _ := decode[byValue]("GET /")
	pointer, _ := decode[byPointer]("GET /")
	for _, h := range []http.Handler{value, pointer} {
		for query, want := range map[string]struct {
			status int
			detail string
		}{
			"":     {204, ""},
			"?n=1": {400, `"detail":"n must not be 1"`},
			"?n=2": {409, `"detail":"2 is taken"`},
			"?n=3": {500, `"detail":"internal error"`},
		} {
			if res := webtest.Do(t, h, "GET /"+query, nil); res.Status != want.status || !strings.Contains(res.Body, want.detail) {
				t.Errorf("%s: %d %s", query, res.Status, res.Body)
			}
		}
	}
}

type created struct {
	ID     int
	status int
}

func (c created) StatusCode() int { return c.status }

type late struct{}

func (*late) StatusCode() int { return 201 }

func give[Out any](out Out, err error) http.Handler {
	return web.JSON(func(context.Context, web.None) (Out, error) { return out, err })
}

func TestOutput(t *testing.T) {
	for name, c := range map[string]struct {
		h      http.Handler
		status int
		body   string
	}{
		"struct":           {give(Page{}, nil), 200, `{"limit":null}`},
		"pointer":          {give(&Page{}, nil), 200, `{"limit":null}`},
		"text":             {give("<a>", nil), 200, "\"\\u003ca\\u003e\""},
		"none":             {give(web.None{}, nil), 204, ""},
		"nil pointer":      {give[*Page](nil, nil), 204, ""},
		"nil interface":    {give[any](nil, nil), 204, ""},
		"nil with status":  {give[*created](nil, nil), 204, ""},
		"nil slice":        {give[[]int](nil, nil), 200, "[]"},
		"nil map":          {give[map[string]int](nil, nil), 200, "{}"},
		"nil raw":          {give[json.RawMessage](nil, nil), 200, "null"},
		"slice":            {give([]int{1}, nil), 200, "[1]"},
		"status":           {give(created{7, 201}, nil), 201, `{"ID":7}`},
		"status of *T":     {give(&created{7, 202}, nil), 202, `{"ID":7}`},
		"no content":       {give(created{7, 204}, nil), 204, ""},
		"status 199":       {give(created{7, 199}, nil), 500, "internal error"},
		"status 599":       {give(created{7, 599}, nil), 599, `{"ID":7}`},
		"status 600":       {give(created{7, 600}, nil), 500, "internal error"},
		"cannot be JSON":   {give(math.NaN(), nil), 500, "internal error"},
		"error":            {give(Page{}, fault.NotFound.Errorf("gone")), 404, "gone"},
		"error over value": {give(&Page{}, context.Canceled), 499, "canceled"},
	} {
		res := webtest.Do(t, c.h, "POST /", "ignored")
		if res.Status != c.status || !strings.Contains(res.Body, c.body) || c.body == "" && res.Body != "" {
			t.Errorf("%s: %d %s", name, res.Status, res.Body)
		}
		if c.status < 300 && c.status != 204 && res.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: Content-Type %q", name, res.Header.Get("Content-Type"))
		}
	}
}

func TestOutputThatCannotBeEncodedIsLogged(t *testing.T) {
	h, book := guarded(give(math.Inf(1), nil), slog.LevelInfo)
	webtest.Do(t, h, "GET /", nil)
	if l := book.lines(t, "request")[0]; !strings.Contains(l["error"].(string), "cannot encode float64") {
		t.Errorf("log = %v", l)
	}
}

func accept[In any]() {
	web.JSON(func(context.Context, In) (web.None, error) { return web.None{}, nil })
}

func TestTypesThatCannotBeInput(t *testing.T) {
	for what, f := range map[string]func(){
		"int":       accept[int],
		"pointer":   accept[*Page],
		"interface": accept[any],
		"both tags": accept[struct {
			A string `path:"a" query:"a"`
		}],
		"not exported": accept[struct {
			a string `query:"a"`
		}],
		"empty tag": accept[struct {
			A string `query:""`
		}],
		"chan": accept[struct {
			A chan int `query:"a"`
		}],
		"bytes": accept[struct {
			A []byte `query:"a"`
		}],
		"complex": accept[struct {
			A complex128 `query:"a"`
		}],
		"struct": accept[struct {
			A struct{} `query:"a"`
		}],
		"interface field": accept[struct {
			A any `query:"a"`
		}],
		"two pointers": accept[struct {
			A **int `query:"a"`
		}],
		"path pointer": accept[struct {
			A *int `path:"a"`
		}],
		"path slice": accept[struct {
			A []int `path:"a"`
		}],
		"slices": accept[struct {
			A [][]int `query:"a"`
		}],
		"embedded *":      accept[struct{ *Page }],
		"nil function":    func() { web.JSON[web.None, web.None](nil) },
		"StatusCode of *": func() { give(late{}, nil) },
	} {
		if text := mustPanic(t, what, f); !strings.HasPrefix(text, "web: ") {
			t.Errorf("%s: panic %q", what, text)
		}
	}
}

func FuzzInput(f *testing.F) {
	f.Add("POST", "7", "limit=3&ids=1&ids=2&from=2026-01-31T12:00:00Z", "application/json", `{"name":"n","lat":1.5}`)
	f.Add("PUT", "x", "ratio=NaN;&%zz", "application/json; charset=utf-8", `{"at":"2026-13-31T12:00:00Z","Inner":{"Deep":1e99}}`)
	f.Add("PATCH", "", "wait=1h&addr=::1%25eth0&ip=1.2.3.4&big=-1", "text/plain", "null")
	f.Add("POST", "-0", "small=+1&on=T&short=0x1p-2&waits=-1ns", "application/json", `{"Addr":"::","IP":"?","Waits":[1],"ID":1,"\ud800":0}`)
	action := web.JSON(func(_ context.Context, in everything) (everything, error) { return in, nil })
	f.Fuzz(func(t *testing.T, method, id, query, contentType, body string) {
		r := &http.Request{
			Method: method,
			URL:    &url.URL{RawQuery: query},
			Header: http.Header{"Content-Type": {contentType}},
			Body:   io.NopCloser(strings.NewReader(body)),
		}
		r.SetPathValue("id", id)
		w := httptest.NewRecorder()
		action.ServeHTTP(w, r)
		switch w.Code {
		case 200, 400, 413, 415:
			if !json.Valid(w.Body.Bytes()) {
				t.Errorf("%d: %q is not JSON", w.Code, w.Body)
			}
		default:
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	})
}
