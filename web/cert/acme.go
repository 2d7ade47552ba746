package cert

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
	"golang.org/x/net/idna"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// ACME asks an authority for a certificate at the first handshake for each of its
// hosts, keeps it in the cache, and renews it in time. To use it is to accept the
// authority's terms of service.
//
// The authority has to reach this program: by TLS on port 443 (tls-alpn-01), or, if
// [ACME.Handler] serves there, on port 80 (http-01). The first handshake for a host
// takes as long as the authority does, some seconds, in which a client may give up; the
// next one finds the certificate.
//
// Set the fields before the first call and leave them alone afterwards.
type ACME struct {
	Hosts     []string // required: the names to ask for; others are refused
	Cache     string   // required: a directory for the account, certificates and their keys
	Email     string   // where the authority may write to; may be empty
	Directory string   // the authority's directory URL; default Let's Encrypt's

	once    sync.Once
	manager *autocert.Manager
	hosts   map[string]*host
	err     error
}

func (a *ACME) init() error {
	a.once.Do(func() {
		a.hosts = make(map[string]*host)
		a.manager = &autocert.Manager{
			Prompt:     autocert.AcceptTOS,
			Cache:      autocert.DirCache(a.Cache),
			HostPolicy: a.policy,
			Email:      a.Email,
			Client:     &acme.Client{DirectoryURL: a.Directory, UserAgent: "bennu"},
		}
		a.err = a.check()
	})
	return a.err
}

func (a *ACME) check() error {
	if len(a.Hosts) == 0 {
		return fault.Invalid.Errorf("cert.ACME needs Hosts, the names to ask certificates for; without them, anybody could have it ask for any name")
	}
	if a.Cache == "" {
		return fault.Invalid.Errorf("cert.ACME needs Cache, a directory to keep certificates in; without it, every start asks for new ones until the authority refuses")
	}
	for _, given := range a.Hosts {
		name, err := ascii(given)
		if err != nil {
			return err
		}
		if net.ParseIP(name) != nil || !strings.Contains(name, ".") {
			return fault.Invalid.Errorf("an authority gives no certificate for %q; use a full public name", given)
		}
		a.hosts[name] = new(host)
	}
	u, err := url.Parse(a.Directory)
	if err != nil || a.Directory != "" && (u.Host == "" || u.Scheme != "https" && !net.ParseIP(u.Hostname()).IsLoopback()) {
		return fault.Invalid.Errorf("the ACME directory must be an https URL")
	}
	return nil
}

// ascii is a host as it stands in a certificate.
func ascii(host string) (string, error) {
	name, err := idna.Lookup.ToASCII(strings.TrimSuffix(host, "."))
	if err != nil || name == "" {
		return "", fault.Invalid.Errorf("%q is not a host; give a name such as example.com, without scheme, port or wildcard", host)
	}
	return name, nil
}

// TLS makes the cache directory, for the program's user alone. What is wrong with a
// field, or a directory that cannot be written, is fault.Invalid.
func (a *ACME) TLS(context.Context) (*tls.Config, error) {
	if err := a.init(); err != nil {
		return nil, err
	}
	if err := writable(a.Cache); err != nil {
		return nil, fault.Invalid.Wrap(err, "the ACME cache %s cannot be written", a.Cache)
	}
	c := config()
	c.NextProtos = append(c.NextProtos, acme.ALPNProto)
	c.GetCertificate = a.get
	return c, nil
}

// writable finds out now, rather than when a certificate is there and cannot be kept.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "try")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

func (a *ACME) policy(_ context.Context, name string) error {
	if a.hosts[strings.TrimSuffix(name, ".")] == nil {
		return fault.NotFound.Errorf("this server has no certificate for %q", name)
	}
	return nil
}

func (a *ACME) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto}) { // the authority itself
		return a.manager.GetCertificate(hello)
	}
	name, err := ascii(hello.ServerName)
	if err != nil {
		return nil, err
	}
	h := a.hosts[name]
	if h == nil {
		return nil, a.policy(hello.Context(), name)
	}
	if err := h.wait(); err != nil {
		return nil, err
	}
	certificate, err := a.manager.GetCertificate(hello)
	if err != nil {
		h.fail(hello.Context(), name, err)
		return nil, err
	}
	h.succeed()
	h.life.watch(hello.Context(), certificate.Leaf)
	return certificate, nil
}

// Handler is for an endpoint on port 80: it answers the authority's challenges and
// gives everything else to next. If next is nil, GET and HEAD for one of the hosts are
// sent to HTTPS on port 443 with 301. Other methods get 403, as what they carried has
// been read by everybody already, and other hosts 404.
func (a *ACME) Handler(next http.Handler) http.Handler {
	_ = a.init() // TLS tells
	if next == nil {
		next = http.HandlerFunc(a.redirect)
	}
	challenges := a.manager.HTTPHandler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, found := strings.CutPrefix(r.URL.Path, "/.well-known/acme-challenge/")
		if found && !isToken(token) {
			http.NotFound(w, r) // autocert would look for such a file, and tell why it cannot
			return
		}
		challenges.ServeHTTP(w, r)
	})
}

// isToken reports whether s can be a challenge's token: base64url, and not too long to
// be a file's name.
func isToken(s string) bool {
	return s != "" && len(s) <= 128 && strings.IndexFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
	}) < 0
}

func (a *ACME) redirect(w http.ResponseWriter, r *http.Request) {
	asked := r.Host
	if host, _, err := net.SplitHostPort(asked); err == nil {
		asked = host
	}
	name, err := ascii(asked)
	switch {
	case err != nil || a.hosts[name] == nil:
		http.NotFound(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "use https", http.StatusForbidden)
	default:
		to := url.URL{Scheme: "https", Host: name, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, to.String(), http.StatusMovedPermanently)
	}
}

// host is one of the names, and how it goes with it. Authorities count failures, and
// shut out who has too many: Let's Encrypt allows five in an hour for a name.
type host struct {
	life life

	mu    sync.Mutex
	pause time.Duration // after the last failure; 0 after a success
	until time.Time
}

const (
	firstPause = 2 * time.Minute
	lastPause  = time.Hour
)

// wait refuses as long as the authority should be left alone.
func (h *host) wait() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if left := time.Until(h.until); left > 0 {
		return fault.Unavailable.Errorf("the authority gave no certificate; the next attempt is in %v", left.Round(time.Second))
	}
	return nil
}

func (h *host) fail(ctx context.Context, name string, err error) {
	h.mu.Lock()
	if time.Until(h.until) > 0 { // another handshake waited for the same attempt
		h.mu.Unlock()
		return
	}
	h.pause = min(max(2*h.pause, firstPause), lastPause)
	h.until = time.Now().Add(h.pause)
	pause := h.pause
	h.mu.Unlock()
	telemetry.Log(ctx).WarnContext(ctx, "no certificate for host", "host", name, "err", err, "again_in", pause)
}

func (h *host) succeed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pause, h.until = 0, time.Time{}
}
