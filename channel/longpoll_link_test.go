package channel_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

func TestLongPollWindow(t *testing.T) {
	for window, want := range map[time.Duration]time.Duration{0: 10 * time.Second, time.Second: time.Second} {
		synctest.Test(t, func(t *testing.T) {
			p := newPolling(t, &channel.Socket{LongPoll: &channel.LongPoll{Window: window}}).connect()
			before := time.Now()
			a := p.get()
			if a.Status != 204 || a.Token != p.token || a.Messages == nil || len(a.Messages) != 0 {
				t.Errorf("%+v", a)
			}
			if took := time.Since(before); took != want {
				t.Errorf("it took %v, and not %v", took, want)
			}
		})
	}
}

func TestLongPollAnswersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{}).join()
		q := p.wait()
		before := time.Now()
		p.say("hi")
		if a := p.answered(q); a.Status != 200 || !slices.Equal(a.Messages, []string{said("hi")}) || time.Since(before) > 0 {
			t.Errorf("%+v after %v", a, time.Since(before))
		}
		p.say("one")
		p.say("two")
		p.expect(said("one"), said("two"))
	})
}

func TestLongPollDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{}).join()
		time.Sleep(15*time.Second - time.Millisecond)
		p.say("hi")
		p.expect(said("hi")) // and another 15 s begin
		p.get()              // and again, after the window
		p.say("one")
		p.say("two")
		time.Sleep(15*time.Second + time.Millisecond)
		synctest.Wait()
		p.expectCount(t, "channel.longpoll.lost", 2)
		if a := p.post(`[null,"3","phoenix","heartbeat",{}]`); a.Status != 410 {
			t.Errorf("a POST after the end: %+v", a)
		}
		if a := p.get(); a.Status != 410 || a.Token == p.token {
			t.Errorf("a GET after the end: %+v", a)
		}
	})
}

// POSTs are no sign of life: who never polls has no use for a session.
func TestLongPollDeathInSpiteOfPosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{}).connect()
		beat := `[null,"3","phoenix","heartbeat",{}]`
		time.Sleep(14 * time.Second)
		p.postOK(beat)
		time.Sleep(2 * time.Second)
		if a := p.post(beat); a.Status != 410 {
			t.Errorf("%+v", a)
		}
	})
}

func TestLongPollTwoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{}).join()
		first := p.wait()
		time.Sleep(9 * time.Second)
		second := p.wait()
		if a := p.answered(first); a.Status != 204 {
			t.Errorf("the first is answered %+v", a)
		}
		time.Sleep(9 * time.Second)
		p.say("hi")
		if a := p.answered(second); a.Status != 200 || len(a.Messages) != 1 {
			t.Errorf("the second is answered %+v", a)
		}
	})
}

func TestLongPollCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{}).join()
		q := p.wait()
		q.cancel()
		<-q.done
		if q.w.Body.Len() > 0 {
			t.Errorf("it was answered %s", q.w.Body)
		}
		p.say("hi")
		time.Sleep(14 * time.Second)
		p.expect(said("hi"))

		q = p.wait() // the message comes when the client has just gone
		q.cancel()
		p.say("again")
		<-q.done
		p.expect(said("again"))
	})
}

// brokenWriter takes nothing, once it may.
type brokenWriter struct {
	http.ResponseWriter
	hold chan struct{}
}

func (w brokenWriter) Write([]byte) (int, error) {
	<-w.hold
	return 0, errors.New("the connection is broken")
}

func TestLongPollUnwritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{}).join()
		p.say("one")
		w := brokenWriter{httptest.NewRecorder(), make(chan struct{})}
		go p.socket.ServeHTTP(w, p.request(p.ctx, "GET", "", ""))
		synctest.Wait()
		p.say("two")
		q := p.wait() // which must not give two before one
		select {
		case <-q.done:
			t.Errorf("it was answered %s", q.w.Body)
		default:
		}
		close(w.hold)
		if a := p.answered(q); !slices.Equal(a.Messages, []string{said("one"), said("two")}) {
			t.Errorf("%+v", a)
		}
	})
}

// pickyWriter panics, as some wrappers do.
type pickyWriter struct{ http.ResponseWriter }

func (pickyWriter) Write([]byte) (int, error) { panic(http.ErrAbortHandler) }

func TestLongPollWriterPanics(t *testing.T) {
	p := newPolling(t, &channel.Socket{}).join()
	p.say("hi")
	func() {
		defer func() { _ = recover() }()
		p.socket.ServeHTTP(pickyWriter{httptest.NewRecorder()}, p.request(p.ctx, "GET", "", ""))
	}()
	p.expect(said("hi"))
}

func TestLongPollSlow(t *testing.T) {
	size := len(said("x")) + 2 // with a frame's header
	for name, limits := range map[string]channel.Limits{
		"messages": {PendingMessages: 5},
		"bytes":    {PendingBytes: 5 * size, PendingMessages: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limits.PendingBytes = max(limits.PendingBytes, 5*size)
				p := newPolling(t, &channel.Socket{Limits: limits}).join()
				for range 5 {
					p.say("x")
				}
				p.expect(slices.Repeat([]string{said("x")}, 5)...)
				for range 6 {
					p.say("x")
				}
				synctest.Wait()
				p.expectCount(t, "channel.clients.slow", 1)
				if a := p.get(); a.Status != 410 || a.Token == p.token {
					t.Errorf("%+v", a)
				}
			})
		})
	}
}

func TestLongPollTooLong(t *testing.T) {
	p := newPolling(t, &channel.Socket{Limits: channel.Limits{PendingBytes: 1000}}).join()
	p.say(strings.Repeat("x", 1000))
	p.say("short")
	p.expect(said("short"))
	p.expectCount(t, "channel.messages.unsendable", 1)
}

// blocking is a log that takes its time.
type blocking struct {
	slog.Handler
	hold chan struct{}
}

func (b blocking) Enabled(context.Context, slog.Level) bool { return true }
func (b blocking) Handle(context.Context, slog.Record) error {
	<-b.hold
	return nil
}

func TestLongPollLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		node := process.NewNode(telemetry.WithLogger(t.Context(), slog.New(blocking{slog.DiscardHandler, hold})))
		defer node.Close()
		socket := &channel.Socket{Channels: cabins(), LongPoll: &channel.LongPoll{}}
		s := runOn(t, node.Context(t.Context()), supervisor.Child{Name: "socket", Run: socket})
		defer s.stop()
		p := &polling{site: s, t: t, socket: socket, header: make(http.Header), query: "vsn=2.0.0"}
		p.connect()
		done := make(chan answer)
		go func() { done <- p.post(`["1","1","cellar","phx_join",{}]`, `[null,"2","phoenix","heartbeat",{}]`) }()
		synctest.Wait()
		before := time.Now()
		if a := p.post(`[null,"3","phoenix","heartbeat",{}]`); a.Status != 408 || time.Since(before) != 10*time.Second {
			t.Errorf("it is answered %+v after %v", a, time.Since(before))
		}
		close(hold)
		if a := <-done; a.Status != 200 {
			t.Errorf("the first is answered %+v", a)
		}
		p.expect(
			`[null,"1","cellar","phx_reply",{"status":"error","response":{"reason":"unmatched topic","kind":"not found"}}]`,
			`[null,"2","phoenix","phx_reply",{"status":"ok","response":{}}]`,
		)
	})
}

// Whatever is given up, and whoever asks at the same time: each message comes once, and in
// its order.
func TestLongPollAtRandom(t *testing.T) {
	const clients, messages = 8, 300
	p := newPolling(t, &channel.Socket{})
	var all sync.WaitGroup
	for n := range clients {
		c := p.other().join()
		r := rand.New(rand.NewPCG(1, uint64(n)))
		all.Go(func() {
			for next := 0; next < messages; {
				ctx, cancel := context.WithCancel(p.ctx)
				w := httptest.NewRecorder()
				var early sync.WaitGroup
				if r.IntN(3) == 0 {
					early.Go(cancel)
				}
				if r.IntN(10) == 0 {
					c.postOK(`[null,"9","phoenix","none",{}]`)
				}
				c.socket.ServeHTTP(w, c.request(ctx, "GET", "", ""))
				early.Wait()
				cancel()
				if w.Body.Len() == 0 {
					continue
				}
				for _, m := range c.parse(w.Result()).Messages {
					switch {
					case m == said(strconv.Itoa(next)):
						next++
					case !strings.Contains(m, "phoenix"):
						t.Errorf("client %d got %s instead of %d", n, m, next)
						return
					}
				}
			}
		})
	}
	for i := range messages {
		p.say(strconv.Itoa(i))
	}
	all.Wait()
}
