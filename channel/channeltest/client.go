package channeltest

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

// timeout is how long a client waits for anything.
const timeout = 10 * time.Second

// Client is a connection to a socket.
type Client struct {
	t       testing.TB
	ws      *wstest.Client
	refs    int
	joins   map[string]string // topic → join_ref
	skipped []string          // frames that came before a reply
}

// Message is a frame from the server.
type Message struct {
	JoinRef *string
	Ref     *string
	Topic   string
	Event   string
	Payload json.RawMessage
}

// Reply is the payload of a reply: Status is "ok" or "error".
type Reply struct {
	Status   string          `json:"status"`
	Response json.RawMessage `json:"response"`
}

// Dial connects to the socket that is mounted at the address, as in
// "http://127.0.0.1:4000/socket?token=…". The connection is cut when the test ends.
func Dial(t testing.TB, address string, header ...http.Header) *Client {
	t.Helper()
	c, err := dial(t, address, header)
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	return c
}

// Refused is the HTTP status with which a socket refuses to connect.
func Refused(t testing.TB, address string, header ...http.Header) int {
	t.Helper()
	_, err := dial(t, address, header)
	var status wstest.StatusError
	if !errors.As(err, &status) {
		t.Fatalf("%s: it does not refuse: %v", address, err)
	}
	return int(status)
}

func dial(t testing.TB, address string, headers []http.Header) (*Client, error) {
	header := make(http.Header)
	for _, h := range headers {
		maps.Copy(header, h)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	u.Path = strings.TrimSuffix(u.Path, "/") + "/websocket"
	q := u.Query()
	if !q.Has("vsn") {
		q.Set("vsn", "2.0.0")
	}
	u.RawQuery = q.Encode()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	conn, err := wstest.Dial(ctx, u.String(), header)
	if err != nil {
		return nil, err
	}
	t.Cleanup(conn.Hangup)
	return &Client{t: t, ws: conn, joins: make(map[string]string)}, nil
}

// Join joins a topic and waits for the reply. Params that are nil are {}.
func (c *Client) Join(topic string, params any) Reply {
	c.t.Helper()
	ref := c.ref()
	c.joins[topic] = ref
	c.send(ref, ref, topic, "phx_join", params)
	return c.reply(ref)
}

// Push sends an event to a joined topic and waits for the reply.
func (c *Client) Push(topic, event string, payload any) Reply {
	c.t.Helper()
	return c.reply(c.Cast(topic, event, payload))
}

// Cast is Push without waiting. It gives the ref of the message.
func (c *Client) Cast(topic, event string, payload any) (ref string) {
	c.t.Helper()
	ref = c.ref()
	c.send(c.joins[topic], ref, topic, event, payload)
	return ref
}

// Leave leaves a topic and waits until it is closed.
func (c *Client) Leave(topic string) {
	c.t.Helper()
	c.Push(topic, "phx_leave", nil)
	for {
		if m := c.Next(); m.Topic == topic && m.Event == "phx_close" {
			return
		}
	}
}

// Send sends a text as it is.
func (c *Client) Send(text string) {
	c.t.Helper()
	c.ws.Timeout(timeout)
	if err := c.ws.Text(text); err != nil {
		c.t.Fatalf("sending %.80s: %v", text, err)
	}
}

// Next waits for the next frame of the server. Frames that Join and Push passed over
// come first.
func (c *Client) Next() Message {
	c.t.Helper()
	text := c.text()
	m, err := parse(text)
	if err != nil {
		c.t.Fatalf("%.200s: %v", text, err)
	}
	return m
}

// Expect waits for the next frame, which must equal the given one as JSON.
func (c *Client) Expect(want string) {
	c.t.Helper()
	got := c.text()
	var a, b any
	if err := errors.Join(json.Unmarshal([]byte(got), &a), json.Unmarshal([]byte(want), &b)); err != nil {
		c.t.Fatalf("%s, %s: %v", got, want, err)
	}
	if !reflect.DeepEqual(a, b) {
		c.t.Fatalf("the server sent\n%.500s, and not\n%.500s", got, want)
	}
}

// Closed waits until the server closes the connection, passing over frames, and gives
// the code: 1006 if there is none.
func (c *Client) Closed() int {
	c.t.Helper()
	for {
		c.ws.Timeout(timeout)
		_, _, err := c.ws.Read()
		var end *ws.CloseError
		switch {
		case err == nil:
		case errors.As(err, &end):
			c.ws.Hangup()
			return int(end.Code)
		default:
			return int(ws.Abnormal)
		}
	}
}

// Protocol is the sub-protocol that the server chose.
func (c *Client) Protocol() string { return c.ws.Protocol }

// Close cuts the connection.
func (c *Client) Close() { c.ws.Hangup() }

func (c *Client) ref() string {
	c.refs++
	return strconv.Itoa(c.refs)
}

func (c *Client) send(joinRef, ref, topic, event string, payload any) {
	c.t.Helper()
	if payload == nil {
		payload = struct{}{}
	}
	text, err := json.Marshal([5]any{joinRef, ref, topic, event, payload})
	if err != nil {
		c.t.Fatal(err)
	}
	c.Send(string(text))
}

// reply waits for the reply to a message, and keeps what comes before.
func (c *Client) reply(ref string) (r Reply) {
	c.t.Helper()
	for {
		text := c.read()
		m, err := parse(text)
		if err != nil {
			c.t.Fatalf("%.200s: %v", text, err)
		}
		if m.Event != "phx_reply" || m.Ref == nil || *m.Ref != ref {
			c.skipped = append(c.skipped, text)
			continue
		}
		if err := json.Unmarshal(m.Payload, &r); err != nil {
			c.t.Fatalf("%.200s: %v", text, err)
		}
		return r
	}
}

func (c *Client) text() string {
	c.t.Helper()
	if len(c.skipped) > 0 {
		text := c.skipped[0]
		c.skipped = c.skipped[1:]
		return text
	}
	return c.read()
}

func (c *Client) read() string {
	c.t.Helper()
	c.ws.Timeout(timeout)
	_, text, err := c.ws.Read()
	if err != nil {
		c.t.Fatalf("waiting for the server: %v", err)
	}
	return string(text)
}

func parse(text string) (m Message, err error) {
	err = json.Unmarshal([]byte(text), &[5]any{&m.JoinRef, &m.Ref, &m.Topic, &m.Event, &m.Payload})
	return m, err
}
