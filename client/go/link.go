package client

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"strconv"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/internal/ws"
)

// carrier is a connection that carries frames. None of its methods waits. Send's error is
// about the frame, such as one too long.
type carrier interface {
	serve(*link) // from here on the link hears
	send(frame []byte, binary bool) error
	close(code ws.Code, reason string)
}

// dialer makes a connection. An error of package fault says by its kind whether the
// server has refused for good.
type dialer func(context.Context, handshake) (carrier, error)

// link is one connection of a socket. Its methods are called by the carrier, one at a
// time, and do not wait.
type link struct {
	socket  *Socket
	carrier carrier
}

// message hears a message. The frame is the carrier's again afterwards.
func (l *link) message(frame []byte, binary bool) {
	var r wire.Received
	var err error
	if binary {
		r, err = wire.DecodeServerBinary(frame)
	} else {
		r, err = wire.DecodeServerText(frame)
	}
	s := l.socket
	if err != nil {
		s.o.Log.Warn("client: the server sent what is no message", "error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link == l {
		s.receive(r)
	}
}

// closed hears the end, once: the code and the reason of the server.
func (l *link) closed(code ws.Code, reason string, cause error) {
	s := l.socket
	s.mu.Lock()
	if s.link == l {
		kind, tooLong := fault.Unavailable, code == ws.TooBig
		if tooLong {
			kind = fault.Invalid
		}
		s.lost(kind.Wrap(cause, "the connection was lost (%s)", why(code, reason)), reason, tooLong)
	}
	s.mu.Unlock()
	s.ended()
}

// why says why a connection was closed.
func why(code ws.Code, reason string) string {
	if code == ws.TooBig {
		return cmp.Or(reason, "a message is too long")
	}
	return fmt.Sprint(uint16(code))
}

// receive gives a message to whom it concerns.
func (s *Socket) receive(r wire.Received) {
	status, response, isReply := r.Reply()
	ref, _ := strconv.ParseUint(string(r.Ref), 10, 64)
	c := s.channels[string(r.Topic)]
	switch {
	case isReply && ref == s.beat && string(r.Topic) == system:
		s.beat = 0
	case isReply && s.leaves[ref] != nil:
		close(s.leaves[ref])
		delete(s.leaves, ref)
	case c == nil || r.JoinRef != nil && !bytes.Equal(r.JoinRef, c.joinRef):
		return // for an earlier join
	case isReply:
		c.replied(ref, r.JoinRef == nil, string(status), raw{response, r.Binary}, r.Meta)
	case string(r.Event) == eventClose:
		c.close(fault.Unavailable.Errorf("the server closed the channel"))
	case string(r.Event) == eventError:
		c.crashed(raw{r.Payload, r.Binary})
	default:
		c.heard(r)
	}
}
