package webtest

import (
	"net/http"
	"net/url"
	"strings"
)

// maxRedirects is how many redirects in a row are followed.
const maxRedirects = 10

// Redirects asserts that the answer is a redirect to that place: a path, or a URL if
// it leads to another host.
func (r *Response) Redirects(to string) *Response {
	r.t.Helper()
	got := r.location()
	if got == nil {
		r.fatalf("the answer is no redirect, want one to %s", to)
	}
	want, err := r.URL.Parse(to)
	if err != nil {
		r.t.Fatalf("webtest: %v", err)
	}
	if got.String() != want.String() {
		r.fatalf("the answer redirects to %s, want %s", got, want)
	}
	return r
}

// Follow follows the redirect, and those that come after it, up to 10, as a browser
// does: 303 is followed by GET, 301 and 302 make a POST a GET, 307 and 308 send the
// same again. The headers of the request are sent on. It ends the test if the answer
// is no redirect, if redirects go in a circle or on and on, or if they leave for
// another host, which is not there.
func (r *Response) Follow() *Response {
	r.t.Helper()
	var way []string
	seen := make(map[string]bool)
	for r.location() != nil || way == nil {
		if r.location() == nil {
			r.fatalf("the answer is no redirect, so there is nothing to follow")
		}
		here := r.ask.method + " " + r.URL.String()
		way = append(way, here)
		if known := here + "\n" + r.cookies; seen[known] {
			r.fatalf("redirects go in a circle:\n  %s", strings.Join(way, "\n  "))
		} else {
			seen[known] = true
		}
		if len(way) > maxRedirects {
			r.fatalf("more than %d redirects:\n  %s", maxRedirects, strings.Join(way, "\n  "))
		}
		r = r.next()
	}
	return r
}

// location is where a redirect leads to, or nil.
func (r *Response) location() *url.URL {
	switch r.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil
	}
	place := r.Header.Get("Location")
	if place == "" {
		return nil
	}
	to, err := r.URL.Parse(place)
	if err != nil {
		r.fatalf("Location: %q is no URL: %v", place, err)
	}
	return to
}

// next sends the request that a redirect asks for.
func (r *Response) next() *Response {
	r.t.Helper()
	a := r.ask
	a.url = r.location()
	a.header = a.header.Clone()
	a.header.Del("Host")
	r.mustStay(a.url)
	switch {
	case r.Status == http.StatusSeeOther && a.method != http.MethodHead,
		r.Status < http.StatusSeeOther && a.method == http.MethodPost:
		a.method, a.body = http.MethodGet, content{}
		for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Language", "Content-Length", "Origin"} {
			a.header.Del(name)
		}
	case a.body.once != nil:
		r.fatalf("the body was an io.Reader, which cannot be sent again; give a string or a []byte")
	}
	return r.client.send(a)
}

// mustStay ends the test if a place is on another host.
func (r *Response) mustStay(to *url.URL) {
	r.t.Helper()
	if (to.Scheme != "http" && to.Scheme != "https") || to.Hostname() != r.URL.Hostname() {
		r.fatalf("%s is not on %s; assert the way there by Redirects or Attr(\"href\"), or ask for it by Get", to, r.URL.Host)
	}
}
