package ws

import "time"

// Limits is how much a connection may take of the server. A field that is zero
// or less means its default.
type Limits struct {
	// MaxMessageBytes is the longest message taken from the client, all of its
	// fragments together. Default 1 MiB.
	MaxMessageBytes int

	// MaxPendingBytes and MaxPendingFrames are what may wait to be written,
	// headers and the write under way included. Defaults 1 MiB and 1,024.
	MaxPendingBytes  int
	MaxPendingFrames int

	// IdleTimeout is the longest silence of the client. Any byte ends it.
	// Default 60 s.
	IdleTimeout time.Duration

	// WriteTimeout is the longest that one write, of at most 64 KiB or one
	// frame, may take. Default 10 s.
	WriteTimeout time.Duration

	// CloseTimeout is the longest from Close until the connection is gone:
	// writing what is pending and hearing the client's close. Default 5 s.
	CloseTimeout time.Duration
}

func (l Limits) orDefaults() Limits {
	fallBack(&l.MaxMessageBytes, 1<<20)
	fallBack(&l.MaxPendingBytes, 1<<20)
	fallBack(&l.MaxPendingFrames, 1024)
	fallBack(&l.IdleTimeout, 60*time.Second)
	fallBack(&l.WriteTimeout, 10*time.Second)
	fallBack(&l.CloseTimeout, 5*time.Second)
	return l
}

func fallBack[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}
