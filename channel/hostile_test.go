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
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/pubsub"
)

// TestHostileFrames: whatever a client sends, it is told so and closed, and nobody else
// notices.
func TestHostileFrames(t *testing.T) {
	_, url, other := dial(t)
	other.Join("room:1", nil)
	long := strings.Repeat("x", 1<<20)
	deep := strings.Repeat("[", 500_000)
	for name, test := range map[string]struct {
		wire []byte
		want ws.Code
	}{
		"not JSON":           {textFrame(`hello`), ws.InternalError},
		"empty":              {textFrame(``), ws.InternalError},
		"an object":          {textFrame(`{"topic":"room:1"}`), ws.InternalError},
		"four elements":      {textFrame(`["1","1","room:1","phx_join"]`), ws.InternalError},
		"a ref that is none": {textFrame(`["1",1,"room:1","phx_join",{}]`), ws.InternalError},
		"no topic":           {textFrame(`["1","1",null,"phx_join",{}]`), ws.InternalError},
		"half":               {textFrame(`["1","1","room:1","phx_join",{"a":`), ws.InternalError},
		"deep":               {textFrame(deep), ws.InternalError},
		"deep payload":       {textFrame(`["1","1","room:1","phx_join",` + deep), ws.InternalError},
		"many elements":      {textFrame(`[` + strings.Repeat("1,", 500_000) + `1]`), ws.InternalError},
		"binary":             {wstest.Frame(wstest.Fin|wstest.Binary, []byte{0, 1, 1, 1, 1, '1', '2', 't', 'e', 0xab}), ws.Unsupported},
		"too long":           {textFrame(`["1","1","room:1","e",{"a":"` + long + `"}]`), ws.TooBig},
		"said to be huge":    {append(wstest.Header(wstest.Fin|wstest.Text, 1<<62), 0, 0, 0, 0), ws.TooBig},
		"not UTF-8":          {textFrame("[\"1\",\"1\",\"room:\xff\",\"phx_join\",{}]"), ws.InvalidPayload},
		"not masked":         {[]byte{0x81, 1, '['}, ws.ProtocolError},
		"reserved opcode":    {wstest.Frame(wstest.Fin|3, nil), ws.ProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			c := wsDial(t, url)
			if err := c.Text(`["1","1","room:1","phx_join",{}]`); err != nil {
				t.Fatal(err)
			}
			if _, _, err := c.Read(); err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = c.Conn.Write(test.wire) }() // the server may not want all of it
			_, _, err := c.Read()
			if end := (*ws.CloseError)(nil); !errors.As(err, &end) || end.Code != test.want {
				t.Errorf("%v, not %d", err, test.want)
			}
			expectReply(t, other.Push("room:1", "echo", text{"alive"}), "ok", `{"text":"alive"}`)
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
	_, _, c := dial(t)
	c.Join("room:1", nil)
	long := strings.Repeat("é", 100_000)
	deep := strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000)
	c.Send(`["` + long + `","` + long + `","` + long + `","` + long + `",{}]`)
	c.Expect(`[null,"` + long + `","` + long + `","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`)
	c.Send(`["1","2","room:1","echo",` + deep + `]`)
	c.Expect(`["1","2","room:1","phx_reply",{"status":"error","response":{"reason":"the payload must be an object, not an array"}}]`)
	c.Send(`["1","3","room:1","echo",{"__proto__":{"x":1},"constructor":null,"text":"\u0000\ud800"}]`)
	c.Expect(`["1","3","room:1","phx_reply",{"status":"ok","response":{"text":"\u0000\ufffd"}}]`)
}

// TestThousandsOfUnknownTopics, by a client that does not read: it is evicted, or answered.
func TestThousandsOfUnknownTopics(t *testing.T) {
	const joins = 5000
	_, url, other := dial(t)
	c := wsDial(t, url)
	var wire bytes.Buffer
	for i := range joins {
		wire.Write(textFrame(fmt.Sprintf(`["%d","%d","cellar:%d","phx_join",{}]`, i, i, i)))
	}
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(c.Conn, &wire)
		sent <- err
	}()
	answered := 0
	for {
		_, _, err := c.Read()
		if err != nil {
			var end *ws.CloseError
			if errors.As(err, &end) && end.Code != ws.TryAgainLater {
				t.Errorf("after %d answers: %v", answered, err)
			}
			c.Hangup()
			break
		}
		if answered++; answered == joins {
			break
		}
	}
	<-sent
	expectReply(t, other.Join("room:1", nil), "ok", `{}`)
}

// TestMemoryOfOneClient: a client can not make the server keep much.
func TestMemoryOfOneClient(t *testing.T) {
	g := newGate(false)
	_, url := channeltest.Serve(t, &channel.Socket{Channels: []channel.Channel{g.channel()}})
	c := channeltest.Dial(t, url)
	c.Send(`["1","1","gate:1","phx_join",{}]`)
	await(t, g.begun)
	before := inUse()
	big := `["1","2","gate:1","ping",{"a":"` + strings.Repeat("x", 1_000_000) + `"}]`
	for range 20 {
		c.Send(big)
	}
	for range 19 {
		if m := c.Next(); m.Event != "phx_reply" {
			t.Fatal(m)
		}
	}
	if kept := inUse() - before; kept > 10<<20 {
		t.Errorf("%d MB are kept", kept>>20)
	}
	close(g.release)
}

func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestNothingIsLeft of clients that have gone: neither a process nor a subscription.
// Goroutines are TestMain's to check.
func TestNothingIsLeft(t *testing.T) {
	ctx, url, first := dial(t)
	node, err := process.NodeOf(ctx)
	if err != nil {
		t.Fatal(err)
	}
	all := []*channeltest.Client{first}
	for range 5 {
		all = append(all, channeltest.Dial(t, url))
	}
	for i, c := range all {
		for n := range 3 {
			c.Join(fmt.Sprint("room:", n), nil)
		}
		c.Join("room:3", map[string]string{"mood": "angry"})
		c.Join("room:3", map[string]string{"mood": "mad"})
		switch i {
		case 0:
			c.Leave("room:0")
		case 1:
			c.Cast("room:0", "boom", nil)
			c.Next()
		case 2:
			c.Send("nonsense")
			c.Closed()
		}
	}
	if n := subscribed(ctx, t); n != 3 {
		t.Fatalf("%d topics have subscribers, and there are clients on 3", n)
	}
	for _, c := range all {
		c.Close()
	}
	for end := time.Now().Add(10 * time.Second); node.Count() > 0; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("processes are left: %+v", node.Processes())
		}
	}
	if n := subscribed(ctx, t); n != 0 {
		t.Errorf("%d topics have subscribers", n)
	}
}

// subscribed counts the topics that somebody subscribes to: another type does not go.
func subscribed(ctx context.Context, t *testing.T) (n int) {
	for i := range 4 {
		stop, err := pubsub.Tap(ctx, pubsub.Topic[int](fmt.Sprint("channel/room:", i)), func(int) {})
		if err != nil {
			n++
			continue
		}
		stop()
	}
	return n
}
