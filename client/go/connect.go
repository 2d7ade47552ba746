package client

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/internal/ws"
)

// settled is how long a connection or a join has to hold to count as good: the next wait
// starts from the bottom again.
const settled = 10 * time.Second

// longestAdvice is the longest time that a server can have a client wait.
const longestAdvice = time.Hour

// handshake is what a connection is asked with.
type handshake struct {
	url       *url.URL
	header    http.Header
	protocols []string
}

// connect makes one attempt.
func (s *Socket) connect() error {
	ctx, cancel := context.WithTimeout(s.ctx, s.o.Timeout)
	defer cancel()
	l := &link{socket: s}
	err := s.open(ctx, l)

	s.mu.Lock()
	if err == nil && s.state == Closed {
		err = fault.Canceled.Errorf("the socket was closed")
		s.running++
		l.carrier.close(ws.Normal, "")
	} else if err == nil {
		s.opened(l)
	} else if s.state != Closed {
		s.wait(retryAfter(err)+s.o.backoff(s.failures), err)
	}
	s.mu.Unlock()
	if l.carrier != nil {
		l.carrier.serve(l)
	}
	return err
}

func (s *Socket) open(ctx context.Context, l *link) error {
	h, err := s.handshake(ctx)
	if err == nil {
		l.carrier, err = s.o.dial(ctx, h)
	}
	var refused *ws.HandshakeError
	var classified *fault.Error
	switch {
	case errors.As(err, &refused):
		return refusedWith(refused.Status).Wrap(err, "the server refused the connection with %d %s", refused.Status, http.StatusText(refused.Status))
	case err == nil || errors.As(err, &classified):
		return err
	}
	return fault.Unavailable.Wrap(err, "the server cannot be reached")
}

// retryAfter is how long a server that refuses wants to be left alone.
func retryAfter(err error) time.Duration {
	var refused *ws.HandshakeError
	if !errors.As(err, &refused) {
		return 0
	}
	seconds, err := strconv.ParseUint(refused.Header.Get("Retry-After"), 10, 31)
	if err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, longestAdvice)
}

func (s *Socket) handshake(ctx context.Context) (handshake, error) {
	u, query := *s.url, s.url.Query()
	for name, values := range s.o.Params {
		query[name] = values
	}
	query.Set("vsn", "2.0.0")
	u.RawQuery = query.Encode()
	h := handshake{url: &u, header: s.o.Header.Clone()}
	if s.o.Token == nil {
		return h, nil
	}
	token, err := s.o.Token(ctx)
	if err != nil {
		return h, fault.Of(err).Wrap(err, "there is no token to connect with")
	}
	h.protocols = []string{"phoenix", "base64url.bearer.phx." + base64.RawStdEncoding.EncodeToString([]byte(token))}
	return h, nil
}

// opened goes on with a new connection.
func (s *Socket) opened(l *link) {
	s.running++
	s.link = l
	s.openedAt = time.Now()
	s.beat, s.longest = 0, 0
	s.enter(Open, nil)
	s.nextHeartbeat()
	for _, c := range s.inOrder() {
		c.failures = 0
		c.attempt()
	}
}

// inOrder are the channels in the order in which they began to join.
func (s *Socket) inOrder() []*Channel {
	all := make([]*Channel, 0, len(s.channels))
	for _, c := range s.channels {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *Channel) int { return int(a.order) - int(b.order) })
	return all
}

// wait has the socket try again later.
func (s *Socket) wait(d time.Duration, err error) {
	s.failures++
	s.enter(Waiting, err)
	s.set(&s.alarm, d, func() {
		s.enter(Opening, nil)
		s.spawn(func() { _ = s.connect() })
	})
}

func (s *Socket) heartbeat() {
	if s.beat != 0 {
		l := s.link
		s.lost(fault.Timeout.Errorf("the server did not answer a heartbeat"), "", false)
		l.carrier.close(ws.Normal, "heartbeat timeout")
		return
	}
	s.beat = s.ref()
	_ = s.send(wire.AppendClientPush(nil, nil, decimal(s.beat), system, eventHeartbeat, nil, nil), false)
	s.nextHeartbeat()
}

func (s *Socket) nextHeartbeat() {
	s.alarm.clear()
	if s.o.Heartbeat > 0 {
		s.set(&s.alarm, s.o.Heartbeat, s.heartbeat)
	}
}

// lost goes on without the connection. The advice is the reason of the close. The server
// may have closed it for a message that was too long.
func (s *Socket) lost(err error, advice string, tooLong bool) {
	if time.Since(s.openedAt) >= settled {
		s.failures = 0
	}
	s.link = nil
	for ref, left := range s.leaves {
		delete(s.leaves, ref)
		close(left)
	}
	for _, c := range s.inOrder() {
		c.lost(err, tooLong)
	}
	delay, advised := advised(advice)
	switch {
	case advised:
	case s.failures == 0 && s.spread > 0:
		delay = s.o.jitter(s.spread)
	default:
		delay = s.o.backoff(s.failures)
	}
	s.wait(delay, err)
}

// advised reads what a server that closes says: reconnect in 1200 ms.
func advised(reason string) (time.Duration, bool) {
	_, rest, found := strings.Cut(reason, "reconnect in ")
	number, _, unit := strings.Cut(rest, " ms")
	ms, err := strconv.ParseUint(number, 10, 32)
	if !found || !unit || err != nil {
		return 0, false
	}
	return min(time.Duration(ms)*time.Millisecond, longestAdvice), true
}

// ref is the next ref.
func (s *Socket) ref() uint64 {
	s.lastRef++
	return s.lastRef
}

// send hands a frame to the connection. An error is about the frame; a connection that
// does not take it is about to end.
func (s *Socket) send(frame []byte, binary bool) error {
	switch {
	case s.link == nil:
		return nil
	case s.longest > 0 && len(frame) > s.longest:
		return fault.Invalid.Errorf("the message is longer than the %d bytes that the server takes", s.longest)
	}
	return s.link.carrier.send(frame, binary)
}

func decimal(ref uint64) []byte { return strconv.AppendUint(nil, ref, 10) }
