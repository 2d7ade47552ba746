package cert_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/cert"
)

// serve runs an endpoint on a free port until the test ends, or stop.
func serve(t *testing.T, ctx context.Context, e *web.Endpoint) (stop func()) {
	t.Helper()
	e.Addr = "127.0.0.1:0"
	if err := e.Start(ctx); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- e.Serve(ctx) }()
	done := false
	stop = func() {
		if done {
			return
		}
		done = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func dial(t *testing.T, e *web.Endpoint, host string) (tls.ConnectionState, error) {
	t.Helper()
	conn, err := tls.Dial("tcp", e.ListenAddr(), &tls.Config{InsecureSkipVerify: true, ServerName: host, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.ConnectionState(), nil
}

func TestACME(t *testing.T) {
	for kind, plain := range map[string]bool{"tls-alpn-01": false, "http-01": true} {
		t.Run(kind, func(t *testing.T) {
			authority := newAuthority(t)
			cache := filepath.Join(t.TempDir(), "a", "cache")
			log := new(book)
			start := func() *web.Endpoint {
				source := &cert.ACME{Hosts: []string{"App.example.com"}, Cache: cache, Email: "ops@example.com", Directory: authority.URL + "/directory"}
				config, err := source.TLS(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				secure := &web.Endpoint{Handler: http.NotFoundHandler(), TLS: config}
				serve(t, log.context(context.Background()), secure)
				authority.https = secure.ListenAddr()
				if plain {
					open := &web.Endpoint{Handler: source.Handler(nil)}
					serve(t, context.Background(), open)
					authority.https, authority.http = "127.0.0.1:1", open.ListenAddr()
				}
				return secure
			}
			e := start()
			for range 2 {
				state, err := dial(t, e, "app.example.com")
				if err != nil {
					t.Fatalf("%v\n%s", err, log.text())
				}
				if err := state.PeerCertificates[0].VerifyHostname("app.example.com"); err != nil {
					t.Error(err)
				}
				if state.NegotiatedProtocol != "h2" {
					t.Errorf("speaks %q", state.NegotiatedProtocol)
				}
			}
			if _, err := dial(t, e, "other.example.com"); err == nil {
				t.Error("a certificate for another host")
			}
			before, proofs := authority.seen()
			if len(proofs) != 1 || proofs[0] != kind {
				t.Errorf("proved by %v", proofs)
			}
			if n := log.count(t, "certificate in use"); n != 1 {
				t.Errorf("told %d times", n)
			}
			if info, err := os.Stat(cache); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
				t.Errorf("cache: %v, %v", info.Mode(), err)
			}

			// The next start finds it in the cache.
			if _, err := dial(t, start(), "app.example.com"); err != nil {
				t.Error(err)
			}
			if after, _ := authority.seen(); after != before {
				t.Errorf("%d orders, then %d", before, after)
			}
		})
	}
}

func TestACMELeavesARefusingAuthorityAlone(t *testing.T) {
	authority := newAuthority(t)
	authority.refusing = true
	log := new(book)
	config, err := (&cert.ACME{Hosts: []string{"app.example.com"}, Cache: t.TempDir(), Directory: authority.URL + "/directory"}).TLS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := handshake(log.context(t.Context()), config, &tls.Config{InsecureSkipVerify: true, ServerName: "app.example.com"}); err == nil {
			t.Fatal("no error")
		}
	}
	if orders, _ := authority.seen(); orders != 1 {
		t.Errorf("%d orders, want 1", orders)
	}
	if n := log.count(t, "no certificate for host"); n != 1 {
		t.Errorf("warned %d times:\n%s", n, log.text())
	}
}

func TestACMERefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, nil)
	good := []string{"example.com"}
	for what, a := range map[string]*cert.ACME{
		"needs Hosts":          {Cache: t.TempDir()},
		"needs Cache":          {Hosts: good},
		"without scheme":       {Hosts: []string{"https://example.com"}, Cache: t.TempDir()},
		"port or wildcard":     {Hosts: []string{"example.com", "*.example.com"}, Cache: t.TempDir()},
		"is not a host":        {Hosts: []string{""}, Cache: t.TempDir()},
		`"localhost"`:          {Hosts: []string{"localhost"}, Cache: t.TempDir()},
		`"192.0.2.1"`:          {Hosts: []string{"192.0.2.1"}, Cache: t.TempDir()},
		"cannot be written":    {Hosts: good, Cache: file},
		"must be an https URL": {Hosts: good, Cache: t.TempDir(), Directory: "http://acme.example.com/directory"},
	} {
		_, err := a.TLS(t.Context())
		if !errors.Is(err, fault.Invalid) || !strings.Contains(fault.Detail(err), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func ask(h http.Handler, method, target, host string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	r.Host = host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestACMEHandlerRedirects(t *testing.T) {
	h := (&cert.ACME{Hosts: []string{"example.com"}, Cache: t.TempDir()}).Handler(nil)
	for _, test := range []struct {
		method, target, host string
		status               int
		location             string
	}{
		{"GET", "/a%2Fb?x=1&y", "example.com", 301, "https://example.com/a%2Fb?x=1&y"},
		{"HEAD", "/", "EXAMPLE.com:80", 301, "https://example.com/"},
		{"GET", "//evil.com/x", "example.com", 301, "https://example.com//evil.com/x"},
		{"GET", "x:.evil.com", "example.com", 301, "https://example.com"},
		{"POST", "/", "example.com", 403, ""},
		{"GET", "/", "evil.com", 404, ""},
		{"GET", "/", "", 404, ""},
		{"GET", "/.well-known/acme-challenge/unknown", "example.com", 404, ""},
		{"GET", "/.well-known/acme-challenge/unknown", "evil.com", 403, ""},
		{"GET", "/.well-known/acme-challenge/", "example.com", 404, ""},
		{"GET", "/.well-known/acme-challenge/..%2fx", "example.com", 404, ""},
		{"GET", "/.well-known/acme-challenge/a%00", "example.com", 404, ""},
		{"GET", "/.well-known/acme-challenge/" + strings.Repeat("a", 128), "example.com", 404, ""},
		{"GET", "/.well-known/acme-challenge/" + strings.Repeat("a", 129), "example.com", 404, ""},
	} {
		res := ask(h, test.method, test.target, test.host)
		if res.StatusCode != test.status || res.Header.Get("Location") != test.location {
			t.Errorf("%s %s of %s: %d %q", test.method, test.target, test.host, res.StatusCode, res.Header.Get("Location"))
		}
	}
}

func TestACMEHandlerGivesTheRestToNext(t *testing.T) {
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	h := (&cert.ACME{Hosts: []string{"example.com"}, Cache: t.TempDir()}).Handler(next)
	if res := ask(h, "POST", "/", "any.test"); res.StatusCode != http.StatusTeapot {
		t.Error(res.Status)
	}
}

func FuzzACMEHandler(f *testing.F) {
	f.Add("GET", "/", "example.com")
	f.Add("HEAD", "x:y", "example.com.")
	f.Add("GET", "/.well-known/acme-challenge/%2e%2e/x", "EXAMPLE.com:80")
	cache := f.TempDir()
	h := (&cert.ACME{Hosts: []string{"example.com"}, Cache: cache}).Handler(nil)
	f.Fuzz(func(t *testing.T, method, target, host string) {
		r, err := http.NewRequest(method, "http://example.com/", nil)
		if err != nil {
			return
		}
		if r.URL, err = r.URL.Parse(target); err != nil {
			return
		}
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		to := w.Header().Get("Location")
		if rest, ok := strings.CutPrefix(to, "https://example.com"); to != "" && (!ok || rest != "" && !strings.ContainsAny(rest[:1], "/?")) {
			t.Errorf("%q %q leads to %q", target, host, to)
		}
		if strings.Contains(w.Body.String(), cache) {
			t.Errorf("%q tells where the cache is: %s", target, w.Body)
		}
	})
}
