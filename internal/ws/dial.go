package ws

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// DialOptions are how [Dial] connects.
type DialOptions struct {
	Header    http.Header // of the request, such as cookies
	Protocols []string    // offered, the preferred first
	Limits    *Limits     // nil: the defaults
	Deflate   *Deflate    // nil: compression is not offered
	TLS       *tls.Config // for wss; nil: the defaults

	// NetDial connects. Nil: TCP.
	NetDial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// HandshakeError is a handshake that the server answered with another status
// than 101.
type HandshakeError struct {
	Status int
	Header http.Header
	Body   string // up to 4 KiB
}

// Error names the status.
func (e *HandshakeError) Error() string {
	return fmt.Sprintf("the server answered the websocket handshake with %d %s", e.Status, http.StatusText(e.Status))
}

// Dial opens a websocket to a ws:// or wss:// address, as the client. It follows
// no redirects. Its errors are a [*HandshakeError] if the server refuses,
// otherwise Invalid for an address that is none, Timeout and Canceled by the
// context, and Unavailable if the connection fails.
func Dial(ctx context.Context, address string, o DialOptions) (*Conn, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fault.Invalid.Wrap(err, "the address cannot be read")
	}
	if u.Scheme != "ws" && u.Scheme != "wss" || u.Host == "" {
		return nil, fault.Invalid.Errorf("a websocket's address is ws://host/path or wss://host/path")
	}
	nc, err := o.connect(ctx, u)
	if err != nil {
		return nil, dialFailed(ctx, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
	c, err := o.handshake(nc, u)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = nc.Close()
		return nil, dialFailed(ctx, err)
	}
	return c, nil
}

// dialFailed is a failure of dialing, by its kind.
func dialFailed(ctx context.Context, err error) error {
	if refused, ok := err.(*HandshakeError); ok {
		return refused
	}
	switch ctx.Err() {
	case context.DeadlineExceeded:
		return fault.Timeout.Wrap(err, "the websocket could not be opened in time")
	case context.Canceled:
		return fault.Canceled.Wrap(err, "the websocket is not wanted any more")
	}
	return fault.Unavailable.Wrap(err, "the websocket could not be opened")
}

func (o *DialOptions) connect(ctx context.Context, u *url.URL) (net.Conn, error) {
	dial := o.NetDial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"ws": "80", "wss": "443"}[u.Scheme]
	}
	nc, err := dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil || u.Scheme == "ws" {
		return nc, err
	}
	config := o.TLS.Clone()
	if config == nil {
		config = &tls.Config{}
	}
	if config.ServerName == "" {
		config.ServerName = u.Hostname()
	}
	config.NextProtos = []string{"http/1.1"}
	secure := tls.Client(nc, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		return nil, err
	}
	return secure, nil
}

func (o *DialOptions) handshake(nc net.Conn, u *url.URL) (*Conn, error) {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	key := base64.StdEncoding.EncodeToString(nonce[:])
	r := &http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: o.header(key)}
	if err := r.Write(nc); err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(nc, 4096)
	answer, err := http.ReadResponse(in, r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(io.LimitReader(answer.Body, 4096))
		return nil, &HandshakeError{Status: answer.StatusCode, Header: answer.Header, Body: string(body)}
	}
	compressed, err := o.verify(answer.Header, key)
	if err != nil {
		return nil, err
	}
	received, _ := in.Peek(in.Buffered())
	c := Client(nc, slices.Clone(received), o.Limits)
	c.protocol = answer.Header.Get("Sec-Websocket-Protocol")
	if compressed {
		c.deflate = o.Deflate
	}
	return c, nil
}

func (o *DialOptions) header(key string) http.Header {
	h := o.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("Upgrade", "websocket")
	h.Set("Connection", "Upgrade")
	h.Set("Sec-Websocket-Version", "13")
	h.Set("Sec-Websocket-Key", key)
	if len(o.Protocols) > 0 {
		h.Set("Sec-Websocket-Protocol", strings.Join(o.Protocols, ", "))
	}
	if o.Deflate != nil {
		h.Set("Sec-Websocket-Extensions", extension)
	}
	return h
}

// verify checks a server's answer, and reports whether it compresses.
func (o *DialOptions) verify(h http.Header, key string) (compressed bool, err error) {
	protocol := h.Get("Sec-Websocket-Protocol")
	compressed, ok := agreedDeflate(h)
	switch {
	case !hasToken(h, "Upgrade", "websocket") || !hasToken(h, "Connection", "upgrade"):
		return false, fault.Invalid.Errorf("the server's answer is no upgrade to websocket")
	case h.Get("Sec-Websocket-Accept") != proof(key):
		return false, fault.Invalid.Errorf("the server's answer is to somebody else's handshake")
	case protocol != "" && !slices.Contains(o.Protocols, protocol):
		return false, fault.Invalid.Errorf("the server chose a protocol that was not offered")
	case !ok || compressed && o.Deflate == nil:
		return false, fault.Invalid.Errorf("the server chose an extension that was not offered")
	}
	return compressed, nil
}
