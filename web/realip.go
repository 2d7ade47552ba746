package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// RealIP makes a plug for programs behind proxies: the request's RemoteAddr becomes the
// client's, and its URL's scheme what the client used. Only what comes from one of the
// proxies is believed, named by address or network, as in "10.0.0.0/8" or "::1". Put it
// first, before what limits or logs by address.
//
// The client is the last address in X-Forwarded-For that is no proxy: what stands before
// it anybody may have written. The scheme is X-Forwarded-Proto's.
func RealIP(proxies ...string) Plug {
	if len(proxies) == 0 {
		panic("web: RealIP without the proxies that are believed")
	}
	trusted := make([]netip.Prefix, len(proxies))
	for i, text := range proxies {
		trusted[i] = prefixOf(text)
	}
	known := func(addr netip.Addr) bool {
		for _, p := range trusted {
			if p.Contains(addr) {
				return true
			}
		}
		return false
	}
	return func(next http.Handler) http.Handler {
		return within(func(_ *exchange, w http.ResponseWriter, r *http.Request) {
			if peer, ok := remoteIP(r); ok && known(peer) {
				r = forwarded(r, peer, known)
			}
			next.ServeHTTP(w, r)
		})
	}
}

func prefixOf(text string) netip.Prefix {
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen())
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		panic(fmt.Sprintf("web: RealIP: %q is neither an address nor a network like 10.0.0.0/8", text))
	}
	return p.Masked()
}

// remoteIP is the address that the request comes from, without its port.
func remoteIP(r *http.Request) (netip.Addr, bool) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	return addr.Unmap().WithZone(""), err == nil
}

// forwarded is the request as the client sent it to the outermost trusted proxy.
func forwarded(r *http.Request, peer netip.Addr, known func(netip.Addr) bool) *http.Request {
	client := peer
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && known(client); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		client = hop.Unmap().WithZone("")
	}
	own := *r
	own.RemoteAddr = net.JoinHostPort(client.String(), "0")
	if proto := strings.ToLower(r.Header.Get("X-Forwarded-Proto")); proto == "https" || proto == "http" {
		u := *r.URL
		u.Scheme = proto
		own.URL = &u
	}
	return &own
}

// isHTTPS reports whether the client speaks TLS: with us, or with a proxy that [RealIP]
// believes.
func isHTTPS(r *http.Request) bool { return r.TLS != nil || r.URL.Scheme == "https" }
