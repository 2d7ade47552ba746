package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/udp"
	"github.com/bennu-go/bennu/internal/ws"
)

const schemeUDP = "udp"

// check refuses options that mean nothing for an address.
func (o *Options) check(u *url.URL) error {
	key := o.Key.Reveal()
	if u.Scheme != schemeUDP {
		if o.Device != "" || key != "" {
			return fault.Invalid.Errorf("Options.Device and Options.Key are for udp:// addresses; to a websocket say who you are with Options.Token")
		}
		return nil
	}
	for _, option := range []struct {
		name string
		set  bool
	}{{"Token", o.Token != nil}, {"Header", o.Header != nil}, {"TLS", o.TLS != nil}, {"Compress", o.Compress}, {"Pool", o.Pool != nil}} {
		if option.set {
			return fault.Invalid.Errorf("Options.%s is for websockets, and the address begins with udp://; leave it out (a device says who it is with Device and Key)", option.name)
		}
	}
	switch {
	case key == "" && !loopback(u.Hostname()):
		return fault.Invalid.Errorf("%s is not on this machine: set Options.Key to the key that the device shares with the server", u.Host)
	case key != "" && len(key) < udp.MinKeyBytes:
		return fault.Invalid.Errorf("Options.Key has %d bytes; it needs at least %d random ones", len(key), udp.MinKeyBytes)
	}
	return nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// useUDP has the socket dial by UDP.
func (s *Socket) useUDP() {
	s.o.dial = func(ctx context.Context, h handshake) (carrier, error) {
		d := &datagrams{most: s.o.MaxMessageBytes, served: make(chan struct{})}
		to, config := h.url.Host, udp.DialConfig{
			Device:             s.o.Device,
			Params:             h.url.RawQuery,
			Handler:            d,
			MaxPendingBytes:    pendingBytes,
			MaxPendingMessages: pendingFrames,
		}
		if key := s.o.Key.Reveal(); key != "" {
			config.Key = []byte(key)
		}
		if s.o.NetDial != nil {
			l, err := s.o.line(ctx, to)
			if err != nil {
				return nil, err
			}
			to, config.Socket = l.to.String(), l
		}
		var err error
		if d.session, err = udp.Dial(ctx, to, config); err != nil {
			return nil, err
		}
		return d, nil
	}
}

// datagrams is a carrier: a session over UDP.
type datagrams struct {
	session *udp.Session
	most    int           // bytes of a message of the server
	served  chan struct{} // closed once there is a link
	link    *link
}

func (d *datagrams) serve(l *link) {
	d.link = l
	close(d.served)
}

func (d *datagrams) send(frame []byte, _ bool) error {
	err := d.session.Send(frame)
	var end *udp.CloseError
	if errors.As(err, &end) {
		return nil // the link hears of it
	}
	return err
}

func (d *datagrams) close(code ws.Code, reason string) {
	d.session.Close(fmt.Sprintf("%d %s", code, reason))
}

// Message hears a message of the server. What begins with a byte of 0 to 3 is no JSON.
func (d *datagrams) Message(_ any, payload []byte) {
	<-d.served
	if len(payload) > d.most {
		d.close(ws.TooBig, fmt.Sprintf("a message is longer than %d bytes", d.most))
		return
	}
	d.link.message(payload, len(payload) > 0 && payload[0] <= 3)
}

// Closed hears the end. The session may live on for a while, to say goodbye.
func (d *datagrams) Closed(end *udp.CloseError) {
	<-d.served
	s := d.link.socket
	s.mu.Lock()
	s.spawn(func() { <-d.session.Done() })
	s.mu.Unlock()
	d.link.closed(codeOf(end), end.Reason, end)
}

// codeOf is the code with which a server begins its reason.
func codeOf(end *udp.CloseError) ws.Code {
	digits, _, _ := strings.Cut(end.Reason, " ")
	if code, err := strconv.ParseUint(digits, 10, 16); err == nil && end.Remote {
		return ws.Code(code)
	}
	return ws.Abnormal
}

// line is a connection of [Options].NetDial.
type line struct {
	net.Conn
	to     netip.AddrPort
	closed atomic.Bool
}

func (o *Options) line(ctx context.Context, to string) (*line, error) {
	conn, err := o.NetDial(ctx, schemeUDP, to)
	if err != nil {
		return nil, err
	}
	addr, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		_ = conn.Close()
		return nil, fault.Invalid.Errorf("the connection of Options.NetDial leads to %v; for UDP, its RemoteAddr must be like 192.0.2.1:5006", conn.RemoteAddr())
	}
	return &line{Conn: conn, to: addr}, nil
}

var _ udp.Socket = (*line)(nil)

func (l *line) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, err := l.Read(b)
	if err != nil && l.closed.Load() {
		err = net.ErrClosed
	}
	return n, l.to, err
}

func (l *line) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) { return l.Write(b) }

func (l *line) Close() error {
	l.closed.Store(true)
	return l.Conn.Close()
}
