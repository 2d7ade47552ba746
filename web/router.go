package web

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/bennu-go/bennu/fault"
)

// Router finds the handler of a request by the patterns of [http.ServeMux]: "GET
// /units/{id}", "/files/{path...}", "GET /{$}". What matches nothing is a [Problem]:
// 404, or 405 with Allow.
//
// Wire it first, then serve. Wiring mistakes panic: a malformed pattern, two that
// clash, a nil handler.
type Router struct {
	table  *table
	prefix string
	plugs  []Plug // of this scope and those around it, but not of the router itself
}

// Route is one line of a router's table.
type Route struct {
	Method  string // "" is any
	Pattern string // as in "/units/{id}"; it begins with the host if there is one
}

type table struct {
	mux    http.ServeMux
	routes []Route
	entry  http.Handler
}

// NewRouter makes an empty router. Its plugs see every request, also those that
// match nothing, and see them before the route is known: there are no path values
// yet.
func NewRouter(plugs ...Plug) *Router {
	t := new(table)
	t.entry = Chain(http.HandlerFunc(t.dispatch), plugs...)
	return &Router{table: t}
}

// Scope gives a view of the router whose patterns begin with prefix, and whose
// requests pass the plugs once they have matched. Inside, a pattern may be a method
// alone, as in "GET", which is the prefix itself. An empty prefix groups by plugs
// only.
func (rt *Router) Scope(prefix string, plugs ...Plug) *Router {
	checkPrefix("Scope", prefix)
	return &Router{rt.table, rt.prefix + prefix, slices.Concat(rt.plugs, plugs)}
}

// Handle sends the requests that match the pattern to h, through the scope's plugs
// and then these.
func (rt *Router) Handle(pattern string, h http.Handler, plugs ...Plug) {
	method, path := rt.resolve(pattern)
	if a, ok := h.(*action); ok {
		if why := a.misfit(method, path); why != "" {
			panic(fmt.Sprintf("web: pattern %q: %s", pattern, why))
		}
	}
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
		h = http.StripPrefix(prefix, h)
	}
	rt.add("", prefix+"/", h, plugs)
}

// Routes is the whole router's table, in the order of wiring.
func (rt *Router) Routes() []Route { return slices.Clone(rt.table.routes) }

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
	if method != strings.ToUpper(method) {
		panic(fmt.Sprintf("web: pattern %q: the method must be in capitals", pattern))
	}
	slash := strings.IndexByte(path, '/')
	if slash < 0 && (path != "" || rt.prefix == "") {
		panic(fmt.Sprintf("web: pattern %q: the path must begin with a slash", pattern))
	}
	slash = max(slash, 0) // what is before it is a host
	return method, path[:slash] + rt.prefix + path[slash:]
}

var registeredAt = regexp.MustCompile(` \(registered at [^)]*\)`)

func (rt *Router) add(method, path string, h http.Handler, plugs []Plug) {
	pattern := strings.TrimLeft(method+" "+path, " ")
	if h == nil {
		panic(fmt.Sprintf("web: pattern %q: the handler is nil", pattern))
	}
	defer func() {
		if why := recover(); why != nil { // without the places in this file, which help nobody
			text := registeredAt.ReplaceAllString(fmt.Sprint(why), "")
			panic("web: " + strings.TrimPrefix(text, "web: "))
		}
	}()
	h = Chain(h, slices.Concat(rt.plugs, plugs)...)
	rt.table.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w.(*miss).ResponseWriter, r)
	})
	rt.table.routes = append(rt.table.routes, Route{method, path})
}

func (t *table) dispatch(w http.ResponseWriter, r *http.Request) {
	m := &miss{ResponseWriter: w}
	t.mux.ServeHTTP(m, r)
	switch m.status {
	case http.StatusNotFound:
		Problem(w, r, fault.NotFound.Errorf("there is nothing at this address"))
	case http.StatusMethodNotAllowed:
		Problem(w, r, refuse(m.status, "this address takes %s", w.Header().Get("Allow")))
	}
}

// miss is the writer of the mux itself, which answers what it cannot match; a route
// writes to the client. It keeps the two refusals back, and lets redirects pass.
type miss struct {
	http.ResponseWriter
	status int
}

func (m *miss) WriteHeader(status int) {
	if status == http.StatusNotFound || status == http.StatusMethodNotAllowed {
		m.status = status
		return
	}
	m.ResponseWriter.WriteHeader(status)
}

func (m *miss) Write(p []byte) (int, error) {
	if m.status != 0 {
		return len(p), nil
	}
	return m.ResponseWriter.Write(p)
}

// hasWildcard reports whether a pattern's path has {name} or {name...}.
func hasWildcard(path, name string) bool {
	return strings.Contains(path, "{"+name+"}") || strings.Contains(path, "{"+name+"...}")
}
