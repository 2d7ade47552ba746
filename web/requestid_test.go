package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

func TestRequestID(t *testing.T) {
	var seen *telemetry.Trace
	h := web.RequestID(web.RequestID(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = telemetry.TraceOf(r.Context())
	})))
	for id, taken := range map[string]bool{
		"":                             false,
		strings.Repeat("a", 19):        false,
		strings.Repeat("a", 20):        true,
		strings.Repeat("a", 200):       true,
		strings.Repeat("a", 201):       false,
		"AZaz09-_.:/+=@~-0123456":      true,
		strings.Repeat("a", 20) + " ":  false,
		strings.Repeat("a", 20) + "\n": false,
		strings.Repeat("a", 20) + "é":  false,
		strings.Repeat("a", 20) + "\"": false,
	} {
		res := webtest.Do(t, h, "GET /", nil, "X-Request-Id: "+id)
		got := res.Header.Get("X-Request-Id")
		if seen.RequestID != got || len(got) < 20 {
			t.Errorf("%q: context has %q, the answer %q", id, seen.RequestID, got)
		}
		if (got == id) != taken {
			t.Errorf("%q: taken is %v, want %v", id, got == id, taken)
		}
	}
}

func TestTraceparent(t *testing.T) {
	const id, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	var seen *telemetry.Trace
	h := web.RequestID(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = telemetry.TraceOf(r.Context())
	}))
	for text, taken := range map[string]bool{
		"00-" + id + "-" + parent + "-01":                             true,
		"00-" + id + "-" + parent + "-0":                              false,
		"00-" + id + "-" + parent + "-01-more":                        false,
		"01-" + id + "-" + parent + "-01-more":                        true,
		"01-" + id + "-" + parent + "-01more":                         false,
		"01-" + id + "-" + parent + "-01-" + strings.Repeat("x", 150): false,
		"ff-" + id + "-" + parent + "-01":                             false,
		"00-" + strings.ToUpper(id) + "-" + parent + "-01":            false,
		"00-" + strings.Repeat("0", 32) + "-" + parent + "-01":        false,
		"00-" + id + "-" + strings.Repeat("0", 16) + "-01":            false,
		"00x" + id + "-" + parent + "-01":                             false,
	} {
		webtest.Do(t, h, "GET /", nil, "Traceparent: "+text)
		if (seen.Parent == text) != taken {
			t.Errorf("%q: kept %q, want taken %v", text, seen.Parent, taken)
		}
	}
}
