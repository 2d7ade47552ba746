package process

import (
	"context"
	"log/slog"
	"time"

	"github.com/bennu-go/bennu/telemetry"
)

// Alarms says when a node is to warn of processes that are stuck: in its log, and in the
// counter process.alarms. Zero: never.
type Alarms struct {
	Handler time.Duration // a method has been running for so long; default 10 s
	Mailbox time.Duration // a message has been waiting for so long while others are handled; default 10 s
}

const defaultAlarm = 10 * time.Second

// SetAlarms changes when the node warns of processes that are stuck.
func (n *Node) SetAlarms(a Alarms) { n.alarms.Store(&a) }

// ageing follows the message that was last in the mailbox at one look, to know how old
// messages are when their turn comes.
type ageing struct {
	until   uint64 // its number; 0: none is followed
	since   time.Duration
	alarmed bool
}

// watchAge is called for a process that runs.
func (s *Slot) watchAge(now time.Duration) {
	most := s.node.alarms.Load().Mailbox
	if most <= 0 {
		return
	}
	s.mu.Lock()
	waits := s.waits()
	handled := s.handled + uint64(s.passed())
	if s.odd != nil && (waits == 0 || s.odd.ageing.until <= handled) {
		s.odd.ageing = ageing{}
	}
	var late time.Duration
	if waits > 0 {
		switch a := &s.oddly().ageing; {
		case a.until == 0:
			*a = ageing{until: handled + uint64(waits), since: now}
		case now-a.since >= most && !a.alarmed:
			a.alarmed = true
			late = now - a.since
		}
	}
	s.mu.Unlock()
	if late > 0 {
		s.alarm("messages have been waiting for long", late, "")
	}
}

func (s *Slot) alarm(what string, d time.Duration, method string) {
	defer func() { _ = recover() }() // a log handler that panics must not end the program
	s.node.counters.Counter("process.alarms").Add(1)
	attrs := []slog.Attr{slog.String("process", s.String()), slog.Duration("for", d.Truncate(tick))}
	if method != "" {
		attrs = append(attrs, slog.String("method", method))
	}
	telemetry.Log(s.node.base).LogAttrs(context.Background(), slog.LevelWarn, what, attrs...)
}

// nextAlarm is how long it takes until one may be due; 0: none.
func (n *Node) nextAlarm() (d time.Duration) {
	a := n.alarms.Load()
	n.hiring.Lock()
	all := n.all
	n.hiring.Unlock()
	now := n.now()
	sooner := func(at time.Duration) {
		if left := max(at-now, 1); d == 0 || left < d {
			d = left
		}
	}
	for _, w := range all {
		w.mu.Lock()
		s, last := w.slot, w.sample
		w.mu.Unlock()
		if s == nil || last.message == nil {
			continue
		}
		if a.Handler > 0 && !last.alarmed {
			sooner(last.since + a.Handler)
		}
		s.mu.Lock()
		if a.Mailbox > 0 && s.odd != nil && s.odd.ageing.until > 0 && !s.odd.ageing.alarmed {
			sooner(s.odd.ageing.since + a.Mailbox)
		}
		s.mu.Unlock()
	}
	return d
}
