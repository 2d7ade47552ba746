package web

import (
	"cmp"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// HTTPS is a plug that sends everybody to HTTPS (301 for GET and HEAD, 308 for what has a
// body), and tells browsers by Strict-Transport-Security to come that way themselves.
// Behind a proxy that ends TLS it needs [RealIP] before it.
//
//	web.HTTPS{}.Plug                              // for a year, this host alone
//	web.HTTPS{MaxAge: time.Hour, Subdomains: true}.Plug
type HTTPS struct {
	MaxAge     time.Duration // how long browsers remember; default a year, negative: they forget
	Subdomains bool          // also all names below this host
	Host       string        // where to, as in "example.com"; default the request's host, without its port
}

// Plug is the plug.
func (s HTTPS) Plug(next http.Handler) http.Handler {
	age := cmp.Or(s.MaxAge, 365*24*time.Hour)
	policy := "max-age=" + strconv.Itoa(int(max(age, 0)/time.Second))
	if s.Subdomains {
		policy += "; includeSubDomains"
	}
	header := []string{policy}
	return within(func(_ *exchange, w http.ResponseWriter, r *http.Request) {
		if isHTTPS(r) {
			w.Header()["Strict-Transport-Security"] = header
			next.ServeHTTP(w, r)
			return
		}
		host := s.host(r)
		if host == "" {
			Problem(w, r, fault.Invalid.Errorf("the request does not say which host it is for"))
			return
		}
		status := http.StatusPermanentRedirect
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			status = http.StatusMovedPermanently
		}
		w.Header().Set("Location", headerSafe("https://"+host+r.URL.RequestURI()))
		w.WriteHeader(status)
	})
}

func (s HTTPS) host(r *http.Request) string {
	if s.Host != "" {
		return s.Host
	}
	bare, _, err := net.SplitHostPort(r.Host)
	switch {
	case err != nil:
		return r.Host
	case strings.Contains(bare, ":"):
		return "[" + bare + "]"
	}
	return bare
}
