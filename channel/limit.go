package channel

import (
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
)

// Limits is how much one client may take. Zero fields mean the default.
type Limits struct {
	Topics          int           // joined at a time; 100
	MessageBytes    int           // of one message from the client, and of all that wait for one topic; 1 MiB
	PendingBytes    int           // waiting to be written to it, four times as much if it goes on reading; 1 MiB
	PendingMessages int           // the same, without a bound if it goes on reading; 1,024
	Idle            time.Duration // without a sign of life, and for one message to arrive; 60 s
	Joins           Limit         // of topics; 20 a second, 100 at once
	Events          Limit         // on all topics together; 200 a second, 1,000 at once
}

// Limit is how often a client may do something, and how large a message of it may be.
// There is one for all that a client sends ([Limits]), for what it sends on a topic
// ([Declared.With]) and for an event ([Call]). What is beyond it is answered with an error, and
// counted. Zero fields mean no limit of this kind.
type Limit struct {
	PerSecond float64 // in the long run; negative: no limit, not even the default
	Burst     int     // at once; default PerSecond, at least 1
	Bytes     int     // of a payload
}

func (l Limits) orDefaults() Limits {
	fallBack(&l.Topics, 100)
	fallBack(&l.MessageBytes, 1<<20)
	fallBack(&l.PendingBytes, 1<<20)
	fallBack(&l.PendingMessages, 1024)
	fallBack(&l.Idle, 60*time.Second)
	if l.Joins.PerSecond == 0 {
		l.Joins.PerSecond, l.Joins.Burst = 20, 100
	}
	if l.Events.PerSecond == 0 {
		l.Events.PerSecond, l.Events.Burst = 200, 1000
	}
	l.Joins, l.Events = l.Joins.orDefaults(), l.Events.orDefaults()
	return l
}

func fallBack[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// check says what is wrong with a limit, or "".
func (l Limit) check() string {
	switch {
	case l.Burst < 0 || l.Bytes < 0:
		return "has a negative Burst or Bytes"
	case l.Burst > 0 && l.PerSecond == 0:
		return "has a Burst without a PerSecond"
	}
	return ""
}

// check refuses limits that cannot be meant.
func (l Limits) check() error {
	for name, n := range map[string]int{"Topics": l.Topics, "MessageBytes": l.MessageBytes, "PendingBytes": l.PendingBytes, "PendingMessages": l.PendingMessages, "Idle": int(l.Idle)} {
		if n < 0 {
			return fault.Invalid.Errorf("channel: the socket's Limits.%s is negative", name)
		}
	}
	for name, limit := range map[string]Limit{"Joins": l.Joins, "Events": l.Events} {
		if wrong := limit.check(); wrong != "" {
			return fault.Invalid.Errorf("channel: the socket's Limits.%s %s", name, wrong)
		}
	}
	return nil
}

func (l Limit) orDefaults() Limit {
	if l.PerSecond > 0 {
		fallBack(&l.Burst, max(1, int(l.PerSecond)))
	}
	return l
}

func (l *Limit) tooLong(bytes int) bool { return l.Bytes > 0 && bytes > l.Bytes }

func (l *Limit) refusal() error {
	return fault.Invalid.Errorf("the payload is longer than %d bytes", l.Bytes)
}

// closeTimeout is shorter than the time that a process has for its end.
const closeTimeout = 2 * time.Second

func (l Limits) ws() ws.Limits {
	return ws.Limits{
		CloseTimeout:     closeTimeout,
		MaxMessageBytes:  l.MessageBytes,
		MaxPendingBytes:  l.PendingBytes,
		MaxPendingFrames: l.PendingMessages,
		IdleTimeout:      l.Idle,
	}
}

// bucket holds what a client may still do at once. It is empty for a rate that was never
// used, which is as good as full.
type bucket struct {
	spent float64
	at    time.Duration // of the node's clock
}

// take reports whether one more is within the limit.
func (b *bucket) take(l Limit, now time.Duration) bool {
	if l.PerSecond <= 0 {
		return true
	}
	b.spent = max(0, b.spent-(now-b.at).Seconds()*l.PerSecond)
	b.at = now
	if b.spent+1 > float64(l.Burst) {
		return false
	}
	b.spent++
	return true
}
