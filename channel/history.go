package channel

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// History is how much is kept of what is broadcast on a topic, for clients that lose their
// connection. One that joins again and says what it saw last gets exactly what it missed,
// before anything new, or is told that it cannot. It is an option of [Declared.With].
//
// A client that missed more than fills half of what may wait for it is told that it cannot.
//
// A history is kept in memory, and begins anew with the program, unless the application
// loads it.
type History struct {
	Messages int           // at most; default 100
	Age      time.Duration // at most; default 5 min
	Bytes    int           // of all payloads; default 1 MiB
	Events   []Named       // that are kept, see [Events]; nil: all; required with Load

	// Load gives the history of a topic from where the application keeps it, before the
	// first client joins. The payloads of the events that are kept must then say their
	// offset, see [Offsetter], and be stored before they are broadcast. Several clients
	// wait for one Load. An error refuses their joins.
	Load func(ctx context.Context, topic string) (Stored, error)

	kept map[string]bool // Events by name; nil: all
}

// Stored is a topic's history that the application keeps.
type Stored struct {
	Epoch  string // a new one for each beginning from 1; at most 64 bytes
	Offset uint64 // of the latest message, also if it is not in Messages
	// Messages are the latest, oldest first, without a gap. See [Record].
	Messages []Message
}

// Message is a broadcast of the past.
type Message struct {
	b   *broadcast
	err error
}

// Record makes a Message of an event with its payload, which says its offset.
func Record[T Offsetter](e Event[T], payload T) Message {
	b, err := encode("", e, payload)
	if err != nil {
		return Message{err: err}
	}
	b.offset = payload.Offset()
	return Message{b: b}
}

// Offsetter is a payload that knows its place in the topic's history: 1 for the first
// message, and one more for each that follows. One whose offset is not above the latest is
// taken for a message that the clients have: it is not sent, and counted as
// "channel.history.late". So broadcast in the order of offsets, from one process or under one
// lock; a gap empties the history.
type Offsetter interface{ Offset() uint64 }

func (h *History) orDefaults() *History {
	d := *h
	fallBack(&d.Messages, 100)
	fallBack(&d.Age, 5*time.Minute)
	fallBack(&d.Bytes, 1<<20)
	if d.Events != nil {
		d.kept = make(map[string]bool)
		for _, e := range d.Events {
			d.kept[e.name()] = true
		}
	}
	return &d
}

// log is the history of one topic. Its fields are guarded by the feed's lock.
type log struct {
	keeps  *History
	late   *telemetry.Counter
	epoch  string
	last   uint64 // offset
	past   []*broadcast
	bytes  int
	used   time.Duration // when it was last written
	loaded bool
	early  []*broadcast // while it is being loaded
	begun  bool         // to be loaded
	load   sync.Once    // it is how many joins wait for one Load
	err    error        // of the Load
	left   bool         // it failed because the client whose join it was for has gone
}

func newLog(keeps *History, late *telemetry.Counter) *log {
	l := &log{keeps: keeps, late: late, loaded: keeps.Load == nil}
	if l.loaded {
		l.epoch = newEpoch()
	}
	return l
}

func newEpoch() string {
	var b [9]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// keep takes a broadcast in. It reports false for one that the listeners have already.
func (l *log) keep(b *broadcast) bool {
	if b.version != 0 || l.keeps.kept != nil && !l.keeps.kept[b.event] {
		b.offset = 0
		return true
	}
	switch {
	case l.keeps.Load == nil:
		b.offset = l.last + 1
	case !l.loaded:
		if l.begun { // what was broadcast before is in what will be loaded
			l.early = append(l.early[max(0, len(l.early)-l.keeps.Messages):], b)
		}
		return true // nobody listens yet
	case b.offset <= l.last:
		l.late.Add(1)
		return false
	}
	l.append(b)
	l.trim(b.at)
	return true
}

func (l *log) append(b *broadcast) {
	if b.offset != l.last+1 {
		l.past, l.bytes = nil, 0 // what is kept has no gap
	}
	l.last, l.used = b.offset, b.at
	l.past = append(l.past, b)
	l.bytes += len(b.payload)
}

// trim lets go of what is too old or too much.
func (l *log) trim(now time.Duration) {
	n := 0
	for n < len(l.past) && (len(l.past)-n > l.keeps.Messages || l.bytes > l.keeps.Bytes || now-l.past[n].at > l.keeps.Age) {
		l.bytes -= len(l.past[n].payload)
		n++
	}
	l.past = slices.Delete(l.past, 0, n)
}

// idle reports whether the log may be forgotten: clients that come back will be told that
// it was.
func (l *log) idle(now time.Duration) bool { return len(l.past) == 0 && now-l.used > l.keeps.Age }

// since gives what came after an offset, unless it is not known any more.
func (l *log) since(epoch string, offset uint64) ([]*broadcast, bool) {
	missed := l.last - offset
	if epoch != l.epoch || offset > l.last || missed > uint64(len(l.past)) {
		return nil, false
	}
	return slices.Clone(l.past[len(l.past)-int(missed):]), true
}

// ready loads the history of a feed, if that is necessary.
func (f *feed) ready(ctx context.Context, h *hub) error {
	f.mu.Lock()
	l := f.log
	loaded := l == nil || l.loaded
	if !loaded {
		l.begun = true
	}
	f.mu.Unlock()
	if loaded {
		return nil
	}
	mine := false
	l.load.Do(func() {
		mine = true
		defer f.loaded(ctx, l)
		l.err = fault.Unavailable.Errorf("the history of the topic could not be loaded") // should Load panic
		l.err = f.fill(ctx, h, l)
	})
	if l.left && !mine {
		return nil // it is for this one to try now
	}
	return l.err
}

// loaded makes a log that could not be loaded one for the next who tries.
func (f *feed) loaded(by context.Context, l *log) {
	if l.err == nil {
		return
	}
	l.left = by.Err() != nil
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.log == l {
		f.log = newLog(l.keeps, l.late)
	}
}

func (f *feed) fill(ctx context.Context, h *hub, l *log) error {
	stored, err := l.keeps.Load(ctx, f.topic)
	if err != nil {
		return err
	}
	if err := stored.check(f.topic, h.now()); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	l.epoch, l.last = stored.Epoch, stored.Offset-uint64(len(stored.Messages))
	for _, m := range stored.Messages {
		l.append(m.b)
	}
	for _, b := range l.early {
		if b.offset > l.last {
			l.append(b)
		}
	}
	l.early, l.loaded, l.used = nil, true, h.now()
	l.trim(h.now())
	return nil
}

// check refuses a history that cannot be right, and completes its messages.
func (s Stored) check(topic string, now time.Duration) error {
	if s.Epoch == "" || len(s.Epoch) > 64 {
		return fault.Internal.Errorf("channel: the stored history of %.100q needs an epoch of 1 to 64 bytes", topic)
	}
	first := s.Offset + 1 - uint64(len(s.Messages))
	for i, m := range s.Messages {
		if m.err != nil {
			return m.err
		}
		if m.b.offset != first+uint64(i) {
			return fault.Internal.Errorf("channel: the stored history of %.100q has the offset %d where %d belongs", topic, m.b.offset, first+uint64(i))
		}
		m.b.topic, m.b.at = topic, now
	}
	return nil
}
