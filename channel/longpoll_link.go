package channel

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web"
)

// pollLink is the way to a client that polls: it keeps messages until they are asked for.
// A timer ends it, whatever it ends of: so there is no goroutine that waits with it, and
// Close can be called under the locks of who sends.
type pollLink struct {
	of   *polls
	id   string
	turn chan struct{} // of the request whose messages are being handled

	mu      sync.Mutex // may be taken with the session's lock held, never the other way round
	session *Session
	timer   *time.Timer // nil before the session has begun
	due     time.Time   // when the timer counts
	queue   []Frame
	bytes   int           // of queue
	giving  int           // so many of its first are being written
	waiting chan struct{} // wakes the request that waits, or is being answered; nil: there is none
	end     error         // why it is over, or is about to be
	reason  string        // of that, for the client
	over    bool          // the session is told
}

func newPollLink(p *polls) *pollLink {
	return &pollLink{of: p, id: rand.Text(), turn: make(chan struct{}, 1)}
}

// begin is called once, when the session has been accepted. It may have been closed since.
func (l *pollLink) begin(s *Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.session = s
	l.timer = time.AfterFunc(time.Hour, l.expire)
	l.arm()
}

// Send keeps a message of text.
func (l *pollLink) Send(f Frame) error {
	if f.Op() != ws.OpText {
		return fault.Invalid.Errorf("the message is binary, which does not come through by long-polling")
	}
	limits := &l.of.socket.limits
	if f.Len() > limits.PendingBytes {
		return fault.Invalid.Errorf("a message of %d bytes does not fit into an outbox of %d; raise Limits.PendingBytes", f.Len(), limits.PendingBytes)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end != nil {
		return l.end
	}
	if len(l.queue) >= limits.PendingMessages || l.bytes+f.Len() > limits.PendingBytes {
		why := fault.Exhausted.Errorf("the client polls too slowly: %d messages are waiting", len(l.queue))
		l.drop()
		l.shut(why, "reading too slowly")
		return l.end
	}
	l.queue = append(l.queue, f)
	l.bytes += f.Len()
	l.wake()
	return nil
}

// Flush does nothing: a request that waits was woken by Send.
func (l *pollLink) Flush() {}

// Close ends the session after the next answer, or with this one. The client is not told
// the code: it comes back after every end. When the server restarts, nobody waits for
// clients that are just between two requests, as there may be no endpoint any more.
func (l *pollLink) Close(code Code, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end != nil {
		return
	}
	if code == ws.Restart && l.waiting == nil {
		l.lose()
	}
	l.shut(fault.Unavailable.Errorf("the server closed the session"), reason)
}

// shut begins the end: what is queued may still be asked for. The lock is held.
func (l *pollLink) shut(why error, reason string) {
	l.end, l.reason = why, reason
	l.due = time.Now().Add(closeTimeout)
	l.wake()
	l.arm()
}

// arm sets the timer. The lock is held.
func (l *pollLink) arm() {
	now := time.Now()
	switch {
	case l.end == nil:
		l.due = now.Add(l.of.window * 3 / 2)
	case l.waiting == nil && len(l.queue) == 0:
		l.due = now
	}
	if l.timer != nil {
		l.timer.Reset(l.due.Sub(now))
	}
}

// expire ends the session, if it is time: nobody polls any more, or the end has begun, and
// is complete.
func (l *pollLink) expire() {
	l.mu.Lock()
	if l.over || time.Now().Before(l.due) || l.end == nil && l.waiting != nil {
		l.mu.Unlock()
		return
	}
	l.over = true
	if l.end == nil {
		l.end = fault.Timeout.Errorf("the client has not polled for %v", l.of.window*3/2)
	}
	l.lose()
	l.wake()
	why := l.end
	l.mu.Unlock()
	l.of.remove(l)
	l.session.Closed(why)
}

// lose drops what nobody has come for. The lock is held.
func (l *pollLink) lose() {
	telemetry.Count(l.of.socket.ctx, "channel.longpoll.lost", int64(len(l.queue)-l.giving))
	l.drop()
}

// drop forgets what is not being written. The lock is held.
func (l *pollLink) drop() {
	clear(l.queue[l.giving:])
	l.queue = l.queue[:l.giving]
}

// wake has the request that waits look again. The lock is held.
func (l *pollLink) wake() {
	if l.waiting != nil {
		select {
		case l.waiting <- struct{}{}:
		default:
		}
	}
}

// poll answers one request. If there is another one, it takes over.
func (l *pollLink) poll(ctx context.Context, give func(pollAnswer) error) {
	me := make(chan struct{}, 1)
	window := time.NewTimer(l.of.window)
	defer window.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wake()
	l.waiting = me
	defer l.leave(me)
	drains := web.Draining(ctx)
	for late := false; ; {
		if a, n, ok := l.next(me, late); ok {
			l.give(a, n, give)
			return
		}
		l.mu.Unlock()
		select {
		case <-me:
		case <-window.C:
			late = true
		case <-drains:
			drains = nil
			l.Close(ws.Restart, "the server restarts; "+l.of.advice())
		case <-ctx.Done():
		}
		l.mu.Lock()
		if ctx.Err() != nil {
			return
		}
	}
}

// next is what a request is to be answered, with how many messages, if it is time. The
// lock is held.
func (l *pollLink) next(me chan struct{}, late bool) (a pollAnswer, n int, ok bool) {
	a = pollAnswer{Status: pollEmpty, Messages: []string{}}
	switch {
	case l.waiting != me:
		return a, 0, true
	case l.giving > 0: // what is behind must not overtake it
		return a, 0, false
	case len(l.queue) > 0:
		a.Status = pollOK
		return a, len(l.queue), true
	case l.end != nil:
		a.Status, a.Reason = pollGone, l.reason
		return a, 0, true
	}
	return a, 0, late
}

// give writes an answer. Messages are out of the queue when it has been written. The lock
// is held, and let go of meanwhile.
func (l *pollLink) give(a pollAnswer, n int, give func(pollAnswer) error) {
	frames, written := l.queue[:n], false
	l.giving += n
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		if n > 0 {
			l.given(n, written)
		}
	}()
	for _, f := range frames {
		a.Messages = append(a.Messages, string(f.Payload()))
	}
	written = give(a) == nil
}

func (l *pollLink) given(n int, written bool) {
	l.giving = 0
	if !written {
		return
	}
	for _, f := range l.queue[:n] {
		l.bytes -= f.Len()
	}
	if l.queue = slices.Delete(l.queue, 0, n); len(l.queue) == 0 {
		l.queue = nil
	}
}

// leave is the end of a request. The lock is held.
func (l *pollLink) leave(me chan struct{}) {
	if l.waiting != me {
		l.wake() // it may have waited for the end of this one
		return
	}
	l.waiting = nil
	if !l.over {
		l.arm()
	}
}

// post handles messages, those of one request after those of another.
func (l *pollLink) post(ctx context.Context, messages []raw) (status int) {
	window := time.NewTimer(l.of.window)
	defer window.Stop()
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-window.C:
		return pollLate
	case <-ctx.Done():
		return pollLate
	}
	b := l.of.socket.hub.begin(l.of.socket.ctx)
	defer b.end()
	for _, m := range messages {
		if l.closed() {
			return pollGone
		}
		l.session.receive(b, m.op, m.text)
	}
	if l.closed() {
		return pollGone
	}
	return pollOK
}

func (l *pollLink) closed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end != nil
}

var (
	_ Link   = (*pollLink)(nil)
	_ polled = (*pollLink)(nil)
)
