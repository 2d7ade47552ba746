package client

import (
	"context"
	"crypto/tls"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// Options are what a socket may be told. The zero Options are good.
type Options struct {
	// Params are sent with each connection, in its URL, or over UDP signed, but in plain
	// text. What is secret belongs into Token.
	Params url.Values
	// Token is asked before each connection for the token that the server's Connect finds in
	// Peer.Token; so it may fetch a new one. It travels as a sub-protocol, which nobody logs.
	// An error is like one of the server: one of kind Forbidden, say, ends the first attempt.
	Token func(context.Context) (string, error)
	// Header is sent with each handshake.
	Header http.Header
	// TLS is for wss:// addresses.
	TLS *tls.Config
	// Compress offers the server to compress what is long.
	Compress bool

	// Device is who we are over UDP; the server finds it in Peer.Device. At most 255 bytes;
	// with the Params, 1,148.
	Device string
	// Key is what the device shares with the server, over UDP: at least 16 random bytes. It
	// never travels. None: for servers on this machine that want none.
	Key fault.Secret

	// NetDial connects, by a proxy perhaps. Default: TCP, or UDP. A connection of UDP reads
	// and writes datagrams, each whole; one of the system does not outlive a change of the
	// device's address, as the default does.
	NetDial func(ctx context.Context, network, addr string) (net.Conn, error)

	// Timeout is for a connection, a join, a call. Default 10 s.
	Timeout time.Duration
	// Heartbeat is the time between two signs of life; when one of them is not answered
	// until the next, the connection is lost. Default 30 s; over UDP none, because its
	// sessions look after themselves.
	Heartbeat time.Duration
	// Backoff is how long to wait after a failure, if the server did not say.
	Backoff Backoff
	// Wait makes Dial go on trying even if the server refuses the first attempt.
	Wait bool

	// MaxMessageBytes is how long a message of the server may be. Default 16 MiB.
	MaxMessageBytes int
	// Queue is how many messages may wait for a channel's callbacks. Default 1,024.
	Queue int
	// QueueBytes is how many bytes may wait for them. Default 16 MiB.
	QueueBytes int

	// Pool serves the connections of many sockets. Default: one of the socket's own.
	Pool *Pool
	// Log gets what nobody asked for, such as a payload that does not fit its type. Default
	// slog.Default().
	Log *slog.Logger

	dial   dialer                            // of tests
	jitter func(time.Duration) time.Duration // the same
}

// Backoff is how long to wait after a failure: a random time up to a limit, which is First
// at first and doubles with each failure in a row up to Most. What has held for 10 s was no
// failure.
type Backoff struct {
	First time.Duration // default 250 ms
	Most  time.Duration // default 30 s
}

// limit is the longest time to wait after so many failures before.
func (b Backoff) limit(failures int) time.Duration {
	if failures < 32 && b.First<<failures>>failures == b.First {
		return min(b.Most, b.First<<failures)
	}
	return b.Most
}

func (o Options) orDefaults(scheme string) Options {
	o.Timeout = or(o.Timeout, 10*time.Second)
	if scheme != schemeUDP {
		o.Heartbeat = or(o.Heartbeat, 30*time.Second)
	}
	o.MaxMessageBytes = or(o.MaxMessageBytes, 16<<20)
	o.Queue = or(o.Queue, 1024)
	o.QueueBytes = or(o.QueueBytes, 16<<20)
	o.Backoff.First = or(o.Backoff.First, 250*time.Millisecond)
	o.Backoff.Most = or(o.Backoff.Most, 30*time.Second)
	if o.jitter == nil {
		o.jitter = fullJitter
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

func or[T int | time.Duration](v, standard T) T {
	if v <= 0 {
		return standard
	}
	return v
}

// Token is for [Options]: always the same.
func Token(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}

func fullJitter(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return rand.N(limit)
}

// backoff is how long to wait after so many failures before.
func (o *Options) backoff(failures int) time.Duration { return o.jitter(o.Backoff.limit(failures)) }
