package webtest

import (
	"net/http"
	"net/url"
	"strings"
)

// resolve gives the place that a link or a form of the page leads to.
func (r *Response) resolve(href string) *url.URL {
	r.t.Helper()
	from := r.URL
	if base := r.Find("base[href]"); base.Len() > 0 {
		href, _ := attr(base.nodes[0], "href")
		if u, err := r.URL.Parse(href); err == nil {
			from = u
		}
	}
	to, err := from.Parse(strings.TrimSpace(href))
	if err != nil {
		r.fatalf("the page leads to %q, which is no URL: %v", href, err)
	}
	r.mustStay(to)
	return to
}

// visit sends what a browser does when its user goes on from this page.
func (r *Response) visit(a ask) *Response {
	r.t.Helper()
	h := http.Header{"Accept": {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}}
	if r.client.Header.Get("Accept") != "" {
		delete(h, "Accept")
	}
	from, site := origin(r.URL), "same-origin"
	if origin(a.url) != from {
		site = "same-site"
	}
	if a.url.Scheme == "https" {
		h.Set("Sec-Fetch-Site", site)
		h.Set("Sec-Fetch-Mode", "navigate")
		h.Set("Sec-Fetch-Dest", "document")
		h.Set("Sec-Fetch-User", "?1")
	}
	silent := strings.Contains(r.Header.Get("Referrer-Policy"), "no-referrer")
	if !silent {
		h.Set("Referer", referer(r.URL))
	}
	if a.method != http.MethodGet {
		h.Set("Origin", from)
		if silent {
			h.Set("Origin", "null")
		}
	}
	a.header = h
	return r.client.send(a)
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

func referer(u *url.URL) string {
	bare := *u
	bare.User, bare.Fragment, bare.RawFragment = nil, "", ""
	return bare.String()
}
