package channel_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

// TestHostileMessages: what cannot be decoded closes the connection with a clear code, and
// nobody else notices.
func TestHostileMessages(t *testing.T) {
	s, others := connect(t)
	other := others.Join("room:1", nil)
	deep := strings.Repeat("[", 50_000)
	long := strings.Repeat("x", 256)
	for name, message := range map[string]string{
		"not JSON":           `hello`,
		"empty":              ``,
		"an object":          `{"topic":"room:1","event":"e","payload":{},"ref":"1"}`,
		"four elements":      `["1","1","room:1","phx_join"]`,
		"a ref that is none": `["1",1,"room:1","phx_join",{}]`,
		"a huge ref":         `["` + strings.Repeat("9", 50_000) + `","1","room:1","phx_join",{}]`,
		"no topic":           `["1","1",null,"phx_join",{}]`,
		"half":               `["1","1","room:1","phx_join",{"a":`,
		"deep":               deep,
		"deep payload":       `["1","1","room:1","phx_join",` + deep,
		"deep and whole":     `["1","1","room:1","e",` + deep + strings.Repeat("]", 50_000) + `]`,
		"many elements":      `[` + strings.Repeat("1,", 50_000) + `1]`,
		"a long ref":         `["1","` + long + `","room:1","e",{}]`,
		"a long join_ref":    `["` + long + `","1","room:1","e",{}]`,
		"a long topic":       `["1","1","` + long + `","e",{}]`,
		"a long event":       `["1","1","room:1","` + long + `",{}]`,
		"not UTF-8":          "[\"1\",\"1\",\"room:\xff\",\"phx_join\",{}]",
		"half a rune":        "[\"1\",\"1\",\"room:1\",\"echo\",{\"text\":\"\xc3\"}]",
		"half a surrogate":   `["1","1","room:1","echo",{"text":"\ud8"}]`,
		"control characters": "[\"1\",\"1\",\"room:1\",\"echo\",{\"text\":\"\n\"}]",
		"a bad meta":         `["1","1","room:1","echo",{},{"id":7}]`,
		"a long id":          `["1","1","room:1","echo",{},{"id":"` + long + `"}]`,
		"a huge offset":      `["1","1","room:1","phx_join",{},{"epoch":"x","offset":99999999999999999999}]`,
	} {
		t.Run(name, func(t *testing.T) {
			c := channeltest.Connect(t, s)
			c.Join("room:1", nil)
			c.Send(message)
			if reason := c.ExpectClose(1011); reason == "" {
				t.Error("and no reason")
			}
			other.Push("echo", text{"alive"}).ExpectReply("ok", text{"alive"})
		})
	}
	for name, message := range map[string]string{
		"empty": "", "unknown kind": "\x07\x01\x01\x01\x01abcd", "of a server": "\x02\x01\x01te", "short": "\x00\x01\x01",
		"sizes beyond its end": "\x00\xff\xff\xff\xffabc", "not UTF-8": "\x00\x01\x01\x01\x01\xff\xff\xff\xff",
	} {
		t.Run("binary, "+name, func(t *testing.T) {
			c := channeltest.Connect(t, s)
			c.Join("room:1", nil)
			c.SendBinary([]byte(message))
			c.ExpectClose(1011)
			other.Push("echo", text{"alive"}).ExpectReply("ok", text{"alive"})
		})
	}
	for name, message := range map[string]string{
		"an array": `["1","1","room:1","phx_join",{}]`, "no payload": `{"topic":"t","event":"e","ref":"1"}`, "no topic": `{"event":"e","payload":{}}`,
	} {
		t.Run("version 1, "+name, func(t *testing.T) {
			c := channeltest.Connect(t, s, version1)
			c.Send(message)
			c.ExpectClose(1011)
		})
	}
	others.ExpectNothing()
}

// TestHostileFrames are for the connection itself, and here to see it ends the session.
func TestHostileFrames(t *testing.T) {
	socket := socketOf(rooms)
	s := channeltest.Listen(t, socket)
	other := channeltest.Dial(t, s.URL()).Join("room:1", nil)
	long := strings.Repeat("x", 1<<20)
	for name, test := range map[string]struct {
		wire []byte
		want ws.Code
	}{
		"too long":        {textFrame(`["1","1","room:1","e",{"a":"` + long + `"}]`), ws.TooBig},
		"said to be huge": {append(wstest.Header(wstest.Fin|wstest.Text, 1<<62), 0, 0, 0, 0), ws.TooBig},
		"not UTF-8":       {textFrame("[\"1\",\"1\",\"room:\xff\",\"phx_join\",{}]"), ws.InvalidPayload},
		"not masked":      {[]byte{0x81, 1, '['}, ws.ProtocolError},
		"reserved opcode": {wstest.Frame(wstest.Fin|3, nil), ws.ProtocolError},
		"garbage":         {textFrame("garbage"), ws.InternalError},
		"binary garbage":  {wstest.Frame(wstest.Fin|wstest.Binary, []byte("garbage")), ws.InternalError},
	} {
		t.Run(name, func(t *testing.T) {
			c := wsDial(t, s.URL())
			must(t, c.Text(`["1","1","room:1","phx_join",{}]`))
			if _, _, err := c.Read(); err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = c.Conn.Write(test.wire) }() // the server may not want all of it
			_, _, err := c.Read()
			if end := (*ws.CloseError)(nil); !errors.As(err, &end) || end.Code != test.want {
				t.Errorf("%v, not %d", err, test.want)
			}
			c.Hangup()
			other.Push("echo", text{"alive"}).ExpectReply("ok", text{"alive"})
			until(t, "the session is left", func() bool { return channel.Sessions(socket) == 1 })
		})
	}
}

func textFrame(text string) []byte { return wstest.Frame(wstest.Fin|wstest.Text, []byte(text)) }

func wsDial(t testing.TB, url string) *wstest.Client {
	t.Helper()
	c, err := wstest.Dial(t.Context(), "ws"+strings.TrimPrefix(url, "http")+"/websocket?vsn=2.0.0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Hangup)
	c.Timeout(10 * time.Second)
	return c
}

// TestStrangeButLegal: what is odd and can be decoded is answered.
func TestStrangeButLegal(t *testing.T) {
	_, c := connect(t)
	c.Join("room:1", nil)
	long := strings.Repeat("x", 255)
	deep := strings.Repeat("[", 500) + strings.Repeat("]", 500)
	play(c, `
		> ["`+long+`","`+long+`","`+long+`","`+long+`",{}]
		< [null,"`+long+`","`+long+`","phx_reply",{"status":"error","response":{"reason":"unmatched topic","kind":"not found"}}]
		> ["1","2","room:1","echo",`+deep+`]
		< ["1","2","room:1","phx_reply",{"status":"error","response":{"reason":"the payload must be an object, not an array","kind":"invalid"}}]
		> ["1","3","room:1","echo",{"__proto__":{"x":1},"constructor":null,"text":"\u0000\ud800"}]
		< ["1","3","room:1","phx_reply",{"status":"ok","response":{"text":"\u0000\ufffd"}}]
		> ["\u0031","4\u0022\u0000","ro\u006fm:1","\u0065cho",{"text":"\u003c\/"}]
		< ["1","4\u0022\u0000","room:1","phx_reply",{"status":"ok","response":{"text":"</"}}]
		> ["1","","room:1","echo",{"text":"an empty ref"}]
		< ["1","","room:1","phx_reply",{"status":"ok","response":{"text":"an empty ref"}}]
		> ["","5","room:1","echo",{"text":"an empty join_ref is another"}]
		> ["","","room:2","phx_join",{}]
		< ["","","room:2","phx_reply",{"status":"ok","response":{}}]
		> ["","6","room:2","echo",{"text":"a"}]
		< ["","6","room:2","phx_reply",{"status":"ok","response":{"text":"a"}}]
		> ["1","7","room:1","phx_error",{}]
		< ["1","7","room:1","phx_reply",{"status":"error","response":{"reason":"unknown event","kind":"not found"}}]`)
	c.ExpectNothing()
}

// TestThousandsOfUnknownTopics, by a client that does not read: it is evicted, or answered.
func TestThousandsOfUnknownTopics(t *testing.T) {
	const joins = 5000
	s := channeltest.Listen(t, socketOf(rooms))
	c := wsDial(t, s.URL())
	var wire bytes.Buffer
	for i := range joins {
		wire.Write(textFrame(fmt.Sprintf(`["%d","%d","cellar:%d","phx_join",{}]`, i, i, i)))
	}
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(c.Conn, &wire)
		sent <- err
	}()
	for answered := 0; answered < joins; answered++ {
		if _, _, err := c.Read(); err != nil {
			var end *ws.CloseError
			if errors.As(err, &end) && end.Code != ws.TryAgainLater {
				t.Errorf("after %d answers: %v", answered, err)
			}
			break
		}
	}
	c.Hangup()
	<-sent
	channeltest.Dial(t, s.URL()).Join("room:1", nil)
}

// TestMemoryOfOneClient: a client can not make the server keep much.
func TestMemoryOfOneClient(t *testing.T) {
	big := strings.Repeat("x", 1_000_000)
	for name, flood := range map[string]func(t *testing.T, g *gate, c *channeltest.Client){
		"messages to a join": func(t *testing.T, g *gate, c *channeltest.Client) {
			c.Send(`["1","1","gate:1","phx_join",{}]`)
			await(t, g.begun)
			for range 5 {
				c.Send(`["1","2","gate:1","ping",{"a":"` + big + `"}]`)
			}
		},
		"joins behind a join": func(t *testing.T, g *gate, c *channeltest.Client) {
			c.Send(`["1","1","gate:1","phx_join",{}]`)
			await(t, g.begun)
			for range 5 {
				c.Send(`["2","2","gate:1","phx_join",{"a":"` + big + `"}]`)
			}
		},
		"messages behind a join behind a join": func(t *testing.T, g *gate, c *channeltest.Client) {
			c.Send(`["1","1","gate:1","phx_join",{}]`)
			await(t, g.begun)
			c.Send(`["2","2","gate:1","phx_join",{}]`)
			for range 5 {
				c.Send(`["2","3","gate:1","ping",{"a":"` + big + `"}]`)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(true)
			c := channeltest.Connect(t, channeltest.Serve(t, socketOf(g.channel())))
			before := inUse()
			flood(t, g, c)
			if kept := inUse() - before; kept > 3<<20 {
				t.Errorf("%d MB are kept", kept>>20)
			}
			close(g.release)
			c.Heartbeat()
		})
	}
}

func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestHeldMessages: what is sent before a slow join is replied to is bounded.
func TestHeldMessages(t *testing.T) {
	const most = 8
	for name, test := range map[string]struct {
		messages, size int
		closed         bool
	}{
		"at the limit of messages":    {most, 10, false},
		"above the limit of messages": {most + 1, 10, true},
		"below the limit of bytes":    {4, 2000, false},
		"above the limit of bytes":    {4, 2600, true},
	} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			joined := make(chan struct{}, 1)
			s := channeltest.Serve(t, &channel.Socket{
				Channels: []channel.Channel{slowSnapshot(joined, release)},
				Limits:   channel.Limits{PendingMessages: most, PendingBytes: 10_000},
			})
			c := channeltest.Connect(t, s)
			c.Send(`["1","1","slow","phx_join",{}]`)
			await(t, joined)
			for range test.messages {
				tell(t, s, "slow", posted, text{strings.Repeat("x", test.size-len(`{"text":""}`)+1)})
			}
			close(release)
			if test.closed {
				if reason := c.ExpectClose(1013); reason != "the join took too long" {
					t.Error(reason)
				}
				return
			}
			c.Expect(`["1","1","slow","phx_reply",{"status":"ok","response":{}}]`)
			for range test.messages {
				if m := c.Next(); m.Event != "said" {
					t.Error(m)
				}
			}
		})
	}
}

// slowSnapshot is a channel whose answer to the join waits for the test.
func slowSnapshot(begun chan<- struct{}, release <-chan struct{}) channel.Channel {
	join := func(context.Context, channel.Join[struct{}]) (*room, error) { return new(room), nil }
	return channel.Topic("slow", join, channel.Joined(func(*room, context.Context) (struct{}, error) {
		begun <- struct{}{}
		<-release
		return struct{}{}, nil
	}))
}
