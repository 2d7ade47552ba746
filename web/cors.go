package web

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// CORS is a plug that lets pages of other origins read the answers, and answers the
// questions that browsers ask in advance. Put it before what wants to know who asks: those
// questions come without cookies.
//
//	cors := web.CORS{Origins: []string{"https://app.example.com"}, Credentials: true}
//	api := router.Scope("/api", cors.Plug, …)
//
// It gives leave and refuses nothing: what a page may send is [CrossOrigin]'s to say, which
// wants the same origins.
type CORS struct {
	Origins     []string      // who may; "*" is everybody, "https://*.example.com" all directly below; required
	Methods     []string      // default GET, HEAD, POST, PUT, PATCH, DELETE
	Headers     []string      // that may be sent; default Content-Type, Authorization, X-Request-Id
	Expose      []string      // that may be read; default X-Request-Id
	Credentials bool          // with cookies; not with "*"
	MaxAge      time.Duration // how long browsers remember the leave; default 10 min
}

// Plug is the plug. It panics on origins that cannot be.
func (c CORS) Plug(next http.Handler) http.Handler {
	c.check()
	methods := strings.Join(orDefault(c.Methods, "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"), ", ")
	headers := strings.Join(orDefault(c.Headers, "Content-Type", "Authorization", requestIDHeader), ", ")
	expose := strings.Join(orDefault(c.Expose, requestIDHeader), ", ")
	age := cmp.Or(c.MaxAge, 10*time.Minute)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if !c.everybody() {
			varyBy(h, "Origin")
		}
		origin := r.Header.Get("Origin")
		asked := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
		switch {
		case origin == "":
			next.ServeHTTP(w, r)
			return
		case !c.allows(origin):
			if asked {
				Problem(w, r, fault.Forbidden.Errorf("pages of %.100s may not ask here", origin))
				return
			}
			next.ServeHTTP(w, r)
			return
		}
		if c.everybody() {
			origin = "*"
		}
		h.Set("Access-Control-Allow-Origin", origin)
		if c.Credentials {
			h.Set("Access-Control-Allow-Credentials", "true")
		}
		if !asked {
			h.Set("Access-Control-Expose-Headers", expose)
			next.ServeHTTP(w, r)
			return
		}
		h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
		h.Set("Access-Control-Allow-Methods", methods)
		h.Set("Access-Control-Allow-Headers", headers)
		h.Set("Access-Control-Max-Age", strconv.Itoa(int(max(age, 0)/time.Second)))
		w.WriteHeader(http.StatusNoContent)
	})
}

func orDefault(given []string, usual ...string) []string {
	if given == nil {
		return usual
	}
	return given
}

func (c CORS) check() {
	if len(c.Origins) == 0 {
		panic("web: CORS without Origins; name them, or \"*\" for everybody")
	}
	if c.Credentials && c.everybody() {
		panic("web: CORS with Credentials for everybody: any page could act for your users; name the Origins")
	}
	for _, o := range c.Origins {
		if o == "*" {
			continue
		}
		u, err := url.Parse(strings.Replace(o, "*.", "", 1))
		if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || strings.Contains(u.Host, "*") {
			panic(fmt.Sprintf("web: CORS: %q is no origin like https://app.example.com or https://*.example.com", o))
		}
	}
}

func (c CORS) everybody() bool { return slices.Contains(c.Origins, "*") }

func (c CORS) allows(origin string) bool {
	for _, o := range c.Origins {
		before, after, below := strings.Cut(o, "*.")
		switch {
		case o == "*", strings.EqualFold(o, origin):
			return true
		case below && len(origin) > len(before) && strings.EqualFold(origin[:len(before)], before):
			label, rest, _ := strings.Cut(origin[len(before):], ".")
			if label != "" && !strings.ContainsAny(label, "/@:") && strings.EqualFold(rest, after) {
				return true
			}
		}
	}
	return false
}
