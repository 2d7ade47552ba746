package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	gobwas "github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// client is a connection to the socket. It is for one goroutine.
type client struct {
	testing.TB
	conn   net.Conn
	frames chan frame
	held   []frame // read, but not asked for yet
	joins  map[string]string
	ref    int
}

// frame is a message of the server.
type frame struct {
	joinRef, ref *string
	topic, event string
	payload      json.RawMessage
	at           time.Time // when it came
}

type reply struct {
	Status   string          `json:"status"`
	Response json.RawMessage `json:"response"`
}

func (r reply) reason() string {
	var response struct{ Reason string }
	_ = json.Unmarshal(r.Response, &response)
	return response.Reason
}

func (f frame) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(f.payload, v); err != nil {
		t.Errorf("%s on %s: %v\n%s", f.event, f.topic, err, f.payload)
	}
}

// connect opens the socket, with params such as "key=K". The test must hang up before it
// ends.
func (w *world) connect(params ...string) (*client, error) {
	dialer := gobwas.Dialer{NetDial: w.dial, Timeout: 10 * time.Second}
	if w.cookie != nil {
		dialer.Header = gobwas.HandshakeHeaderHTTP{"Cookie": {w.cookie.String()}}
	}
	target := "ws" + w.url[len("http"):] + "/socket/websocket?" + query(append(params, "vsn=2.0.0")...)
	conn, in, _, err := dialer.Dial(context.Background(), target)
	if err != nil {
		return nil, err
	}
	if in != nil {
		w.Fatal("the server spoke before it was asked")
	}
	c := &client{TB: w, conn: conn, frames: make(chan frame, 1<<16), joins: make(map[string]string)}
	go c.read()
	return c, nil
}

// socket is connect for a test that goes on only with a connection.
func (w *world) socket(params ...string) *client {
	w.Helper()
	c, err := w.connect(params...)
	if err != nil {
		w.Fatal(err)
	}
	return c
}

func (c *client) read() {
	defer close(c.frames)
	defer c.conn.Close()
	for {
		text, err := wsutil.ReadServerText(c.conn)
		if err != nil {
			return
		}
		f := frame{at: time.Now()}
		if err := json.Unmarshal(text, &[]any{&f.joinRef, &f.ref, &f.topic, &f.event, &f.payload}); err != nil {
			c.Errorf("no frame: %v\n%s", err, text)
			return
		}
		c.frames <- f
	}
}

// hangUp ends the connection, and the reading.
func (c *client) hangUp() {
	_ = c.conn.Close()
	for range c.frames {
	}
}

const patience = time.Minute

// wait gives the first frame that fits, and keeps the others for later.
func (c *client) wait(what string, fits func(frame) bool) frame {
	c.Helper()
	for i, f := range c.held {
		if fits(f) {
			c.held = append(c.held[:i:i], c.held[i+1:]...)
			return f
		}
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case f, ok := <-c.frames:
			if !ok {
				c.Fatalf("the connection ended before %s", what)
			}
			if fits(f) {
				return f
			}
			c.held = append(c.held, f)
		case <-late.C:
			c.Fatalf("%s did not come", what)
		}
	}
}

// event waits for a broadcast.
func (c *client) event(topic, event string) frame {
	c.Helper()
	return c.wait(event+" on "+topic, func(f frame) bool { return f.topic == topic && f.event == event })
}

// arrived gives, without waiting, all broadcasts of an event that have come.
func (c *client) arrived(topic, event string) (found []frame) {
	for {
		select {
		case f, ok := <-c.frames:
			if ok {
				c.held = append(c.held, f)
				continue
			}
		default:
		}
		rest := c.held[:0:0]
		for _, f := range c.held {
			if f.topic == topic && f.event == event {
				found = append(found, f)
			} else {
				rest = append(rest, f)
			}
		}
		c.held = rest
		return found
	}
}

// tell sends a message without waiting, and gives its ref.
func (c *client) tell(topic, event string, payload any) string {
	c.Helper()
	c.ref++
	ref := fmt.Sprint(c.ref)
	if event == "phx_join" {
		c.joins[topic] = ref
	}
	var joinRef *string
	if r, ok := c.joins[topic]; ok {
		joinRef = &r
	}
	text, err := json.Marshal([]any{joinRef, ref, topic, event, payload})
	if err != nil {
		c.Fatal(err)
	}
	if err := wsutil.WriteClientText(c.conn, text); err != nil {
		c.Errorf("%s on %s: %v", event, topic, err)
	}
	return ref
}

// push sends a message and waits for the reply.
func (c *client) push(topic, event string, payload any) (r reply) {
	c.Helper()
	ref := c.tell(topic, event, payload)
	f := c.wait("the reply to "+event+" on "+topic, func(f frame) bool {
		return f.event == "phx_reply" && f.ref != nil && *f.ref == ref
	})
	f.into(c, &r)
	return r
}

// join joins a topic, which must work, and reads the reply.
func (c *client) join(topic string, params, into any) {
	c.Helper()
	r := c.push(topic, "phx_join", params)
	if r.Status != "ok" {
		c.Fatalf("join of %s: %s %s", topic, r.Status, r.Response)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(r.Response, into); err != nil {
		c.Fatal(err)
	}
}

// together runs f n times at once.
func together(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

type none = struct{}
