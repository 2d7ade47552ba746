package web

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// Endpoint is an HTTP server as a child of a supervision tree: the place where
// requests come in. Every request passes [RequestID], [Log] and [Recover] on its
// way to the Handler.
//
// Set the fields before Start and leave them alone afterwards. A zero time or size
// means its default, a negative time none. A handler that needs longer for one
// answer moves its own deadlines with [http.ResponseController].
type Endpoint struct {
	Addr    string       // where to listen; default "127.0.0.1:4000", this machine alone
	Handler http.Handler // required
	TLS     *tls.Config  // serves HTTPS and HTTP/2 if given; see package web/cert
	H2C     bool         // without TLS, also HTTP/2, for a proxy that speaks it

	// Listen opens the listener if Addr, which then says nothing, does not do: a unix socket,
	// a socket that systemd holds, a network in memory. It is called for each start, so it
	// gives a new one each time; ctx is that of the start. The endpoint closes what it got,
	// once, when it accepts no more. An error that has no kind is told as fault.Unavailable.
	//
	// A socket that somebody else holds is not closed by that, and connections queue there
	// between two starts. systemd's first is descriptor 3:
	//
	//	socket := os.NewFile(3, "systemd")
	//	endpoint.Listen = func(context.Context) (net.Listener, error) { return net.FileListener(socket) }
	Listen func(ctx context.Context) (net.Listener, error)

	ReadHeaderTimeout time.Duration // to read the header; default 5 s
	ReadTimeout       time.Duration // to read the whole request; default 30 s
	WriteTimeout      time.Duration // from the header's end to the answer's end; default 60 s
	IdleTimeout       time.Duration // between two requests of a connection; default 75 s
	MaxHeaderBytes    int           // default 64 KiB; net/http adds 4 KiB of slack; above it is 431
	Drain             time.Duration // to finish requests when stopping; default 4 s

	mu       sync.Mutex
	listener net.Listener // from Start until Serve accepts no more
	starting bool         // a Start is at it, without the lock
	serving  bool
	addr     string
}

// Start binds the address, or calls Listen, and returns; connections queue until
// [Endpoint.Serve]. An address that cannot be bound is fault.Unavailable, an endpoint
// without a Handler fault.Invalid, one that serves already fault.Conflict. After a Start that was not
// followed by Serve it does nothing.
func (e *Endpoint) Start(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.bind(ctx)
}

func (e *Endpoint) bind(ctx context.Context) error {
	if e.Handler == nil {
		return fault.Invalid.Errorf("the endpoint has no Handler")
	}
	if e.serving {
		return fault.Conflict.Errorf("the endpoint serves already, on %s", e.addr)
	}
	if e.starting {
		return fault.Conflict.Errorf("the endpoint is being started already")
	}
	if e.listener != nil {
		return nil
	}
	l, err := e.listen(ctx)
	if err != nil {
		return err
	}
	e.listener, e.addr = l, l.Addr().String()
	return nil
}

// listen gives a listener. The lock, which is held, is let go meanwhile.
func (e *Endpoint) listen(ctx context.Context) (net.Listener, error) {
	e.starting = true
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		e.starting = false
	}()
	if e.Listen == nil {
		addr := cmp.Or(e.Addr, "127.0.0.1:4000")
		l, err := listenTCP(ctx, addr)
		if err != nil {
			return nil, listenFault(err, addr)
		}
		return l, nil
	}
	l, err := e.Listen(ctx)
	switch {
	case err != nil && fault.Of(err) == fault.Internal:
		return nil, fault.Unavailable.Wrap(err, "the endpoint's Listen failed")
	case err != nil:
		return nil, err
	case l == nil:
		return nil, fault.Invalid.Errorf("the endpoint's Listen gave neither a listener nor an error")
	}
	return &closedOnce{Listener: l}, nil
}

// closedOnce is a listener that net/http closes, too.
type closedOnce struct {
	net.Listener
	once sync.Once
	err  error
}

func (l *closedOnce) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}

func listenFault(err error, addr string) error {
	const wsaeaddrinuse = syscall.Errno(10048) // what Windows calls EADDRINUSE
	_, port, _ := net.SplitHostPort(addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, wsaeaddrinuse):
		return fault.Unavailable.Wrap(err, "port %s is taken; stop the other program or choose another address", port)
	case errors.Is(err, syscall.EACCES):
		return fault.Unavailable.Wrap(err, "port %s needs a privilege that this program lacks; choose one above 1023", port)
	}
	return fault.Unavailable.Wrap(err, "cannot listen on %s", addr)
}

// Serve answers requests until ctx is done. Then it drains: it accepts no more,
// lets running requests finish for the drain time, cuts those that did not, and
// returns nil. If it cannot accept any longer it returns fault.Unavailable. It starts
// the endpoint if nobody did, and afterwards the endpoint can be started again.
//
// Requests get the values of ctx, not its end: see [Draining]. Connections that a
// handler has hijacked are the handler's; Serve neither waits for them nor closes
// them.
func (e *Endpoint) Serve(ctx context.Context) error {
	l, err := e.take(ctx)
	if err != nil {
		return err
	}
	telemetry.Log(ctx).Info("listening", "url", cmp.Or(e.URL(), e.ListenAddr()))
	srv := e.server(ctx)
	ended := make(chan error, 1)
	go func() {
		if e.TLS != nil {
			ended <- srv.ServeTLS(l, "", "")
		} else {
			ended <- srv.Serve(l)
		}
	}()
	select {
	case err := <-ended:
		e.release()
		srv.Close()
		return fault.Unavailable.Wrap(err, "the endpoint on %s cannot accept connections", l.Addr())
	case <-ctx.Done():
	}
	e.release()

	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(0, cmp.Or(e.Drain, 4*time.Second)))
	defer cancel()
	if err := srv.Shutdown(drain); errors.Is(err, context.DeadlineExceeded) { // others: the listener is closed already
		telemetry.Log(ctx).Warn("requests were cut: the drain time is over", "addr", l.Addr().String())
	}
	srv.Close()
	<-ended
	return nil
}

func (e *Endpoint) take(ctx context.Context) (net.Listener, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.bind(ctx); err != nil {
		return nil, err
	}
	e.serving = true
	return e.listener, nil
}

// release ends accepting; the endpoint can be started again.
func (e *Endpoint) release() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.listener.Close()
	e.listener, e.serving = nil, false
}

func (e *Endpoint) server(ctx context.Context) *http.Server {
	base := context.WithValue(context.WithoutCancel(ctx), drainKey{}, ctx.Done())
	var unused unused
	srv := &http.Server{
		Handler:           Chain(e.Handler, roomy, RequestID, Log, Recover, bounded),
		TLSConfig:         e.TLS,
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnState:         unused.track,
		ReadHeaderTimeout: cmp.Or(e.ReadHeaderTimeout, 5*time.Second),
		ReadTimeout:       cmp.Or(e.ReadTimeout, 30*time.Second),
		WriteTimeout:      cmp.Or(e.WriteTimeout, 60*time.Second),
		IdleTimeout:       cmp.Or(e.IdleTimeout, 75*time.Second),
		MaxHeaderBytes:    cmp.Or(e.MaxHeaderBytes, 64<<10),
		ErrorLog:          log.New(serverLog{ctx}, "", 0),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 250,
			SendPingTimeout:      30 * time.Second, // who does not answer is gone, also below a stream without end
			PingTimeout:          15 * time.Second,
			WriteByteTimeout:     30 * time.Second,
		},
	}
	if e.H2C && e.TLS == nil {
		srv.Protocols = new(http.Protocols)
		srv.Protocols.SetHTTP1(true)
		srv.Protocols.SetUnencryptedHTTP2(true)
	}
	srv.RegisterOnShutdown(unused.close)
	return srv
}

// serverLog is where the server tells of what happens between requests.
type serverLog struct{ ctx context.Context }

func (l serverLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	level := slog.LevelWarn
	if strings.HasPrefix(text, "http: TLS handshake error") {
		telemetry.Count(l.ctx, "web.handshakes.failed", 1)
		level = slog.LevelDebug // any port scanner causes it
	}
	telemetry.Log(l.ctx).Log(l.ctx, level, text)
	return len(line), nil
}

// ListenAddr is the address that the last Start has bound, as in
// "127.0.0.1:41234", and "" before. Of a unix socket it is the path.
func (e *Endpoint) ListenAddr() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.addr
}

// URL is where a client on this machine reaches the endpoint, as in
// "http://127.0.0.1:41234", and "" before Start, or if the address has no port.
func (e *Endpoint) URL() string {
	host, port, err := net.SplitHostPort(e.ListenAddr())
	if err != nil {
		return ""
	}
	if net.ParseIP(host).IsUnspecified() {
		host = "localhost"
	}
	scheme := "http://"
	if e.TLS != nil {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(host, port)
}

type drainKey struct{}

// Draining is closed when the endpoint that serves this request begins to drain.
// Handlers that run for long (a stream of events, a long poll, a websocket) watch it
// next to ctx.Done() and come to an end, or they are cut when the drain time is
// over. Outside of an endpoint it is nil, which is never ready.
func Draining(ctx context.Context) <-chan struct{} {
	c, _ := ctx.Value(drainKey{}).(<-chan struct{})
	return c
}

// unused is the connections on which no request has begun. Browsers open some in
// advance, and http.Server.Shutdown would wait 5 s for each.
type unused struct {
	conns  sync.Map // net.Conn → nothing
	count  atomic.Int64
	closed atomic.Bool
}

func (u *unused) track(c net.Conn, s http.ConnState) {
	if s == http.StateNew {
		u.conns.Store(c, nil)
		u.count.Add(1)
		if u.closed.Load() {
			c.Close()
		}
		return
	}
	if u.count.Load() == 0 { // as a rule: all connections are in use
		return
	}
	if _, was := u.conns.LoadAndDelete(c); was {
		u.count.Add(-1)
	}
}

func (u *unused) close() {
	u.closed.Store(true)
	u.conns.Range(func(c, _ any) bool {
		c.(net.Conn).Close()
		return true
	})
}
