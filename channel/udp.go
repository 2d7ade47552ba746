package channel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/udp"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/telemetry"
)

// UDP lets devices connect to a socket by datagrams: those on bad networks, that change
// their address, or have no room for TCP and TLS. It is a child of the tree, right after
// its socket:
//
//	supervisor.Child{Name: "socket", Run: socket},
//	supervisor.Child{Name: "devices", Run: &channel.UDP{Socket: socket, Addr: ":5006", Key: keys.Of}},
//
// A device names itself and proves that it has its key; then the socket's Connect decides,
// which finds the name in [Peer.Device], and in [Peer.Params] what else the device says.
// From there on all is as on a websocket, version 2 unless the params have another "vsn".
// A message is text if it begins with anything but a byte of 0 to 3.
//
// # Guarantees
//
// Messages arrive once, whole and in order, or the session ends. They are signed, and not
// encrypted: whoever is on the way can read them, but not change or repeat them. A session
// outlives a change of the device's address.
//
// # Failure
//
// A device whose name or key is wrong learns just that. An error of Connect refuses with its
// kind and [fault.Detail]. A session that the server closes has a reason that begins with a
// code, as in "1012 the server restarts; reconnect in 312 ms". There is none if the device
// was silent, broke the protocol of datagrams, or did not take what was sent.
//
// What is dropped has a counter, as channel.udp.forged or channel.udp.garbage.
type UDP struct {
	Socket *Socket // required; it must run before, so list it before
	Addr   string  // where to listen, such as ":5006"; required

	// Key gives the key of a device, of at least 16 random bytes; a new one for each
	// device. fault.NotFound is for one that is unknown. ctx ends after 10 s. nil: nobody
	// proves anything, and Addr must be a loopback address.
	Key func(ctx context.Context, device string) ([]byte, error)

	// Secret tells devices after a restart that the server does not know them any more, so
	// that they connect again at once, and not after Idle. Of at least 16 random bytes;
	// the same at each start, and another for each server. Empty: none.
	Secret fault.Secret

	Idle         time.Duration // without a sign of life; default that of the socket's Limits
	MessageBytes int           // of one message, either way; default 64 KiB; what comes in is under the socket's Limits too
	Sessions     int           // at a time; default 10,000

	stopping atomic.Bool

	mu     sync.Mutex
	server *udp.Server // from Start on
}

// Start binds the address: datagrams wait for [UDP.Serve]. The error is of kind Invalid if
// the settings cannot be right, and Unavailable if the address is taken, or the socket does
// not run.
func (u *UDP) Start(context.Context) error {
	if u.Socket == nil {
		return fault.Invalid.Errorf("channel: the UDP has no Socket; give it the one whose channels devices are to join")
	}
	if !u.Socket.running() {
		return fault.Unavailable.Errorf("channel: the socket of the UDP is not running; list it in the tree before the UDP")
	}
	server, err := udp.Listen(u.Addr, u.config())
	if err != nil {
		return err
	}
	u.stopping.Store(false)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.server = server
	return nil
}

func (u *UDP) config() udp.Config {
	s := u.Socket
	counters := telemetry.CountersOf(s.ctx)
	c := udp.Config{
		Accept: u.accept,
		Hooks: udp.Hooks{
			Begin: func() any { return s.hub.begin(s.ctx) },
			End:   func(b any) { b.(batch).end() },
		},
		Count:              func(name string) { counters.Counter("channel.udp." + name).Add(1) },
		Idle:               cmp.Or(u.Idle, s.limits.Idle),
		CloseTimeout:       closeTimeout,
		MaxMessageBytes:    u.MessageBytes,
		MaxPendingBytes:    s.limits.PendingBytes,
		MaxPendingMessages: s.limits.PendingMessages,
		MaxSessions:        u.Sessions,
	}
	if u.Key != nil {
		c.Key = u.key
	}
	if secret := u.Secret.Reveal(); secret != "" {
		c.Secret = []byte(secret)
	}
	return c
}

// Serve takes devices until ctx ends. Then it sends them away, in batches and with advice
// when to come back, as the socket's Drain says, and waits until they are gone. An error of
// kind Unavailable means that the address cannot be listened on any more.
func (u *UDP) Serve(ctx context.Context) error {
	server := u.bound()
	if server == nil {
		return fault.Invalid.Errorf("channel: the UDP was not started; a supervisor does that")
	}
	open, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	served := make(chan error, 1)
	go func() { served <- server.Serve(open) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	u.stopping.Store(true)
	u.Socket.drain(u.sessions())
	stop()
	return <-served
}

// ListenAddr is the address that the last Start has bound, as in "127.0.0.1:5006", and ""
// before.
func (u *UDP) ListenAddr() string {
	if server := u.bound(); server != nil {
		return server.Addr().String()
	}
	return ""
}

func (u *UDP) bound() *udp.Server {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.server
}

// sessions are those of the socket that came this way.
func (u *UDP) sessions() (all []*Session) {
	u.Socket.mu.Lock()
	defer u.Socket.mu.Unlock()
	for s := range u.Socket.sessions {
		if l, ok := s.link.(*udpLink); ok && l.of == u {
			all = append(all, s)
		}
	}
	return all
}

// key asks for a key. A panic of the program's own code must not end the program.
func (u *UDP) key(ctx context.Context, device string) (key []byte, err error) {
	defer recovered(ctx, "Key", &err)
	return u.Key(ctx, device)
}

func (u *UDP) accept(ctx context.Context, hello udp.Hello, to *udp.Session) (h udp.Handler, err error) {
	defer recovered(ctx, "Connect", &err)
	if u.stopping.Load() {
		return nil, fault.Unavailable.Errorf("the server restarts; try again")
	}
	params, err := url.ParseQuery(hello.Params)
	if err != nil {
		return nil, fault.Invalid.Errorf("the params are no query of an address, such as a=1&b=2")
	}
	if !params.Has("vsn") {
		params.Set("vsn", "2.0.0")
	}
	p := &Peer{Params: params, Addr: hello.Addr.String(), Transport: "udp", Device: hello.Device}
	session, err := u.Socket.Accept(ctx, p, &udpLink{u, to})
	if err != nil {
		telemetry.Log(ctx).Warn("a device may not connect to the socket", "device", hello.Device, "reason", err)
		return nil, err
	}
	return (*udpHandler)(session), nil
}

func recovered(ctx context.Context, what string, err *error) {
	if v := recover(); v != nil {
		*err = fault.Internal.Errorf("%s panicked: %v", what, v)
		telemetry.Log(ctx).Error("a device could not connect to the socket", "error", *err, "stack", string(debug.Stack()))
	}
}

// udpHandler is a session, as its datagrams see it.
type udpHandler Session

func (h *udpHandler) Message(b any, payload []byte) {
	s := (*Session)(h)
	defer func() { // as other transports do
		if v := recover(); v != nil {
			telemetry.Log(s.socket.ctx).Error("a device's message made the session panic", "panic", v, "stack", string(debug.Stack()))
			s.link.Close(ws.InternalError, "")
		}
	}()
	if most := s.socket.limits.MessageBytes; len(payload) > most {
		s.link.Close(ws.TooBig, fmt.Sprintf("a message is longer than %d bytes", most))
		return
	}
	op := ws.OpText
	if len(payload) > 0 && payload[0] <= 3 { // JSON has none of these
		op = ws.OpBinary
	}
	s.receive(b.(batch), op, payload)
}

func (h *udpHandler) Closed(end *udp.CloseError) { (*Session)(h).Closed(end) }

// udpLink is the way to one device.
type udpLink struct {
	of *UDP
	to *udp.Session
}

var _ Link = (*udpLink)(nil)

func (l *udpLink) Send(f Frame) error {
	err := l.to.Send(f.Payload())
	var end *udp.CloseError
	if errors.As(err, &end) && fault.Of(end) == fault.Invalid { // which is for messages
		return fault.Unavailable.Wrap(end, "the session has ended")
	}
	return err
}

// Flush does nothing: what was sent leaves at once.
func (l *udpLink) Flush() {}

// Close tells the device the code before the reason.
func (l *udpLink) Close(code Code, reason string) {
	l.to.Close(fmt.Sprintf("%d %s", code, reason))
}
