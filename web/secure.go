package web

import (
	"net/http"
	"strings"
)

// SecureHeaders makes a plug that tells browsers to be careful: no guessing of
// content types, no full addresses to other sites, and the Content-Security-Policy,
// as in "default-src 'self'". Where the policy does not speak of frame-ancestors or
// base-uri, both are 'self': no foreign page may frame ours or bend its links. A
// handler may set the headers to something else.
func SecureHeaders(policy string) Plug {
	policy = strings.Trim(policy, "; ")
	for _, directive := range []string{"base-uri", "frame-ancestors"} {
		if !strings.Contains(policy, directive) {
			policy = strings.TrimPrefix(policy+"; ", "; ") + directive + " 'self'"
		}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
			h.Set("Content-Security-Policy", policy)
			next.ServeHTTP(w, r)
		})
	}
}
