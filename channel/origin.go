package channel

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/bennu-go/bennu/fault"
)

// checkOrigin refuses pages of other hosts: browsers let any page open a websocket to any
// server, with the user's cookies. What is no browser sends no Origin, and may pass.
func (s *Socket) checkOrigin(r *http.Request) error {
	header := r.Header.Get("Origin")
	if header == "" {
		return nil
	}
	origin, err := url.Parse(header)
	if err != nil || origin.Hostname() == "" {
		return fault.Forbidden.Errorf("the Origin header is no address")
	}
	if sameHost(origin, r.Host) {
		return nil
	}
	for _, allowed := range s.Origins {
		if allowed == "*" {
			return nil
		}
		if a, err := url.Parse(allowed); err == nil && allows(a, origin) {
			return nil
		}
	}
	return fault.Forbidden.Errorf("pages of %s may not connect; add %q to the socket's Origins if they should", origin.Host, "//"+origin.Host)
}

// sameHost compares host and port, where a missing port is that of the scheme.
func sameHost(origin *url.URL, host string) bool {
	own := &url.URL{Scheme: origin.Scheme, Host: host}
	return strings.EqualFold(own.Hostname(), origin.Hostname()) && portOf(own) == portOf(origin)
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" || u.Scheme == "wss" {
		return "443"
	}
	return "80"
}

func allows(a, origin *url.URL) bool {
	if a.Scheme != "" && !strings.EqualFold(a.Scheme, origin.Scheme) || a.Port() != "" && a.Port() != portOf(origin) {
		return false
	}
	host, want := strings.ToLower(origin.Hostname()), strings.ToLower(a.Hostname())
	if parent, star := strings.CutPrefix(want, "*."); star {
		return host == parent || strings.HasSuffix(host, "."+parent)
	}
	return host == want
}
