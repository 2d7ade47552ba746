package webtest_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/web/webtest"
)

// cookies is a handler that sets what the header Set asks for, and answers with what
// came.
func cookies(w http.ResponseWriter, r *http.Request) {
	for _, line := range r.Header["Set"] {
		w.Header().Add("Set-Cookie", line)
	}
	_, _ = w.Write([]byte(r.Header.Get("Cookie")))
}

func TestCookiesAreCarriedAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := webtest.New(t, http.HandlerFunc(cookies))
		c.Get("/in/", "Set: a=1; Path=/; Secure; HttpOnly", "Set: b=2; Max-Age=60",
			"Set: c=3; Path=/; Expires="+time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		expect := func(path, want string, headers ...string) {
			t.Helper()
			if got := c.Get(path, headers...).Body; got != want {
				t.Errorf("%s: got %q, want %q", path, got, want)
			}
		}
		expect("/in/x", "b=2; a=1; c=3")
		expect("/out", "a=1; c=3")
		expect("/out", "mine=0; a=1; c=3", "Cookie: mine=0")
		expect("http://example.test/out", "c=3") // a is Secure
		expect("https://other.test/in/", "")
		time.Sleep(59 * time.Second)
		expect("/in/", "b=2; a=1; c=3")
		time.Sleep(time.Second)
		expect("/in/", "a=1; c=3")
		time.Sleep(time.Hour - time.Minute)
		expect("/in/", "a=1")
		c.Get("/", "Set: a=; Path=/; Max-Age=0")
		expect("/", "")
	})
}

func TestCookiesThatBrowsersDrop(t *testing.T) {
	set := func(t testing.TB, origin, cookie string) {
		c := webtest.New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Set-Cookie", cookie) }))
		c.Origin = origin
		c.Get("/")
	}
	const https = "https://app.example.test"
	for _, good := range [][2]string{
		{https, "a=" + strings.Repeat("x", 4095)},
		{https, "a=1; Domain=example.test"},
		{https, "a=1; Domain=.app.example.test"},
		{https, "a=1; SameSite=None; Secure"},
		{https, "__Host-a=1; Secure; Path=/"},
		{https, "__Secure-a=1; Secure"},
		{"http://localhost:4000", "a=1; Secure"},
	} {
		if got := said(t, func(t testing.TB) { set(t, good[0], good[1]) }); got != "" {
			t.Errorf("%.40s: %s", good, got)
		}
	}
	for _, bad := range [][3]string{
		{https, "a=" + strings.Repeat("x", 4096), `a browser would drop the cookie "a": name and value are longer than 4096 bytes`},
		{https, "a=1; Domain=other.test", "its domain other.test is not that of app.example.test"},
		{https, "a=1; Domain=xapp.example.test", "its domain xapp.example.test is not that of app.example.test"},
		{"http://example.test", "a=1; Secure", "it is Secure, and the origin is not https"},
		{https, "a=1; SameSite=None", "SameSite=None asks for Secure"},
		{https, "__Secure-a=1", "__Secure- asks for Secure"},
		{https, "__Host-a=1; Secure", "__Host- asks for Secure, for Path=/ and for no Domain"},
		{https, "__Host-a=1; Path=/", "__Host- asks for Secure, for Path=/ and for no Domain"},
		{https, "__Host-a=1; Secure; Path=/; Domain=example.test", "__Host- asks for Secure, for Path=/ and for no Domain"},
		{https, "a b", "is no cookie"},
	} {
		mustSay(t, func(t testing.TB) { set(t, bad[0], bad[1]) }, bad[2])
	}
}
