package web

import (
	"math/rand/v2"
	"net/http"
	"strings"
)

const requestIDHeader = "X-Request-Id"

// RequestID is a plug that gives each request an id: in the context, as
// [telemetry.Trace], where logs and calls to processes find it, and in the answer's
// X-Request-Id. A client's own X-Request-Id is taken if it has 20 to 200 letters,
// digits or any of "-_.:/+=@~"; a valid W3C traceparent is kept beside it. A request
// that passes the plug twice keeps the first id.
func RequestID(next http.Handler) http.Handler {
	return within(func(x *exchange, w http.ResponseWriter, r *http.Request) {
		if x.trace.RequestID == "" {
			x.identify(r)
			w.Header()[requestIDHeader] = x.answerID[:]
		}
		next.ServeHTTP(w, r)
	})
}

func (x *exchange) identify(r *http.Request) {
	id := first(r.Header[requestIDHeader])
	if !validRequestID(id) {
		id = newRequestID()
	}
	x.trace.RequestID, x.answerID[0] = id, id
	if parent := first(r.Header["Traceparent"]); validTraceparent(parent) {
		x.trace.Parent = parent
	}
}

// first is what Header.Get gives of a name that is in the canonical form already.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// newRequestID is unlike every other, but no secret.
func newRequestID() string {
	const letters = "0123456789abcdefghjkmnpqrstvwxyz"
	var id [26]byte
	for i := 0; i < len(id); {
		for n, bits := rand.Uint64(), 0; bits < 60 && i < len(id); bits += 5 {
			id[i] = letters[n&31]
			n >>= 5
			i++
		}
	}
	return string(id[:])
}

func validRequestID(id string) bool {
	if len(id) < 20 || len(id) > 200 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("-_.:/+=@~", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// visible reports whether a text is of ASCII without spaces.
func visible(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7f }) < 0
}

// validTraceparent checks "version-trace-parent-flags" of W3C Trace Context. A
// version above 00 may add fields at its end.
func validTraceparent(s string) bool {
	const layout = "00-00000000000000000000000000000000-0000000000000000-00"
	if len(s) < len(layout) || len(s) > 200 {
		return false
	}
	if rest := s[len(layout):]; rest != "" && (s[:2] == "00" || rest[0] != '-' || !visible(rest)) {
		return false
	}
	for i := range len(layout) {
		if c := s[i]; layout[i] == '-' {
			if c != '-' {
				return false
			}
		} else if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return s[:2] != "ff" && s[3:35] != layout[3:35] && s[36:52] != layout[36:52]
}
