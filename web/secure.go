package web

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
)

// SecureHeaders makes a plug that tells browsers to be careful: no guessing of
// content types, no full addresses to other sites, and the Content-Security-Policy, as in
// "default-src 'self'". Where the policy does not speak of frame-ancestors or base-uri, both
// are 'self': no foreign page may frame ours or bend its links. A header that a handler sets
// by itself stays. Answers in JSON, of which browsers make no page, get the first alone.
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
	c := &careful{
		nosniff: []string{"nosniff"}, referrer: []string{"strict-origin-when-cross-origin"}, policy: []string{policy},
		nonce: strings.Contains(policy, "'nonce'"),
	}
	return func(next http.Handler) http.Handler {
		return within(func(x *exchange, w http.ResponseWriter, r *http.Request) {
			x.careful = c
			if c.nonce {
				nonceKey.Put(x, rand.Text())
			}
			next.ServeHTTP(w, r)
		})
	}
}

// careful is the headers of all requests of a plug. Header.Set replaces them, Header.Add
// copies them.
type careful struct {
	nosniff, referrer, policy []string
	nonce                     bool
}

// tell puts the headers into an answer that begins.
func (c *careful) tell(x *exchange, h http.Header) {
	if h["X-Content-Type-Options"] == nil {
		h["X-Content-Type-Options"] = c.nosniff
	}
	if t := h["Content-Type"]; len(t) == 1 && (t[0] == "application/json" || t[0] == "application/problem+json") {
		return
	}
	if h["Referrer-Policy"] == nil {
		h["Referrer-Policy"] = c.referrer
	}
	if h["Content-Security-Policy"] != nil {
		return
	}
	h["Content-Security-Policy"] = c.policy
	if c.nonce {
		own := "'nonce-" + Nonce(x) + "'"
		h["Content-Security-Policy"] = []string{strings.ReplaceAll(c.policy[0], "'nonce'", own)}
	}
}

const nonceKey Key[string] = "csp_nonce"

// Nonce is what [SecureHeaders] lets the scripts and styles of this request's page run
// by, or "" if its policy has no 'nonce'.
func Nonce(ctx context.Context) string { return nonceKey.Value(ctx) }
