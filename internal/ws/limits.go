package ws

import "time"

// Limits is how much a connection may take of the server. A field that is zero
// or less means its default, and so does a nil *Limits. Connections share it:
// it must not change while one of them is open.
type Limits struct {
	// MaxMessageBytes is the longest message taken from the other end, all of its
	// fragments together, compressed and not. Default 1 MiB.
	MaxMessageBytes int

	// MaxPendingBytes and MaxPendingFrames are what may wait to be written,
	// headers and the write under way included. More may wait, up to four times
	// MaxPendingBytes, while the other end goes on reading: see the package's
	// documentation. Defaults 1 MiB and 1,024.
	MaxPendingBytes  int
	MaxPendingFrames int

	// IdleTimeout is the longest silence of the other end, and the longest that one
	// message may take to arrive. Any byte ends a silence.
	// Default 60 s.
	IdleTimeout time.Duration

	// WriteTimeout is the longest time in which the other end takes none of what
	// is pending; half of it if that is more than MaxPendingBytes or
	// MaxPendingFrames. Default 10 s.
	WriteTimeout time.Duration

	// CloseTimeout is the longest from Close until the connection is gone:
	// writing what is pending and hearing the other's close. Default 5 s.
	CloseTimeout time.Duration
}

func (l *Limits) messageBytes() int {
	if l == nil {
		return 1 << 20
	}
	return orDefault(l.MaxMessageBytes, 1<<20)
}

func (l *Limits) pendingBytes() int {
	if l == nil {
		return 1 << 20
	}
	return orDefault(l.MaxPendingBytes, 1<<20)
}

func (l *Limits) pendingFrames() int {
	if l == nil {
		return 1024
	}
	return orDefault(l.MaxPendingFrames, 1024)
}

func (l *Limits) idle() time.Duration {
	if l == nil {
		return 60 * time.Second
	}
	return orDefault(l.IdleTimeout, 60*time.Second)
}

func (l *Limits) write() time.Duration {
	if l == nil {
		return 10 * time.Second
	}
	return orDefault(l.WriteTimeout, 10*time.Second)
}

func (l *Limits) close() time.Duration {
	if l == nil {
		return 5 * time.Second
	}
	return orDefault(l.CloseTimeout, 5*time.Second)
}

func orDefault[T int | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}
