package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web"
)

// ask has a handler answer what a fuzzer has found, in no case with a panic.
func ask(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// A request of any kind is decoded, or refused as the client's mistake.
func FuzzActionInput(f *testing.F) {
	type nested struct {
		At   time.Time `json:"at"`
		List []float64 `json:"list"`
	}
	type input struct {
		ID    int64         `path:"id"`
		Word  string        `query:"word"`
		Tags  []uint16      `query:"-tag"`
		Maybe *bool         `query:"maybe"`
		Wait  time.Duration `query:"wait"`
		Since time.Time     `header:"X-Since"`
		Ratio float32       `header:"X-Ratio"`
		Name  string        `json:"name"`
		In    nested        `json:"in"`
		Rest  any           `json:"rest"`
	}
	router := web.NewRouter()
	router.Handle("POST /in/{id}", web.JSON(func(_ context.Context, in input) (input, error) { return in, nil }))
	f.Add("7", "word=a&-tag=1&-tag=2&maybe=true&wait=1m", "2026-01-31T12:00:00Z", "0.5", `{"name":"n","in":{"at":"2026-01-31T12:00:00Z","list":[1,2e3]},"rest":[null]}`, "application/json")
	f.Add("-1", "word=%ff;", "", "NaN", `name=n&in.at=x&rest=1`, "application/x-www-form-urlencoded")
	f.Add("9223372036854775808", "-tag=256", "x", "1e39", strings.Repeat("[", 100), "application/json; charset=utf-16")
	f.Add("a/b", "%", "\x00", "0x1p-2", "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nn\r\n--b--", "multipart/form-data; boundary=b")
	f.Fuzz(func(t *testing.T, id, query, since, ratio, body, contentType string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.URL = &url.URL{Path: "/in/" + id, RawPath: "/in/" + url.PathEscape(id), RawQuery: query}
		r.Header = http.Header{"X-Since": {since}, "X-Ratio": {ratio}, "Content-Type": {contentType}}
		w := ask(router, r)
		switch {
		case w.Code >= 500:
			t.Errorf("%d %s", w.Code, w.Body)
		case w.Code < 300 && !json.Valid(w.Body.Bytes()):
			t.Errorf("no JSON: %s", w.Body)
		case w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json":
			t.Errorf("%d %v", w.Code, w.Header())
		}
	})
}

type fuzzRef struct {
	Text string   `path:"text"`
	N    int64    `path:"n"`
	X    float64  `path:"x"`
	OK   bool     `path:"ok"`
	Q    string   `query:"q"`
	Many []string `query:"many"`
}

const (
	fuzzPath web.Path[fuzzRef] = "/p/{text}/{n}/{x}/{ok}"
	restPath web.Path[string]  = "/rest/{path...}"
)

// What a link is made of is what its route gets. Only an empty part of a path, which no
// link can have, is lost.
func FuzzPathRoundTrip(f *testing.F) {
	router := web.NewRouter()
	var got fuzzRef
	fuzzPath.Handle(router, "GET", web.JSON(func(_ context.Context, in fuzzRef) (web.None, error) { got = in; return web.None{}, nil }))
	var rest string
	restPath.Handle(router, "GET", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { rest = r.PathValue("path") }))
	for _, text := range []string{"", ".", "..", "a b", "a/b", "../x", "%2e", "ü", "\xff", "?a=b#c", "{x}", "//", "a//b", "a/./b", ";", "+", "\\", "\x00\r\n"} {
		f.Add(text, int64(-7), 1.5, true)
	}
	f.Fuzz(func(t *testing.T, text string, n int64, x float64, ok bool) {
		if x-x != 0 {
			x = 0 // no number
		}
		want := fuzzRef{text, n, x, ok, text, nil}
		if text != "" {
			want.Many = []string{text, "b"}
		}
		w := follow(t, router, fuzzPath.URL(want))
		switch {
		case (strings.ContainsRune(text, 0) || !utf8.ValidString(text)) && w.Code == 400: // no text
		case text == "" && w.Code == 307: // to the path without it
		case text == "/" && w.Code == 404: // net/http takes it for the end of a path
		case w.Code != 204 || fmt.Sprint(got) != fmt.Sprint(want):
			t.Errorf("%s: %d, got %+v, want %+v: %s", fuzzPath.URL(want), w.Code, got, want, w.Body)
		}
		if slices.Contains(strings.Split(text, "/")[:max(0, strings.Count(text, "/"))], "") {
			return // a part of it is empty
		}
		if w := follow(t, router, restPath.URL(text)); w.Code != 200 || rest != text {
			t.Errorf("%s: %d, got %q, want %q", restPath.URL(text), w.Code, rest, text)
		}
	})
}

// follow asks as a client does that reads the link from a page.
func follow(t *testing.T, h http.Handler, link string) *httptest.ResponseRecorder {
	base := &url.URL{Scheme: "https", Host: "site.example", Path: "/base/"}
	u, err := base.Parse(link)
	if err != nil || u.Host != base.Host {
		t.Fatalf("%q: %v, %v", link, u, err)
	}
	return ask(h, httptest.NewRequest("GET", u.RequestURI(), nil))
}

func FuzzAccepts(f *testing.F) {
	h := web.Chain(say("x"), web.Accepts("json", "html", "csv"))
	for _, accept := range []string{"", "*/*", "text/html, */*;q=0.1", "application/json;q=0", "text/*;q=0.5, text/html;q=0.4", ",,;", "*/*;q=NaN", "text/html;q=1.001", "TEXT/HTML ; Q=0.5", strings.Repeat("a/b,", 1000)} {
		f.Add(accept, "")
	}
	f.Add("text/html;q=0", "*/*")
	f.Fuzz(func(t *testing.T, first, second string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Accept"] = []string{first, second}
		if w := ask(h, r); w.Code != 200 && w.Code != 406 {
			t.Errorf("%d", w.Code)
		}
		r.Header["Accept"] = []string{first, "application/json"}
		if w := ask(h, r); w.Code != 200 && !strings.Contains(strings.ToLower(first), "json") {
			t.Errorf("%q: JSON is wanted: %d", first, w.Code)
		}
	})
}

func FuzzForwardedFor(f *testing.F) {
	trusted := netip.MustParsePrefix("10.0.0.0/8")
	var remote, scheme string
	h := web.Chain(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { remote, scheme = r.RemoteAddr, r.URL.Scheme }), web.RealIP("10.0.0.0/8"))
	f.Add("10.0.0.1:1", "1.2.3.4", "https")
	f.Add("10.0.0.1:1", "1.2.3.4, 10.0.0.2, ::ffff:10.0.0.3", "HTTP")
	f.Add("[::ffff:10.0.0.1]:1", "fe80::1%eth0", "javascript")
	f.Add("10.0.0.1", ",,,\xff,", "")
	f.Add("@", "1.2.3.4", "https")
	f.Fuzz(func(t *testing.T, peer, forwarded, proto string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = peer
		r.Header = http.Header{"X-Forwarded-For": {forwarded}, "X-Forwarded-Proto": {proto}}
		ask(h, r)
		if r.RemoteAddr != peer || r.URL.Scheme != "" {
			t.Error("the caller's request has been changed")
		}
		if scheme != "" && scheme != "http" && scheme != "https" {
			t.Errorf("scheme %q", scheme)
		}
		if remote == peer {
			return
		}
		from, err := netip.ParseAddrPort(remote)
		host, _, err2 := net.SplitHostPort(peer)
		if err2 != nil {
			host = peer
		}
		by, _ := netip.ParseAddr(host)
		if err != nil || from.Addr().Zone() != "" || !trusted.Contains(by.Unmap().WithZone("")) {
			t.Errorf("%q forwards %q: taken for %q", peer, forwarded, remote)
		}
		// Whoever stands nearer than the client is a proxy of ours.
		hops := strings.Split(forwarded, ",")
		for i := len(hops) - 1; i >= 0; i-- {
			hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
			if err != nil || hop.Unmap().WithZone("") == from.Addr() {
				break
			}
			if !trusted.Contains(hop.Unmap().WithZone("")) {
				t.Errorf("%q: %v is no proxy, but %v was believed", forwarded, hop, from)
			}
		}
	})
}

// A redirect to this site stays on it, however a browser reads it.
func FuzzRedirectTo(f *testing.F) {
	var to string
	h := web.Page(func(context.Context, struct{}) (web.View, error) { return web.RedirectTo(to), nil })
	for _, text := range []string{"/", "/a?b=c#d", "//evil.example", `/\evil.example`, "/\t/evil.example", "/a\r\nX: y", "https://evil.example", "", "a", "/..//evil.example", "/.//evil.example", "/%2f/evil.example", "/%5cevil.example", "/a b", "/ü", "/\xff", "/%zz", "/a:b", "/?//evil.example", "/;//evil.example", "/\u2028/evil.example", "/\u00a0", "/@evil.example"} {
		f.Add(text)
	}
	forget := strings.NewReplacer("\t", "", "\r", "", "\n", "")
	f.Fuzz(func(t *testing.T, text string) {
		to = text
		w := ask(h, httptest.NewRequest("GET", "/", nil))
		location := w.Header().Get("Location")
		if w.Code == 500 && location == "" {
			return
		}
		if w.Code != 303 || location == "" {
			t.Fatalf("%q: %d %q", text, w.Code, location)
		}
		for i := range len(location) {
			if c := location[i]; c <= ' ' || c >= 0x7f {
				t.Errorf("%q: byte %q in Location", text, c)
			}
		}
		base, _ := url.Parse("https://site.example/x")
		for _, read := range []string{text, location} {
			read = strings.TrimFunc(forget.Replace(read), func(c rune) bool { return c <= ' ' })
			for _, read := range []string{read, strings.ReplaceAll(read, `\`, "/")} {
				if u, err := base.Parse(read); err != nil || u.Host != base.Host || u.Scheme != base.Scheme || u.User != nil {
					t.Errorf("%q leads to %v (%v)", text, u, err)
				}
			}
		}
	})
}

var (
	goodID     = regexp.MustCompile(`^[-a-zA-Z0-9_.:/+=@~]{20,200}$`)
	goodParent = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$`)
)

func FuzzRequestID(f *testing.F) {
	var parent string
	h := web.RequestID(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { parent = telemetry.TraceOf(r.Context()).Parent }))
	f.Add("01234567890123456789", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	f.Add("0123456789012345678\n", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x")
	f.Add(strings.Repeat("x", 201), "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-\r\nX: y")
	f.Add("", "ff-00000000000000000000000000000000-0000000000000000-00")
	f.Fuzz(func(t *testing.T, id, traceparent string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = http.Header{"X-Request-Id": {id}, "Traceparent": {traceparent}}
		parent = ""
		given := ask(h, r).Header().Get("X-Request-Id")
		if !goodID.MatchString(given) || goodID.MatchString(id) && given != id {
			t.Errorf("%q: %q", id, given)
		}
		if parent != "" && (parent != traceparent || !goodParent.MatchString(parent)) {
			t.Errorf("%q: %q", traceparent, parent)
		}
		for i := range len(parent) {
			if c := parent[i]; c < ' ' || c >= 0x7f {
				t.Errorf("byte %q in a traceparent", c)
			}
		}
	})
}
