package channel_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/fault"
)

// entry is a payload that knows its place.
type entry struct {
	At uint64 `json:"at"`
}

func (e entry) Offset() uint64 { return e.At }

const entered channel.Event[entry] = "entered"

// book is where an application keeps a history.
type book struct {
	mu     sync.Mutex
	last   uint64
	loads  atomic.Int64
	before func(context.Context) error // what Load does first, and its error
	change func(channel.Stored) channel.Stored
}

func (b *book) load(ctx context.Context, topic string) (channel.Stored, error) {
	b.loads.Add(1)
	if b.before != nil {
		if err := b.before(ctx); err != nil {
			return channel.Stored{}, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := channel.Stored{Epoch: "book", Offset: b.last}
	for at := max(1, int(b.last)-9); at <= int(b.last); at++ {
		s.Messages = append(s.Messages, channel.Record(entered, entry{uint64(at)}))
	}
	if b.change != nil {
		s = b.change(s)
	}
	return s, nil
}

// enter stores, and then broadcasts.
func (b *book) enter(t testing.TB, s *channeltest.Server) {
	b.mu.Lock()
	b.last++
	e := entry{b.last}
	b.mu.Unlock()
	if err := channel.Broadcast(s.Context(), "log:1", entered, e); err != nil {
		t.Error(err)
	}
}

func (b *book) channel() channel.Channel {
	return logs(channel.History{Load: b.load, Events: channel.Events(entered)})
}

func TestLoad(t *testing.T) {
	b := &book{last: 20}
	s := channeltest.Serve(t, socketOf(b.channel()))
	b.enter(t, s) // nobody is there, and nothing is loaded
	if n := b.loads.Load(); n != 0 {
		t.Errorf("loaded %d times for nobody", n)
	}
	c := channeltest.Connect(t, s)
	at := joinWith(t, c, 1, resume("book", 18))
	if *at.Epoch != "book" || *at.Offset != 21 || !*at.Recovered {
		t.Errorf("%+v", at)
	}
	for n := 19; n <= 21; n++ {
		c.Expect(fmt.Sprintf(`[null,null,"log:1","entered",{"at":%d},{"offset":%d}]`, n, n))
	}
	b.enter(t, s)
	c.Expect(`[null,null,"log:1","entered",{"at":22},{"offset":22}]`)
	tell(t, s, "log:1", entered, entry{22}) // again
	tell(t, s, "log:1", posted, text{"not kept"})
	c.Expect(`[null,null,"log:1","said",{"text":"not kept"}]`)
	for offset, want := range map[uint64]bool{22: true, 12: true, 11: true, 10: false, 23: false} {
		if at := joinWith(t, channeltest.Connect(t, s), 1, resume("book", offset)); *at.Recovered != want || *at.Offset != 22 {
			t.Errorf("from %d: %v, at %d", offset, *at.Recovered, *at.Offset)
		}
	}
	tell(t, s, "log:1", entered, entry{30}) // a gap: what was before it cannot be replayed
	c.Expect(`[null,null,"log:1","entered",{"at":30},{"offset":30}]`)
	for offset, want := range map[uint64]bool{22: false, 28: false, 29: true} {
		if at := joinWith(t, channeltest.Connect(t, s), 1, resume("book", offset)); *at.Recovered != want {
			t.Errorf("over a gap, from %d: %v", offset, *at.Recovered)
		}
	}
	if n := b.loads.Load(); n != 1 {
		t.Errorf("loaded %d times", n)
	}
}

func TestLoadOfNothing(t *testing.T) {
	s := channeltest.Serve(t, socketOf(new(book).channel()))
	c := channeltest.Connect(t, s)
	if at := joinWith(t, c, 1, resume("book", 0)); *at.Offset != 0 || !*at.Recovered {
		t.Errorf("%+v", at)
	}
	tell(t, s, "log:1", entered, entry{1})
	c.Expect(`[null,null,"log:1","entered",{"at":1},{"offset":1}]`)
}

// TestBroadcastDuringLoad is neither lost nor told twice.
func TestBroadcastDuringLoad(t *testing.T) {
	loading, release := make(chan struct{}), make(chan struct{})
	b := &book{last: 3, before: func(context.Context) error {
		close(loading)
		<-release
		return nil
	}}
	s := channeltest.Serve(t, socketOf(b.channel()))
	first, second := channeltest.Connect(t, s), channeltest.Connect(t, s)
	for _, c := range []*channeltest.Client{first, second} {
		c.Send(`["1","1","log:1","phx_join",{},{"epoch":"book","offset":2}]`)
	}
	await(t, loading)
	b.enter(t, s)                          // 4, which will be loaded
	tell(t, s, "log:1", entered, entry{5}) // which will not
	tell(t, s, "log:1", posted, text{"nobody has joined yet"})
	close(release)
	for _, c := range []*channeltest.Client{first, second} {
		if m := c.Next(); string(m.Meta) != `{"epoch":"book","offset":5,"recovered":true,"reconnect_ms":2,"message_bytes":1048576}` {
			t.Errorf("the reply is %s", m)
		}
		for n := 3; n <= 5; n++ {
			c.Expect(fmt.Sprintf(`[null,null,"log:1","entered",{"at":%d},{"offset":%d}]`, n, n))
		}
		c.ExpectNothing()
	}
	if n := b.loads.Load(); n != 1 {
		t.Errorf("loaded %d times", n)
	}
}

// TestLoadWhileOthersBroadcast has a client join at any moment.
func TestLoadWhileOthersBroadcast(t *testing.T) {
	for range 30 {
		const entries = 30
		b := new(book)
		s := channeltest.Serve(t, socketOf(b.channel()))
		var all sync.WaitGroup
		all.Go(func() {
			for range entries {
				b.enter(t, s)
			}
		})
		c := channeltest.Connect(t, s)
		all.Go(func() { resumeUntil(t, c, entries) })
		all.Wait()
		s.Stop()
	}
}

// TestLoadFails refuses who waits for it, and is tried again by the next.
func TestLoadFails(t *testing.T) {
	for name, test := range map[string]struct {
		fails  func(context.Context) error
		change func(channel.Stored) channel.Stored
		reason string
	}{
		"error":    {fails: func(context.Context) error { return fault.Unavailable.Errorf("the archive is closed") }, reason: "the archive is closed"},
		"internal": {fails: func(context.Context) error { return errors.New("a secret of the house") }, reason: "internal error"},
		"panic":    {fails: func(context.Context) error { panic("load") }, reason: "join crashed"},
		"canceled": {fails: func(context.Context) error { return context.Canceled }, reason: "canceled"},
		"no epoch": {change: func(s channel.Stored) channel.Stored { s.Epoch = ""; return s }, reason: "internal error"},
		"a gap": {change: func(s channel.Stored) channel.Stored {
			s.Messages = append(s.Messages[:3], s.Messages[4:]...)
			return s
		}, reason: "internal error"},
		"another end": {change: func(s channel.Stored) channel.Stored { s.Offset++; return s }, reason: "internal error"},
		"not to be encoded": {change: func(s channel.Stored) channel.Stored {
			s.Messages[0] = channel.Record(channel.Event[strange]("strange"), strange{})
			return s
		}, reason: "internal error"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &book{last: 10, before: test.fails, change: test.change}
			s := channeltest.Serve(t, socketOf(b.channel(), rooms))
			c := channeltest.Connect(t, s)
			sibling := c.Join("room:1", nil)
			if r := c.Refused("log:1", nil); r.Reason() != test.reason {
				t.Errorf("refused with %q", r.Reason())
			}
			sibling.Push("echo", text{"a"}).ExpectReply("ok", text{"a"})
			b.before, b.change = nil, nil
			c.Join("log:1", nil)
			if n := b.loads.Load(); n != 2 {
				t.Errorf("loaded %d times", n)
			}
		})
	}
}

type strange struct{ C chan int }

func (strange) Offset() uint64 { return 1 }

// TestLoaderLeaves: who waits for the Load of a client that has gone away is not refused for
// that.
func TestLoaderLeaves(t *testing.T) {
	loading := make(chan struct{}, 2)
	release := make(chan struct{})
	b := &book{last: 3, before: func(ctx context.Context) error {
		loading <- struct{}{}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	s := channeltest.Serve(t, socketOf(b.channel()))
	first, second := channeltest.Connect(t, s), channeltest.Connect(t, s)
	first.Send(`["1","1","log:1","phx_join",{}]`)
	await(t, loading)
	second.Send(`["1","1","log:1","phx_join",{}]`)
	second.Heartbeat()
	first.Drop()
	await(t, loading)
	close(release)
	second.Expect(`["1","1","log:1","phx_reply",{"status":"ok","response":{}}]`)
}

// TestHistoryOfAnotherSocket: one that keeps a history starts on a topic that is in use.
func TestHistoryOfAnotherSocket(t *testing.T) {
	s := channeltest.Serve(t, socketOf(channel.Topic("log:*", joinRoom)))
	plain := channeltest.Connect(t, s).Join("log:1", nil)
	keeps := socketOf(logs(channel.History{}))
	ctx, stop := context.WithCancel(s.Context())
	must(t, keeps.Start(ctx))
	served := make(chan error, 1)
	go func() { served <- keeps.Serve(ctx) }()
	c := channeltest.ConnectTo(t, s.Context(), keeps)
	var all sync.WaitGroup
	all.Go(func() {
		for i := range 50 {
			tell(t, s, "log:1", counted, number{i})
		}
	})
	c.Join("log:1", nil)
	all.Wait()
	for i := range 50 {
		plain.ExpectBroadcast("counted", number{i})
	}
	stop()
	must(t, await(t, served))
}
