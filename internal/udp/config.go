package udp

import (
	"context"
	"net/netip"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// Config is how a server treats its clients. Only Accept has to be set.
type Config struct {
	// Key gives the key that a device shares with the server, of at least 16 random
	// bytes. Its error refuses the device; the device is told no more than that it
	// could not be authenticated. Without Key, nobody is authenticated, and the server
	// listens on loopback addresses only.
	Key func(ctx context.Context, device string) ([]byte, error)
	// Accept takes a new session or refuses it, with fault.Detail of its error, cut at
	// 120 bytes. The session may be kept and sent to; that leaves once Accept returned.
	// It runs in a goroutine of its own, and ctx ends after PendingTimeout.
	Accept func(ctx context.Context, hello Hello, s *Session) (Handler, error)
	// Hooks surround the messages that arrive together.
	Hooks Hooks
	// Count is called with the name of whatever was dropped, and why; see the package
	// comment. It must not block.
	Count func(name string)
	// Secret proves after a restart that the server is the one whose sessions it does
	// not know anymore, so that clients connect again at once. Give each server its
	// own, of at least 16 bytes, and the same after each start. Without, clients of a
	// server that restarted find out by their idle time-out.
	Secret []byte

	Idle               time.Duration // silence that ends a session; default 60 s
	CloseTimeout       time.Duration // for what is pending when a session is closed; default 5 s
	PendingTimeout     time.Duration // for Key and Accept; default 10 s
	MaxMessageBytes    int           // of one message, either way; default 64 KiB
	MaxPendingBytes    int           // not yet acknowledged, of one session; at least MaxMessageBytes; default 1 MiB
	MaxPendingMessages int           // likewise; default 1,024
	MaxHeldBytes       int64         // received too early or in part, of all sessions; default 64 MiB
	MaxSessions        int           // default 10,000
	MaxPending         int           // handshakes that wait for Key or Accept; default 256
}

// Hello is what a new client says of itself. Device and Params are signed with the
// device's key.
type Hello struct {
	Device string // at most 255 bytes
	Params string // such as a URL's query
	Addr   netip.AddrPort
}

// Handler hears of one session. Its methods are called one at a time, by goroutines
// that all sessions share: they must not block.
type Handler interface {
	Message(batch any, payload []byte) // payload is valid during the call only; batch: what Hooks.Begin gave
	Closed(err *CloseError)            // last, exactly once
}

// Hooks surround the messages of one wake-up of the reader. A nil one is left out.
type Hooks struct {
	Begin func() any
	End   func(batch any)
}

// The limits that are not for setting.
const (
	MaxDatagramBytes = 1200 // of what is sent and of what is read
	MaxDeviceBytes   = 255
	MaxReasonBytes   = 120 // of a refusal and a close
	MinKeyBytes      = 16
)

const (
	minIdle         = 100 * time.Millisecond
	maxIdle         = 24 * time.Hour
	maxMessageBytes = 16 << 20
)

func (c Config) orDefaults() Config {
	orDefault(&c.Idle, 60*time.Second)
	orDefault(&c.CloseTimeout, 5*time.Second)
	orDefault(&c.PendingTimeout, 10*time.Second)
	orDefault(&c.MaxMessageBytes, 64<<10)
	orDefault(&c.MaxPendingBytes, 1<<20)
	c.MaxPendingBytes = max(c.MaxPendingBytes, c.MaxMessageBytes)
	orDefault(&c.MaxPendingMessages, 1024)
	orDefault(&c.MaxHeldBytes, 64<<20)
	orDefault(&c.MaxSessions, 10_000)
	orDefault(&c.MaxPending, 256)
	return c
}

func orDefault[T int | int64 | time.Duration](v *T, otherwise T) {
	if *v <= 0 {
		*v = otherwise
	}
}

func (c Config) check() error {
	switch {
	case c.Accept == nil:
		return fault.Invalid.Errorf("udp: Config.Accept is not set; it makes the handler of each session")
	case c.Secret != nil && len(c.Secret) < MinKeyBytes:
		return fault.Invalid.Errorf("udp: Config.Secret has %d bytes; give it at least %d random ones", len(c.Secret), MinKeyBytes)
	case c.Idle < minIdle, c.Idle > maxIdle:
		return fault.Invalid.Errorf("udp: Config.Idle is %v; it must be from %v to %v", c.Idle, minIdle, maxIdle)
	case c.MaxMessageBytes > maxMessageBytes:
		return fault.Invalid.Errorf("udp: Config.MaxMessageBytes is %d; it must be at most %d", c.MaxMessageBytes, maxMessageBytes)
	}
	return nil
}
