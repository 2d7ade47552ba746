package channeltest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/process"
)

// Client is a client of a socket. It is for one goroutine.
type Client struct {
	t      testing.TB
	server *Server // nil: the client dialed
	old    bool    // version 1
	open   func() (line, error)
	line   line
	refs   int
	unread []Message
}

// Connect connects to a server that [Serve] runs. The peer is what Connect of the socket
// gets to see: its Params, Token, Header and Addr. With "vsn" of its Params, the client
// speaks another version than 2.0.0. The connection is cut when the test ends.
func Connect(t testing.TB, s *Server, as ...channel.Peer) *Client {
	t.Helper()
	c := &Client{t: t, server: s}
	c.open = func() (line, error) { return accept(c.server, as) }
	if len(as) > 0 && as[0].Params.Has("vsn") {
		version, _ := wire.Negotiate(as[0].Params.Get("vsn"))
		c.old = version == wire.V1
	}
	c.Reconnect()
	t.Cleanup(c.Drop)
	return c
}

// ConnectTo is Connect to a socket that the test runs itself. ctx has its node.
func ConnectTo(t testing.TB, ctx context.Context, socket *channel.Socket, as ...channel.Peer) *Client {
	t.Helper()
	return Connect(t, &Server{t: t, ctx: ctx, socket: socket}, as...)
}

// Refused is the error with which a socket refuses to connect.
func Refused(t testing.TB, s *Server, as ...channel.Peer) error {
	t.Helper()
	l, err := accept(s, as)
	if err == nil {
		l.cut()
		t.Fatal("the socket lets the client connect")
	}
	return err
}

func accept(s *Server, as []channel.Peer) (line, error) {
	p := channel.Peer{Addr: "192.0.2.1:1234", Transport: "websocket"}
	if len(as) > 0 {
		p = as[0]
	}
	params := url.Values{"vsn": {"2.0.0"}}
	for key, values := range p.Params {
		params[key] = values
	}
	p.Params, p.Header = params, p.Header.Clone()
	l := newLink()
	defer close(l.ready)
	session, err := s.socket.Accept(s.ctx, &p, l)
	if err != nil {
		return nil, err
	}
	l.session = session
	return l, nil
}

// Reconnect connects again, after a Drop or when the server has closed. Rooms are to be
// joined again: see [Room.Rejoin].
func (c *Client) Reconnect() {
	c.t.Helper()
	l, err := c.open()
	if err != nil {
		c.t.Fatalf("the client may not connect: %v", err)
	}
	c.Drop()
	c.line = l
}

// Move is Reconnect to another server: the one after a restart, or on another node. It is
// for a client that connected with [Connect].
func (c *Client) Move(s *Server) {
	c.t.Helper()
	if c.server == nil {
		c.t.Fatal("only a client that connected with Connect can Move; Dial the other server")
	}
	c.server = s
	c.Reconnect()
}

// Drop cuts the connection without a goodbye, as a tunnel does. What the test has not
// looked at is lost on its way.
func (c *Client) Drop() {
	if c.line != nil {
		c.line.cut()
	}
	c.line, c.unread = nil, nil
}

// Protocol is the sub-protocol that the server chose, of a client that dialed.
func (c *Client) Protocol() string { return c.line.protocol() }

// Send sends a text message as it is.
func (c *Client) Send(message string) {
	c.t.Helper()
	c.send(ws.OpText, []byte(message))
}

// SendBinary sends a binary message as it is.
func (c *Client) SendBinary(message []byte) {
	c.t.Helper()
	c.send(ws.OpBinary, bytes.Clone(message))
}

func (c *Client) send(op ws.Op, message []byte) {
	c.t.Helper()
	if c.line == nil {
		c.t.Fatalf("sending %.80q: the client is not connected; Reconnect it", message)
	}
	if err := c.line.send(op, message); err != nil {
		c.t.Fatalf("sending %.80q: %v", message, err)
	}
}

// Next waits for the next message, of those that nothing else has looked at.
func (c *Client) Next() Message {
	c.t.Helper()
	return c.next("a message", func(Message) bool { return true })
}

// Expect takes the next message, which must be this JSON: the whole of it, with refs and
// topic.
func (c *Client) Expect(want string) {
	c.t.Helper()
	m := c.next(want, func(Message) bool { return true })
	if !equal(m.Frame, m.Binary, json.RawMessage(want)) {
		c.t.Fatalf("the server's message\n\t%s is not %s%s", shown(m.Frame, m.Binary), want, c.rest())
	}
}

// ExpectNothing fails if there is a message that the test has not looked at, or one comes
// of what happens now. See [Room.ExpectNothing].
func (c *Client) ExpectNothing() {
	c.t.Helper()
	c.settle()
	if len(c.unread) > 0 {
		c.t.Fatalf("the server sent what nobody expected:%s", list(c.unread))
	}
}

// ExpectClose waits until the server closes the connection, which it must do with this
// code, and gives its reason. Messages before are passed over.
func (c *Client) ExpectClose(code channel.Code) (reason string) {
	c.t.Helper()
	end := c.end()
	if end.Code != code {
		c.t.Fatalf("the server closed with %d %q, and not with %d", end.Code, end.Reason, code)
	}
	return end.Reason
}

func (c *Client) end() *ws.CloseError {
	c.t.Helper()
	if c.line == nil {
		c.t.Fatal("the client is not connected")
	}
	for {
		_, _, err := c.line.read()
		if err == nil {
			continue
		}
		if errors.Is(err, errLate) {
			c.t.Fatal("the server does not close the connection")
		}
		c.Drop()
		var end *ws.CloseError
		if errors.As(err, &end) {
			return end
		}
		return &ws.CloseError{Code: ws.Abnormal, Reason: err.Error()}
	}
}

// Heartbeat tells the server that the client is there, and waits for the answer: all that
// the server sent before has come then.
func (c *Client) Heartbeat() {
	c.t.Helper()
	c.await(c.push("", "phoenix", "heartbeat", nil, nil))
}

// next takes the first message that will do out of those that came or are to come.
func (c *Client) next(what string, ok func(Message) bool) Message {
	c.t.Helper()
	for i, m := range c.unread {
		if ok(m) {
			c.unread = append(c.unread[:i:i], c.unread[i+1:]...)
			return m
		}
	}
	for {
		if c.line == nil {
			c.t.Fatalf("waiting for %.300s: the client is not connected; Reconnect it", what)
		}
		op, frame, err := c.line.read()
		if err != nil {
			c.t.Fatalf("waiting for %.300s: %v%s", what, err, c.rest())
		}
		m, err := parse(c.old, op, frame)
		if err != nil {
			c.t.Fatalf("%.200q: %v", frame, err)
		}
		if ok(m) {
			return m
		}
		c.unread = append(c.unread, m)
	}
}

// rest shows what the test has not looked at, if there is anything.
func (c *Client) rest() string {
	if len(c.unread) == 0 {
		return ""
	}
	return "; unread:" + list(c.unread)
}

// push sends a message and gives its ref.
func (c *Client) push(joinRef, topic, event string, payload any, meta []byte) (ref string) {
	c.t.Helper()
	c.refs++
	ref = strconv.Itoa(c.refs)
	if event == "phx_join" {
		joinRef = ref
	}
	var from []byte
	if joinRef != "" {
		from = []byte(joinRef)
	}
	if b, ok := payload.(channel.Binary); ok {
		payload = []byte(b)
	}
	if b, ok := payload.([]byte); ok {
		frame, err := wire.AppendClientBinary(nil, from, []byte(ref), topic, event, b)
		if err != nil {
			c.t.Fatal(err)
		}
		c.send(ws.OpBinary, frame)
		return ref
	}
	text, err := encode(payload)
	if err != nil {
		c.t.Fatalf("the payload of %q: %v", event, err)
	}
	if c.old {
		c.send(ws.OpText, oldFrame(joinRef, ref, topic, event, text, meta))
	} else {
		c.send(ws.OpText, wire.AppendClientPush(nil, from, []byte(ref), topic, event, text, meta))
	}
	return ref
}

func oldFrame(joinRef, ref, topic, event string, payload, meta []byte) []byte {
	frame := map[string]any{"topic": topic, "event": event, "payload": json.RawMessage(payload), "ref": ref}
	if joinRef != "" {
		frame["join_ref"] = joinRef
	}
	if meta != nil {
		frame["meta"] = json.RawMessage(meta)
	}
	text, _ := json.Marshal(frame) // of JSON and strings
	return text
}

// await waits for the reply to the message with this ref.
func (c *Client) await(ref string) (Reply, Message) {
	c.t.Helper()
	m := c.next("the reply to message "+ref, func(m Message) bool {
		return m.Event == "phx_reply" && m.Ref != nil && *m.Ref == ref
	})
	r, err := m.reply()
	if err != nil {
		c.t.Fatalf("%s: %v", m, err)
	}
	return r, m
}

// settle waits until the server has nothing to do, and has all that it sent.
func (c *Client) settle() {
	c.t.Helper()
	switch {
	case inBubble():
		synctest.Wait()
	case c.server != nil:
		c.server.settle()
	}
	c.Heartbeat()
}

// settle waits until no process has anything to do, or none gets on.
func (s *Server) settle() {
	node, err := process.NodeOf(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	last, since := -1, time.Now()
	for time.Since(since) < stuck {
		busy, handled := false, 0
		for _, p := range node.Processes() {
			busy = busy || p.Method != "" || p.Waiting > 0 || p.State == "starting" || p.State == "stopping"
			handled += 1 + int(p.Handled)
		}
		if !busy {
			return
		}
		if handled != last {
			last, since = handled, time.Now()
		}
		runtime.Gosched()
	}
}

// stuck is how long processes may be at their messages before they count as ones that do
// not go on.
const stuck = 100 * time.Millisecond

// inBubble reports whether the test runs in a bubble of synctest.
func inBubble() bool {
	head := make([]byte, 128)
	head = head[:runtime.Stack(head, false)]
	head, _, _ = bytes.Cut(head, []byte("\n"))
	return bytes.Contains(head, []byte("synctest bubble"))
}
