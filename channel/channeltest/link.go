package channeltest

import (
	"errors"
	"sync"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
)

// line is a client's connection, as the client has it.
type line interface {
	send(op ws.Op, message []byte) error
	read() (op ws.Op, message []byte, err error) // waits up to patience
	cut()
	protocol() string
}

// link is a connection without a network: the server's end of it, and the client's.
type link struct {
	session *channel.Session
	ready   chan struct{} // closed when there is a session
	gone    chan struct{} // closed when the session has been told of the end

	mu     sync.Mutex
	frames []channel.Frame
	came   chan struct{} // holds one when there may be something to read
	end    *ws.CloseError
}

func newLink() *link {
	return &link{ready: make(chan struct{}), gone: make(chan struct{}), came: make(chan struct{}, 1)}
}

// longest is how long a frame may be for a client that has a websocket.
const longest = 1 << 20

func (l *link) Send(f channel.Frame) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.end != nil:
		return l.end
	case f.Len() == 0 || f.Len() > longest:
		return fault.Invalid.Errorf("channeltest: a frame of %d bytes does not go", f.Len())
	}
	l.frames = append(l.frames, f)
	l.wake()
	return nil
}

func (l *link) wake() {
	select {
	case l.came <- struct{}{}:
	default:
	}
}

func (*link) Flush() {}

func (l *link) Close(code channel.Code, reason string) {
	l.finish(&ws.CloseError{Code: code, Reason: reason})
}

// finish ends the link. The session hears of it in a goroutine of its own: it may be locked.
func (l *link) finish(end *ws.CloseError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end != nil {
		return
	}
	l.end = end
	l.wake()
	go func() {
		defer close(l.gone)
		<-l.ready
		if l.session != nil {
			l.session.Closed(end)
		}
	}()
}

func (l *link) send(op ws.Op, message []byte) error {
	l.mu.Lock()
	end := l.end
	l.mu.Unlock()
	switch {
	case end != nil:
		return end
	case op == ws.OpBinary:
		l.session.Binary(message)
	default:
		l.session.Text(message)
	}
	for i := range message {
		message[i] = '#' // whoever kept it sees that
	}
	return nil
}

func (l *link) read() (ws.Op, []byte, error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		l.mu.Lock()
		if len(l.frames) > 0 {
			f := l.frames[0]
			l.frames = l.frames[1:]
			l.mu.Unlock()
			return f.Op(), f.Payload(), nil
		}
		end := l.end
		l.mu.Unlock()
		if end != nil {
			return 0, nil, end
		}
		select {
		case <-l.came:
		case <-late.C:
			return 0, nil, errLate
		}
	}
}

// cut ends the link without a goodbye, and waits until the session knows.
func (l *link) cut() {
	l.finish(&ws.CloseError{Code: ws.Abnormal})
	<-l.gone
}

func (*link) protocol() string { return "" }

// patience is how long a client waits for anything.
const patience = 5 * time.Second

var errLate = errors.New("nothing came in " + patience.String())
