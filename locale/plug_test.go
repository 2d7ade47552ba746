package locale_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/text/language"

	"github.com/bennu-go/bennu/locale"
)

// page answers with its path, its language and a link.
var page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	_, _ = fmt.Fprintf(w, "%s %s %s", r.URL.EscapedPath(), locale.T(ctx, "hello"), locale.Path(ctx, "/about"))
})

func ask(h http.Handler, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func greetings(t testing.TB) *locale.Catalogue {
	return load(t, "de.json", `{"hello": "hallo"}`, "pt-BR.json", `{"hello": "olá"}`, "zh-Hant.json", `{"hello": "你好"}`, "ar.json", `{"hello": "مرحبا"}`)
}

func TestAcceptLanguage(t *testing.T) {
	h := greetings(t).Plug()(page)
	for header, want := range map[string]string{
		"": "en", "de": "de", "DE": "de", "de-AT,de;q=0.9,en;q=0.8": "de", "en;q=0.5, de": "de", "de_AT": "de",
		"en-US,en;q=0.9": "en", "pt-PT": "pt-BR", "zh-TW": "zh-Hant", "zh-HK;q=0.1": "zh-Hant", "ar-EG": "ar",
		"xx, de;q=0.1": "de", "tlh-a!, de": "de", "*": "en", "*, de;q=0.1": "de", "de;q=0": "en", "de;q=0, ar": "ar",
		"de;q=nan": "en", "de;q=x, ar": "ar", "ko": "en", ",,,,": "en", "de;q=-1": "en",
		strings.Repeat("ko,", 15) + "de": "de", strings.Repeat("ko,", 16) + "de": "en",
		strings.Repeat(",", 509) + "de": "de", strings.Repeat(",", 510) + "de": "de", strings.Repeat(",", 511) + "de": "en",
		strings.Repeat("a-", 1<<16): "en", "de," + strings.Repeat("x", 1<<16): "de", strings.Repeat("x", 600): "en",
	} {
		w := ask(h, "/", "Accept-Language", header)
		if got := w.Header().Get("Content-Language"); got != want {
			t.Errorf("%.40q: got %s, want %s", header, got, want)
		}
		equal(t, "vary", fmt.Sprint(w.Header()["Vary"]), "[Accept-Language]")
	}
	w := ask(h, "/", "Accept-Language", "ko", "Accept-Language", "de")
	equal(t, "two headers", w.Body.String(), "/ hallo /about")
}

func TestWishes(t *testing.T) {
	own := locale.Wish{Vary: "X-Language", Of: func(r *http.Request) string { return r.Header.Get("X-Language") }}
	h := greetings(t).Plug(own, locale.Query("locale"), locale.Cookie("lang"))(page)
	for _, c := range []struct{ own, query, cookie, accept, want string }{
		{"", "", "", "", "en"}, {"", "", "", "de", "de"}, {"", "", "pt-BR", "de", "pt-BR"}, {"", "ar", "pt-BR", "de", "ar"},
		{"de", "ar", "pt-BR", "de", "de"}, {"", "", "ko, zh-TW", "de", "zh-Hant"},
		{"ko", "%00", "\"", "de", "de"}, {"", "xx", "", "ko", "en"}, {"", strings.Repeat("d", 600), "", "ar", "ar"},
	} {
		w := ask(h, "/?locale="+c.query, "X-Language", c.own, "Cookie", "lang="+c.cookie, "Accept-Language", c.accept)
		if got := w.Header().Get("Content-Language"); got != c.want {
			t.Errorf("%v: got %s", c, got)
		}
		equal(t, "vary", fmt.Sprint(w.Header()["Vary"]), "[X-Language Cookie Accept-Language]")
	}
	defer func() { has(t, fmt.Sprint(recover()), "locale: a Wish has no Of") }()
	greetings(t).Plug(locale.Wish{})
}

func TestDefault(t *testing.T) {
	c, err := locale.Load(files("de.json", `{"hello": "hallo"}`), locale.Config{Default: language.German})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "nothing", ask(c.Plug()(page), "/").Body.String(), "/ hallo /about")
	equal(t, "nothing there", ask(c.Plug()(page), "/", "Accept-Language", "ko").Body.String(), "/ hallo /about")
	equal(t, "source", ask(c.Plug()(page), "/", "Accept-Language", "en").Body.String(), "/ hello /about")
}

func TestPrefix(t *testing.T) {
	c := greetings(t)
	h := c.Prefix(c.Plug(locale.Query("locale"))(page))
	for target, want := range map[string]string{
		"/":               "/ hello /about",
		"/de":             "/ hallo /de/about",
		"/de/":            "/ hallo /de/about",
		"/de/a/b":         "/a/b hallo /de/about",
		"/de/a%2Fb?x=1":   "/a%2Fb hallo /de/about",
		"/en/a":           "/a hello /en/about",
		"/pt-BR/a":        "/a olá /pt-BR/about",
		"/pt-br/a":        "/pt-br/a hello /about",
		"/xx/a":           "/xx/a hello /about",
		"/den/a":          "/den/a hello /about",
		"//de/a":          "//de/a hello /about",
		"/de//evil.com":   "/evil.com hallo /de/about",
		"/%64e/a%2Fb":     "/%64e/a%2Fb hello /about",
		"/de%2Fa":         "/de%2Fa hello /about",
		"/de/a?locale=ar": "/a hallo /de/about",
		"/a?locale=ar":    "/a مرحبا /about",
	} {
		w := ask(h, target, "Accept-Language", "en")
		equal(t, target, w.Body.String(), want)
		if prefixed := strings.Contains(want, " /about"); prefixed != (w.Header().Get("Vary") != "") {
			t.Errorf("%s: Vary is %q", target, w.Header().Get("Vary"))
		}
	}
	r := httptest.NewRequest("GET", "/de/a", nil)
	h.ServeHTTP(httptest.NewRecorder(), r)
	equal(t, "the request of others", r.URL.Path, "/de/a")
}

func TestPathOfAnother(t *testing.T) {
	c := greetings(t)
	c.Prefix(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		equal(t, "there", locale.Path(locale.With(ctx, language.Arabic), "/a"), "/ar/a")
		equal(t, "not there", locale.Path(locale.With(ctx, language.Korean), "/a"), "/a")
		equal(t, "relative", locale.Path(ctx, "a"), "a")
		equal(t, "elsewhere", locale.Path(ctx, "https://a.example/"), "https://a.example/")
		equal(t, "in a mail", locale.Path(c.With(ctx, language.German), "/a"), "/a")
	})).ServeHTTP(nil, httptest.NewRequest("GET", "/de/a", nil))
}

func BenchmarkPlug(b *testing.B) {
	h := greetings(b).Plug()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest("GET", "/", nil)
	for name, header := range map[string]string{"browser": "de-AT,de;q=0.9,en-US;q=0.8,en;q=0.7", "hostile": strings.Repeat("aa-aaaa-aaaaaaaa,", 1000), "most": strings.Repeat("zh-Hant-TW,", 16)} {
		b.Run(name, func(b *testing.B) {
			r.Header.Set("Accept-Language", header)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
