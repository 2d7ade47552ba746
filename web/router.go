package web

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/bennu-go/bennu/fault"
)

// Router finds the handler of a request by the patterns of [http.ServeMux]: "GET
// /units/{id}", "/files/{path...}", "GET /{$}". A route for GET takes HEAD, too. What
// matches nothing is a [Problem]: 404, or 405 with Allow; OPTIONS of an address that has
// routes is answered with Allow, and passes the plugs of the route that a browser asks for.
//
// Wire it first, then serve. Wiring mistakes panic: a malformed pattern, two that
// clash, a nil handler.
type Router struct {
	table  *table
	host   *host
	prefix string
	plugs  []Plug // of this scope and those around it, but not of the router itself
}

type table struct {
	any    host    // whatever the request's host
	hosts  []*host // in the order of wiring
	routes []Route
	entry  http.Handler
}

// host is the routes of one host, or of all.
type host struct {
	pattern string // "" is any; "{tenant}.example.com" is all below
	mux     http.ServeMux
}

// NewRouter makes an empty router. Its plugs see every request, also those that
// match nothing, and see them before the route is known: there are no path values
// yet.
func NewRouter(plugs ...Plug) *Router {
	t := new(table)
	chained := Chain(within(t.dispatch), plugs...)
	t.entry = within(func(_ *exchange, w http.ResponseWriter, r *http.Request) { chained.ServeHTTP(w, r) })
	return &Router{table: t, host: &t.any}
}

// Scope gives a view of the router whose patterns begin with prefix, and whose
// requests pass the plugs once they have matched. Inside, a pattern may be a method
// alone, as in "GET", which is the prefix itself. An empty prefix groups by plugs
// only.
//
// A pipeline is a variable:
//
//	browser := []web.Plug{web.Accepts("html"), sessions.Plug, web.CSRF}
//	pages := router.Scope("", browser...)
func (rt *Router) Scope(prefix string, plugs ...Plug) *Router {
	checkPrefix("Scope", prefix)
	return &Router{rt.table, rt.host, rt.prefix + prefix, slices.Concat(rt.plugs, plugs)}
}

// Host gives a view of the router for the requests of one host, as in
// "admin.example.com", or of all names directly below one, as in
// "{tenant}.example.com", where PathValue("tenant") then says which. Ports do not
// count. What matches nothing there is looked up among the routes of any host.
func (rt *Router) Host(name string, plugs ...Plug) *Router {
	h := &host{pattern: strings.ToLower(name)}
	wildcard, rest, below := strings.Cut(h.pattern, "}.")
	switch {
	case rt.prefix != "":
		panic(fmt.Sprintf("web: Host %q in a scope with a prefix; ask the host first, then its scopes", name))
	case name == "" || strings.ContainsAny(name, "/: ") || strings.Count(name, "{") > 1 || strings.Contains(name, "{") != below || below && (wildcard[0] != '{' || len(wildcard) == 1 || rest == ""):
		panic(fmt.Sprintf("web: Host %q: want a name like example.com or {tenant}.example.com", name))
	}
	for _, known := range rt.table.hosts {
		if known.pattern == h.pattern {
			h = known
		}
	}
	if !slices.Contains(rt.table.hosts, h) {
		rt.table.hosts = append(rt.table.hosts, h)
	}
	return &Router{rt.table, h, "", slices.Concat(rt.plugs, plugs)}
}

// Handle sends the requests that match the pattern to h, through the scope's plugs
// and then these.
func (rt *Router) Handle(pattern string, h http.Handler, plugs ...Plug) {
	method, path := rt.resolve(pattern)
	rt.add(method, path, h, plugs)
}

// HandleFunc is [Router.Handle] for a function.
func (rt *Router) HandleFunc(pattern string, f http.HandlerFunc, plugs ...Plug) {
	if f == nil {
		panic(fmt.Sprintf("web: pattern %q: the handler is nil", pattern))
	}
	rt.Handle(pattern, f, plugs...)
}

// Mount gives all that is below prefix to h, which sees the path without it. A
// request for the prefix itself is redirected to the prefix and a slash. The prefix
// has no wildcards.
func (rt *Router) Mount(prefix string, h http.Handler, plugs ...Plug) {
	checkPrefix("Mount", prefix)
	prefix = rt.prefix + prefix
	if strings.Contains(prefix, "{") {
		panic(fmt.Sprintf("web: Mount below %q: wildcards cannot be stripped; use Handle", prefix))
	}
	if h != nil && prefix != "" {
		h = &mounted{http.StripPrefix(prefix, h), h, prefix}
	}
	rt.add("", prefix+"/", h, plugs)
}

// mounted is a handler below a prefix, which it does not see.
type mounted struct {
	stripped, whole http.Handler
	prefix          string
}

func (m *mounted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := exchangeOf(r.Context())
	if x == nil { // behind a plug that has replaced the context
		m.stripped.ServeHTTP(w, r)
		return
	}
	outer := x.mounted
	x.mounted += m.prefix
	defer func() { x.mounted = outer }()
	m.stripped.ServeHTTP(w, r)
}

// ServeHTTP serves the whole router, also if it is asked of a scope.
func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rt.table.entry.ServeHTTP(w, r)
}

func checkPrefix(verb, prefix string) {
	if prefix != "" && (prefix[0] != '/' || strings.HasSuffix(prefix, "/")) {
		panic(fmt.Sprintf("web: %s with prefix %q: a prefix begins with a slash and does not end with one", verb, prefix))
	}
}

// resolve splits a pattern and puts the scope's prefix before its path.
func (rt *Router) resolve(pattern string) (method, path string) {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok && strings.Contains(pattern, "/") {
		method, path = "", pattern
	}
	path = strings.TrimLeft(path, " \t")
	switch {
	case method != strings.ToUpper(method):
		panic(fmt.Sprintf("web: pattern %q: the method must be in capitals", pattern))
	case strings.IndexByte(path, '/') > 0:
		panic(fmt.Sprintf("web: pattern %q: the path must begin with a slash; a host is given by Router.Host", pattern))
	case path != "" && path[0] != '/' || path == "" && rt.prefix == "":
		panic(fmt.Sprintf("web: pattern %q: the path must begin with a slash", pattern))
	}
	return method, rt.prefix + path
}

var registeredAt = regexp.MustCompile(` \(registered at [^)]*\)`)

func (rt *Router) add(method, path string, h http.Handler, plugs []Plug) {
	pattern := strings.TrimLeft(method+" "+path, " ")
	if h == nil {
		panic(fmt.Sprintf("web: pattern %q: the handler is nil", pattern))
	}
	if key, _ := rt.host.wildcard(); key != "" && hasWildcard(path, key) {
		panic(fmt.Sprintf("web: pattern %q: {%s} is the host's, too", pattern, key))
	}
	action, _ := h.(*Typed)
	if action != nil {
		if why := action.misfit(method, path+rt.host.pattern); why != "" {
			panic(fmt.Sprintf("web: pattern %q: %s", pattern, why))
		}
	}
	defer func() {
		if why := recover(); why != nil { // without the places in this file, which help nobody
			text := registeredAt.ReplaceAllString(fmt.Sprint(why), "")
			panic("web: " + strings.TrimPrefix(text, "web: "))
		}
	}()
	all := slices.Concat(rt.plugs, plugs)
	rt.host.mux.Handle(pattern, &route{Chain(h, all...), Chain(http.HandlerFunc(noContent), all...), path})
	rt.table.routes = append(rt.table.routes, Route{Method: method, Host: rt.host.pattern, Pattern: path, Handler: handlerName(h), Action: action})
}

// route takes a matched request out of the hands of the mux, whose writer keeps
// refusals back.
type route struct {
	http.Handler
	preflight http.Handler // the plugs alone, of which one may be CORS
	path      string
}

func (to *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m := w.(*miss)
	m.matched = true
	m.x.route, m.x.asked[1] = m.x.mounted+to.path, r
	if m.preflight {
		r.Method = http.MethodOptions
		to.preflight.ServeHTTP(m.ResponseWriter, r)
		return
	}
	to.Handler.ServeHTTP(m.ResponseWriter, r)
}

func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func (t *table) dispatch(x *exchange, w http.ResponseWriter, r *http.Request) {
	m := &x.miss
	if m.ResponseWriter != nil { // a router within a router
		m = new(miss)
	}
	*m = miss{ResponseWriter: w, x: x}
	x.routes = t
	t.find(m, r)
	switch {
	case m.matched:
	case m.status == http.StatusNotFound:
		Problem(w, r, fault.NotFound.Errorf("there is nothing at this address"))
	case m.status == http.StatusMethodNotAllowed:
		allow := m.header.Get("Allow")
		if !strings.Contains(allow, http.MethodOptions) {
			allow += ", OPTIONS"
		}
		w.Header().Set("Allow", allow)
		if r.Method != http.MethodOptions {
			Problem(w, r, refuse(m.status, "this address takes %s", allow))
		} else if !t.preflight(x, w, r) {
			w.WriteHeader(http.StatusNoContent)
		}
	}
}

// find has the request served by the route that matches, if there is one.
func (t *table) find(m *miss, r *http.Request) {
	if t.hosts == nil || !t.ownHost(m, r) {
		t.any.mux.ServeHTTP(m, r)
	}
}

// preflight has the question of a browser, whether it may send a request, answered by the
// plugs of the route that would take it.
func (t *table) preflight(x *exchange, w http.ResponseWriter, r *http.Request) bool {
	own := *r
	own.Method = r.Header.Get("Access-Control-Request-Method")
	if own.Method == "" || r.Header.Get("Origin") == "" {
		return false
	}
	m := miss{ResponseWriter: w, x: x, preflight: true}
	t.find(&m, &own)
	return m.matched
}

// ownHost has the request served by the routes of its host, exact names first, and
// reports whether they knew it.
func (t *table) ownHost(m *miss, r *http.Request) bool {
	name := strings.ToLower(r.Host)
	if bare, _, err := net.SplitHostPort(name); err == nil {
		name = bare
	}
	name = strings.TrimSuffix(name, ".")
	for _, exact := range []bool{true, false} {
		for _, h := range t.hosts {
			key, label, ok := h.fits(name)
			if !ok || exact != (key == "") {
				continue
			}
			outer := r.PathValue(key)
			if !exact {
				r.SetPathValue(key, label)
			}
			if h.mux.ServeHTTP(m, r); m.matched {
				return true
			}
			if !exact {
				r.SetPathValue(key, outer)
			}
		}
	}
	return false
}

// wildcard is the name of the first label, if any will do, and what comes after it.
func (h *host) wildcard() (key, rest string) {
	key, rest, below := strings.Cut(h.pattern, "}.")
	if !below {
		return "", h.pattern
	}
	return key[1:], rest
}

// fits reports whether the host is that one, and what stands for its wildcard.
func (h *host) fits(name string) (key, label string, ok bool) {
	key, rest := h.wildcard()
	if key == "" {
		return "", "", name == rest
	}
	label, below, _ := strings.Cut(name, ".")
	return key, label, label != "" && below == rest
}

// miss is the writer of the mux itself, which answers what it cannot match; a route
// writes to the client. It keeps the two refusals back, and lets redirects pass.
type miss struct {
	http.ResponseWriter
	x         *exchange
	preflight bool        // the plugs are asked, and not the handler
	matched   bool        // or redirected
	status    int         // the refusal; that of a method is the better one
	header    http.Header // of what the mux answers
}

func (m *miss) Header() http.Header {
	if m.header == nil {
		m.header = make(http.Header)
	}
	return m.header
}

func (m *miss) WriteHeader(status int) {
	switch status {
	case http.StatusNotFound:
		m.status = max(m.status, status)
	case http.StatusMethodNotAllowed:
		m.status = status
	default:
		m.matched = true
		if to := m.header.Get("Location"); m.x.mounted != "" && strings.HasPrefix(to, "/") {
			m.header.Set("Location", (&url.URL{Path: m.x.mounted}).EscapedPath()+to)
		}
		m.header.Del("Content-Type")
		maps.Copy(m.ResponseWriter.Header(), m.header)
		m.ResponseWriter.WriteHeader(status)
	}
}

// Write leaves out the mux's texts: refusals are a [Problem], redirects need none.
func (m *miss) Write(p []byte) (int, error) { return len(p), nil }

// hasWildcard reports whether a pattern's path has {name} or {name...}.
func hasWildcard(path, name string) bool {
	return strings.Contains(path, "{"+name+"}") || strings.Contains(path, "{"+name+"...}")
}
