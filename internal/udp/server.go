package udp

import (
	"context"
	"net"
	"net/netip"

	"github.com/bennu-go/bennu/fault"
)

// Server has the sessions of many clients on one socket.
type Server struct {
	e *endpoint
	d *doorman
}

// Listen binds a UDP address, such as ":5006". From then on datagrams wait for
// [Server.Serve]. The error is of kind Invalid if the config cannot be right (no keys
// and not a loopback address, among others) and Unavailable if the address is not free.
func Listen(addr string, cfg Config) (*Server, error) {
	at, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, fault.Invalid.Wrap(err, "udp: %q is not an address to listen on", addr)
	}
	cfg = cfg.orDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := mayServe(at, cfg); err != nil {
		return nil, err // before it is bound
	}
	socket, err := open(at)
	if err != nil {
		return nil, fault.Unavailable.Wrap(err, "udp: cannot listen on %q", addr)
	}
	server, err := New(socket, cfg)
	if err != nil {
		_ = socket.Close()
	}
	return server, err
}

// New makes a server of a socket, which is the server's from then on.
func New(socket Socket, cfg Config) (*Server, error) {
	cfg = cfg.orDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := mayServe(socket.LocalAddr(), cfg); err != nil {
		return nil, err
	}
	e := newEndpoint(socket, options{
		hooks:   cfg.Hooks,
		count:   cfg.Count,
		maxHeld: cfg.MaxHeldBytes,
	})
	d := newDoorman(e, cfg)
	e.strange = d.strange
	return &Server{e: e, d: d}, nil
}

// Serve takes clients until ctx ends; then it closes their sessions, waits up to
// CloseTimeout for what is pending, closes the socket and returns nil. An error means
// that the socket failed. It is for calling once.
func (s *Server) Serve(ctx context.Context) error {
	guests, cancel := context.WithCancel(ctx)
	defer cancel()
	s.d.ctx = guests
	go s.e.read()
	err := s.e.run(ctx, s.d.cfg.CloseTimeout, false, func() {
		cancel()
		s.d.guests.Wait()
	})
	if err != nil {
		return fault.Unavailable.Wrap(err, "udp: the socket failed")
	}
	return nil
}

// Addr is where the server listens.
func (s *Server) Addr() netip.AddrPort {
	return addrPort(s.e.socket.LocalAddr())
}

// Sessions is how many sessions there are, those that are just closing included.
func (s *Server) Sessions() int { return s.e.table.len() }

// Close frees the socket of a server that is not going to serve.
func (s *Server) Close() error { return s.e.socket.Close() }

func addrPort(addr net.Addr) netip.AddrPort {
	if a, ok := addr.(*net.UDPAddr); ok {
		return plain(a.AddrPort())
	}
	return netip.AddrPort{}
}

func mayServe(addr net.Addr, cfg Config) error {
	if cfg.Key == nil && !addrPort(addr).Addr().IsLoopback() {
		return fault.Invalid.Errorf("udp: without keys anybody could speak for any device, so %v is not listened on; set Config.Key, or listen on 127.0.0.1", addr)
	}
	return nil
}
