package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// formats are the media types of the names that [Accepts] takes.
var formats = map[string]string{
	"html": "text/html",
	"json": "application/json",
	"text": "text/plain",
	"xml":  "application/xml",
	"csv":  "text/csv",
}

// Accepts makes a plug that says in which formats these routes answer, the usual one
// first: html, json, text, xml or csv. Errors are told in one of them: with
// Accepts("json") a browser, too, gets a problem as JSON. A client that wants none of
// them is answered with 406, but for a browser's EventSource.
func Accepts(names ...string) Plug {
	if len(names) == 0 {
		panic("web: Accepts without a format")
	}
	for _, name := range names {
		if formats[name] == "" {
			panic(fmt.Sprintf("web: Accepts does not know %q; it takes html, json, text, xml or csv", name))
		}
	}
	return func(next http.Handler) http.Handler {
		return within(func(x *exchange, w http.ResponseWriter, r *http.Request) {
			if wants(r, names...) == "" && first(r.Header["Accept"]) != "text/event-stream" {
				problem(w, r, notAcceptable(names), names[0] == "html" && wants(r, "json", "html") != "json")
				return
			}
			x.formats = names
			next.ServeHTTP(w, r)
		})
	}
}

func notAcceptable(names []string) error {
	types := make([]string, len(names))
	for i, name := range names {
		types[i] = formats[name]
	}
	return refuse(http.StatusNotAcceptable, "this address answers with %s", strings.Join(types, ", "))
}

// wants is the offered format that the client likes best, by what Accepts has left
// and the Accept header; the first if it likes all, "" if none.
func wants(r *http.Request, offered ...string) string {
	if x := exchangeOf(r.Context()); x != nil && x.formats != nil {
		if both := slices.DeleteFunc(slices.Clone(x.formats), func(f string) bool { return !slices.Contains(offered, f) }); len(both) > 0 {
			offered = both
		}
	}
	accept := r.Header["Accept"]
	if len(accept) == 0 || len(accept) == 1 && (accept[0] == "*/*" || accept[0] == "") {
		return offered[0]
	}
	best, most := "", 0.0
	for _, name := range offered {
		if q := quality(accept, formats[name]); q > most {
			best, most = name, q
		}
	}
	return best
}

// quality is how much the Accept headers want a media type, from 0 to 1: what the most
// specific range says that fits it.
func quality(accept []string, mediaType string) float64 {
	family, _, _ := strings.Cut(mediaType, "/")
	specific, q := -1, 0.0
	for _, header := range accept {
		for item := range strings.SplitSeq(header, ",") {
			rng, params, _ := strings.Cut(item, ";")
			how := -1
			switch rng = strings.ToLower(strings.TrimSpace(rng)); rng {
			case mediaType:
				how = 2
			case family + "/*":
				how = 1
			case "*/*":
				how = 0
			}
			if how > specific {
				specific, q = how, weight(params)
			}
		}
	}
	return q
}

// weight reads q=0.5 among the parameters of an item; without it, it is 1.
func weight(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(name, "q") {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil || q < 0 || q > 1 {
				return 0
			}
			return q
		}
	}
	return 1
}

// varyBy adds a name to Vary, once.
func varyBy(h http.Header, name string) {
	for _, line := range h["Vary"] {
		for given := range strings.SplitSeq(line, ",") {
			if given = strings.TrimSpace(given); given == "*" || strings.EqualFold(given, name) {
				return
			}
		}
	}
	h.Add("Vary", name)
}
