package channel_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
)

// BenchmarkBroadcast publishes once to 1,000 connections over loopback, and waits until
// all have received it.
func BenchmarkBroadcast(b *testing.B) {
	const clients = 1000
	ctx, url, _ := dial(b)
	var received sync.WaitGroup
	var readers sync.WaitGroup
	for range clients {
		c := wsDial(b, url)
		if err := c.Text(`["1","1","room:1","phx_join",{}]`); err != nil {
			b.Fatal(err)
		}
		if _, _, err := c.Read(); err != nil {
			b.Fatal(err)
		}
		c.Timeout(1 << 40)
		readers.Go(func() {
			for {
				if _, _, err := c.Read(); err != nil {
					return
				}
				received.Done()
			}
		})
	}
	b.ReportAllocs()
	for b.Loop() {
		received.Add(clients)
		if err := channel.Broadcast(ctx, "room:1", said, text{"hello, everybody"}); err != nil {
			b.Fatal(err)
		}
		received.Wait()
	}
	b.ReportMetric(float64(b.N*clients)/b.Elapsed().Seconds(), "deliveries/s")
}

// BenchmarkPush is a push and its reply, over loopback.
func BenchmarkPush(b *testing.B) {
	for _, size := range []int{20, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			_, url := channeltest.Serve(b, &channel.Socket{Channels: []channel.Channel{rooms}})
			c := wsDial(b, url)
			c.Timeout(1 << 40)
			frame := textFrame(`["1","2","room:1","echo",{"text":"` + strings.Repeat("x", size) + `"}]`)
			if err := c.Text(`["1","1","room:1","phx_join",{}]`); err != nil {
				b.Fatal(err)
			}
			if _, _, err := c.Read(); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Conn.Write(frame); err != nil {
					b.Fatal(err)
				}
				if _, _, err := c.Read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
