package udp

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	mrand "math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// DialConfig is who dials, and what it does with the session. Only Handler has to be
// set, and Device and Key, if the server has keys.
type DialConfig struct {
	Device  string
	Key     []byte // at least 16 bytes; none: for loopback addresses only
	Params  string // such as a URL's query; with the device's name at most 1,148 bytes
	Handler Handler
	Hooks   Hooks
	Count   func(name string)
	Socket  Socket // the session's from then on; default: one of its own

	Timeout            time.Duration // of the handshake, if ctx has no deadline; default 10 s
	CloseTimeout       time.Duration // as in Config
	MaxPendingBytes    int           // as in Config
	MaxPendingMessages int           // as in Config
}

// How long a client waits before it begins the handshake again.
const (
	firstHello = 250 * time.Millisecond
	lastHello  = 4 * time.Second
)

// Dial makes a session with the server at an address, such as "example.com:5006". The
// handler may hear of messages before Dial returns.
//
// The error is of kind Invalid if the config cannot be right, Timeout or Canceled if ctx
// ends, Unavailable if the address or the socket fails; or the server refused, and it
// has the kind and the text of that. A refusal is not signed: do not forget a key
// over it.
func Dial(ctx context.Context, addr string, cfg DialConfig) (*Session, error) {
	orDefault(&cfg.Timeout, 10*time.Second)
	if _, has := ctx.Deadline(); !has {
		limited, cancel := context.WithTimeout(ctx, cfg.Timeout)
		defer cancel()
		ctx = limited
	}
	c, err := newCaller(ctx, addr, cfg)
	if err == nil {
		var s *Session
		if s, err = c.call(ctx); err == nil {
			return s, nil
		}
		_ = c.e.socket.Close()
		<-c.e.broken
	} else if cfg.Socket != nil {
		_ = cfg.Socket.Close()
	}
	return nil, err
}

// caller is a client's side of the handshake.
type caller struct {
	e     *endpoint
	cfg   DialConfig
	to    netip.AddrPort
	nonce nonce
	heard chan []byte // datagrams of the handshake, from the reader
	out   packet
}

func newCaller(ctx context.Context, addr string, cfg DialConfig) (*caller, error) {
	to, err := resolve(ctx, addr)
	if err != nil {
		return nil, err
	}
	switch {
	case cfg.Handler == nil:
		return nil, fault.Invalid.Errorf("udp: DialConfig.Handler is not set; it hears the messages")
	case len(cfg.Device) > MaxDeviceBytes:
		return nil, fault.Invalid.Errorf("udp: the device's name has %d bytes; it may have %d", len(cfg.Device), MaxDeviceBytes)
	case openBytes+len(cfg.Device)+len(cfg.Params) > MaxDatagramBytes:
		return nil, fault.Invalid.Errorf("udp: the device's name and the params have %d bytes; they may have %d", len(cfg.Device)+len(cfg.Params), MaxDatagramBytes-openBytes)
	case cfg.Key == nil && !to.Addr().IsLoopback():
		return nil, fault.Invalid.Errorf("udp: %v is not a loopback address; set DialConfig.Key", to)
	case cfg.Key != nil && len(cfg.Key) < MinKeyBytes:
		return nil, fault.Invalid.Errorf("udp: the key has %d bytes; use at least %d random ones", len(cfg.Key), MinKeyBytes)
	}
	if cfg.Socket == nil {
		if cfg.Socket, err = open(nil); err != nil {
			return nil, fault.Unavailable.Wrap(err, "udp: there is no socket to dial from")
		}
	}
	c := &caller{cfg: cfg, to: to, heard: make(chan []byte, 4)}
	_, _ = rand.Read(c.nonce[:])
	c.e = newEndpoint(cfg.Socket, options{cfg.Hooks, cfg.Count, Config{}.orDefaults().MaxHeldBytes})
	c.e.strange = c.strange
	go c.e.read()
	return c, nil
}

func resolve(ctx context.Context, addr string) (netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return netip.AddrPort{}, fault.Invalid.Wrap(err, "udp: %q is not an address; it is like example.com:5006", addr)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fault.Invalid.Wrap(err, "udp: %q is not a port", service)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(ips) == 0 {
		return netip.AddrPort{}, fault.Unavailable.Wrap(err, "udp: %q could not be looked up", host)
	}
	return plain(netip.AddrPortFrom(ips[0], uint16(port))), nil
}

// strange is called by the reader with what is not data of the session.
func (c *caller) strange(p *packet, n int, from netip.AddrPort) {
	b := p.bytes()[:n]
	kind, sixteen, rest, _ := start(b)
	switch {
	case from != c.to:
		c.e.count(CountStrayed)
	case kind == resetKind && n == resetBytes:
		c.reset(sixteen, rest)
	case kind == dataKind: // the welcome was overtaken or lost
		c.e.count(CountUnknown)
	case nonce(sixteen) != c.nonce:
		c.e.count(CountGarbage)
	case kind == cookieKind && n == cookieReplyBytes,
		kind == welcomeKind && n == welcomeBytes,
		kind == refusalKind && n >= refusalBytes:
		select {
		case c.heard <- append([]byte(nil), b...):
		default: // nobody listens anymore
		}
	default:
		c.e.count(CountGarbage)
	}
}

func (c *caller) reset(id sessionID, token []byte) {
	s := c.e.table.get(id)
	if s == nil || subtle.ConstantTimeCompare(s.token[:], token) != 1 {
		c.e.count(CountForged)
		return
	}
	c.e.count(CountReset)
	s.reset()
	c.e.touch(s)
}

// call makes the handshake, again and again until something is decided.
func (c *caller) call(ctx context.Context) (*Session, error) {
	wait := firstHello
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, unheard(ctx, c.to)
		case <-c.e.broken:
			return nil, fault.Unavailable.Wrap(c.e.err, "udp: the socket failed")
		case <-timer.C:
			c.e.write(appendStart(c.out.empty(), helloKind, c.nonce), c.to)
			timer.Reset(wait + mrand.N(wait/4))
			wait = min(2*wait, lastHello)
		case b := <-c.heard:
			s, err := c.answer(b)
			if s != nil || err != nil {
				return s, err
			}
		}
	}
}

func unheard(ctx context.Context, to netip.AddrPort) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fault.Canceled.Wrap(ctx.Err(), "udp: dialling was canceled")
	}
	return fault.Timeout.Wrap(ctx.Err(), "udp: %v did not answer in time; is a server there, and does it speak this version?", to)
}

func (c *caller) answer(b []byte) (*Session, error) {
	_, _, rest, _ := start(b)
	switch b[0] {
	case cookieKind:
		c.open([cookieBytes]byte(rest))
	case refusalKind:
		return nil, refused(rest)
	case welcomeKind:
		return c.begin(b, rest), nil
	}
	return nil, nil
}

func (c *caller) open(cookie [cookieBytes]byte) {
	o := opening{cookie, []byte(c.cfg.Device), []byte(c.cfg.Params)}
	n := len(o.append(appendStart(c.out.empty(), openKind, c.nonce)))
	k := openKey(c.cfg.Key, &c.nonce)
	c.e.write(c.out.seal(&k, n), c.to)
}

// begin makes the session of a welcome, if that is the server's.
func (c *caller) begin(b, rest []byte) *Session {
	g, ok := parseGreeting(rest)
	keys := deriveSession(c.cfg.Key, &c.nonce, &g.nonce)
	n := copy(c.out.bytes(), b)
	if !ok || !c.out.sealed(&keys.down, n) {
		c.e.count(CountForged)
		return nil
	}
	cfg := Config{
		CloseTimeout: c.cfg.CloseTimeout, MaxPendingBytes: c.cfg.MaxPendingBytes, MaxPendingMessages: c.cfg.MaxPendingMessages,
		Idle: time.Duration(g.idleMillis) * time.Millisecond, MaxMessageBytes: int(min(g.messageBytes, maxMessageBytes)),
	}.orDefaults()
	s := &Session{
		e: c.e, id: g.id, in: keys.down, out: keys.up, client: true, addr: c.to, handler: c.cfg.Handler,
		idle: cfg.Idle, linger: cfg.CloseTimeout,
		limits: sessionLimits{cfg.MaxMessageBytes, cfg.MaxPendingBytes, cfg.MaxPendingMessages},
	}
	subtle.XORBytes(s.token[:], g.token[:], keys.mask[:])
	c.e.add(s)
	go func() { _ = c.e.run(context.Background(), 0, true, func() {}) }()
	return s
}
