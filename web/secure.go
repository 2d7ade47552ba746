package web

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
)

// SecureHeaders makes a plug that tells browsers to be careful: no guessing of
// content types, no full addresses to other sites, and the
// Content-Security-Policy, as in "default-src 'self'". Where the policy does not speak of
// frame-ancestors or base-uri, both are 'self': no foreign page may frame ours or bend
// its links. A handler may set the headers to something else.
//
// Where the policy has 'nonce', each request gets one of its own, which its page gives
// to the scripts or styles that stand in it:
//
//	web.SecureHeaders("default-src 'self'; script-src 'self' 'nonce'")
//	<script nonce="{ web.Nonce(ctx) }">…</script>
func SecureHeaders(policy string) Plug {
	policy = strings.Trim(policy, "; ")
	for _, directive := range []string{"base-uri", "frame-ancestors"} {
		if !strings.Contains(policy, directive) {
			policy = strings.TrimPrefix(policy+"; ", "; ") + directive + " 'self'"
		}
	}
	// All requests share these. Header.Set replaces them, Header.Add copies them.
	var (
		nosniff   = []string{"nosniff"}
		referrer  = []string{"strict-origin-when-cross-origin"}
		csp       = []string{policy}
		withNonce = strings.Contains(policy, "'nonce'")
	)
	return func(next http.Handler) http.Handler {
		return within(func(x *exchange, w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h["X-Content-Type-Options"] = nosniff
			h["Referrer-Policy"] = referrer
			h["Content-Security-Policy"] = csp
			if withNonce {
				nonce := rand.Text()
				nonceKey.Put(x, nonce)
				h["Content-Security-Policy"] = []string{strings.ReplaceAll(policy, "'nonce'", "'nonce-"+nonce+"'")}
			}
			next.ServeHTTP(w, r)
		})
	}
}

const nonceKey Key[string] = "csp_nonce"

// Nonce is what [SecureHeaders] lets the scripts and styles of this request's page run
// by, or "" if its policy has no 'nonce'.
func Nonce(ctx context.Context) string { return nonceKey.Value(ctx) }
