package channel_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
)

// counting is a link whose client counts what it gets.
type counting struct {
	frames atomic.Int64
	got    func()
}

func (c *counting) Send(channel.Frame) error {
	c.frames.Add(1)
	if c.got != nil {
		c.got()
	}
	return nil
}
func (*counting) Flush()                     {}
func (*counting) Close(channel.Code, string) {}

// serveBench runs a socket and connects clients that have joined room:1.
func serveBench(b *testing.B, clients int, channels ...channel.Channel) (*channeltest.Server, []*channel.Session, []*counting) {
	unlimited := channel.Limit{PerSecond: -1}
	socket := &channel.Socket{Channels: channels, Limits: channel.Limits{Events: unlimited, Joins: unlimited}}
	s := channeltest.Serve(b, socket)
	var sessions []*channel.Session
	var links []*counting
	for range clients {
		link := new(counting)
		session, err := socket.Accept(s.Context(), &channel.Peer{Params: map[string][]string{"vsn": {"2.0.0"}}}, link)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { session.Closed(nil) })
		session.Text([]byte(`["1","1","room:1","phx_join",{}]`))
		until(b, "no reply to the join", func() bool { return link.frames.Load() == 1 })
		sessions, links = append(sessions, session), append(links, link)
	}
	return s, sessions, links
}

// BenchmarkBroadcast publishes to clients without a network.
func BenchmarkBroadcast(b *testing.B) {
	for _, clients := range []int{1, 1000} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			s, _, _ := serveBench(b, clients, rooms)
			b.ReportAllocs()
			for b.Loop() {
				if err := channel.Broadcast(s.Context(), "room:1", posted, text{"hello, everybody"}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*clients)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// BenchmarkBroadcastKept is with a history.
func BenchmarkBroadcastKept(b *testing.B) {
	kept := channel.Topic("room:*", joinRoom).With(channel.History{})
	s, _, _ := serveBench(b, 1000, kept)
	b.ReportAllocs()
	for b.Loop() {
		if err := channel.Broadcast(s.Context(), "room:1", posted, text{"hello, everybody"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPush is a push and its reply, without a network.
func BenchmarkPush(b *testing.B) {
	for name, meta := range map[string]string{"plain": "", "once": `,{"id":"%d"}`} {
		for _, size := range []int{20, 1000} {
			b.Run(fmt.Sprint(name, "/", size), func(b *testing.B) {
				_, sessions, links := serveBench(b, 1, rooms)
				var replied sync.WaitGroup
				links[0].got = replied.Done
				n := 0
				b.ReportAllocs()
				for b.Loop() {
					n++
					replied.Add(1)
					m := meta
					if m != "" {
						m = fmt.Sprintf(m, n)
					}
					sessions[0].Text([]byte(`["1","2","room:1","echo",{"text":"` + strings.Repeat("x", size) + `"}` + m + `]`))
					replied.Wait()
				}
			})
		}
	}
}

// BenchmarkJoin is a join, a leave, and their replies.
func BenchmarkJoin(b *testing.B) {
	_, sessions, links := serveBench(b, 1, rooms)
	var replied sync.WaitGroup
	links[0].got = replied.Done
	b.ReportAllocs()
	for b.Loop() {
		replied.Add(1)
		sessions[0].Text([]byte(`["2","2","room:2","phx_join",{}]`))
		replied.Wait()
		replied.Add(2)
		sessions[0].Text([]byte(`["2","3","room:2","phx_leave",{}]`))
		replied.Wait()
	}
}
