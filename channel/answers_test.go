package channel_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// till is a channel that counts what it carries out.
type till struct {
	client *channel.Client
	shop   *shop
}

type shop struct {
	sold    atomic.Int64
	begun   chan struct{}
	release chan struct{}
	crashes atomic.Bool // the next sale crashes
	owed    chan channel.Reply[number]
}

func newShop() *shop {
	return &shop{begun: make(chan struct{}, 100), release: make(chan struct{}), owed: make(chan channel.Reply[number], 100)}
}

func (s *shop) socket() *channel.Socket {
	join := func(_ context.Context, j channel.Join[struct{}]) (*till, error) { return &till{j.Client, s}, nil }
	handlers := []channel.Handler[till]{
		channel.Call("sell", (*till).sell, channel.Limit{Bytes: 100}),
		channel.Call("slow", (*till).slow),
		channel.Cast("cast", (*till).cast),
		channel.Ask("later", (*till).later),
	}
	return &channel.Socket{
		Channels: []channel.Channel{channel.Topic("till:*", join, handlers...)},
		Connect: func(_ context.Context, p *channel.Peer) error {
			p.ID = p.Header.Get("User")
			return nil
		},
	}
}

func (c *till) sell(_ context.Context, in number) (number, error) {
	n := int(c.shop.sold.Add(1))
	if c.shop.crashes.CompareAndSwap(true, false) {
		panic("the till is jammed")
	}
	if in.N < 0 {
		return number{}, fault.Invalid.Errorf("sale %d is of nothing", n)
	}
	return number{n}, nil
}

func (c *till) slow(ctx context.Context, in number) (number, error) {
	c.shop.begun <- struct{}{}
	<-c.shop.release
	return c.sell(ctx, in)
}

func (c *till) cast(ctx context.Context, in number) error {
	_, err := c.sell(ctx, in)
	return err
}

func (c *till) later(context.Context) (number, error) {
	c.shop.sold.Add(1)
	c.shop.owed <- channel.Defer[number](c.client)
	return number{}, process.Deferred
}

func user(name string) channel.Peer { return channel.Peer{Header: http.Header{"User": {name}}} }

// TestPushOnce: what comes again gets the first's answer.
func TestPushOnce(t *testing.T) {
	s := channeltest.Serve(t, newShop().socket())
	ann := channeltest.Connect(t, s, user("ann"))
	r := ann.Join("till:1", nil)
	r.PushOnce("a", "sell", number{1}).ExpectReply("ok", number{1})
	r.PushOnce("a", "sell", number{1}).ExpectReply("ok", number{1})
	r.Rejoin()
	r.PushOnce("a", "sell", number{1}).ExpectReply("ok", number{1})
	ann.Drop()
	ann.Reconnect()
	r.Rejoin()
	r.PushOnce("a", "sell", number{1}).ExpectReply("ok", number{1})

	r.PushOnce("b", "sell", number{1}).ExpectReply("ok", number{2})
	r.Push("sell", number{1}).ExpectReply("ok", number{3})
	ann.Join("till:2", nil).PushOnce("a", "sell", number{1}).ExpectReply("ok", number{4})
	bob := channeltest.Connect(t, s, user("bob")).Join("till:1", nil)
	bob.PushOnce("a", "sell", number{1}).ExpectReply("ok", number{5})

	r.PushOnce("c", "sell", number{-1}).ExpectError("sale 6 is of nothing")
	r.PushOnce("c", "sell", number{-1}).ExpectError("sale 6 is of nothing")
	r.PushOnce("d", "sell", []int{}).ExpectError("the payload must be an object, not an array")
	r.PushOnce("e", "nothing", nil).ExpectError("unknown event")
	r.PushOnce("", "sell", number{1}).ExpectReply("ok", number{7}) // no id
	r.PushOnce("", "sell", number{1}).ExpectReply("ok", number{8})
}

// TestOnlyWhatWasCarriedOutIsRemembered: not what a limit refused.
func TestOnlyWhatWasCarriedOutIsRemembered(t *testing.T) {
	s := channeltest.Serve(t, newShop().socket())
	r := channeltest.Connect(t, s).Join("till:1", nil)
	long := raw(fmt.Sprintf(`{"n":1,"x":"%0100d"}`, 7))
	r.PushOnce("a", "sell", long).ExpectError("the payload is longer than 100 bytes")
	r.PushOnce("a", "sell", number{1}).ExpectReply("ok", number{1})
	r.PushOnce("b", "cast", number{1}) // is not answered, so its id is not looked at
	r.PushOnce("b", "cast", number{1})
	r.Push("sell", number{1}).ExpectReply("ok", number{4})
	if n, _ := channel.Remembered(s.Context()); n != 1 {
		t.Errorf("%d answers are remembered", n)
	}
}

// TestPushOnceWhilePending: the repeat waits for the first's answer.
func TestPushOnceWhilePending(t *testing.T) {
	shop := newShop()
	s := channeltest.Serve(t, shop.socket())
	old, c := channeltest.Connect(t, s, user("ann")), channeltest.Connect(t, s, user("ann"))
	first, second := old.Join("till:1", nil), c.Join("till:1", nil)
	a := first.PushOnce("a", "slow", number{1})
	await(t, shop.begun)
	b, b2 := second.PushOnce("a", "slow", number{1}), second.PushOnce("a", "slow", number{1})
	second.Push("sell", number{1}).ExpectReply("ok", number{1}) // it does not hold up others
	close(shop.release)
	a.ExpectReply("ok", number{2})
	b.ExpectReply("ok", number{2})
	b2.ExpectReply("ok", number{2})
	first.PushOnce("a", "slow", number{1}).ExpectReply("ok", number{2})
}

// TestAnswerOfAClientThatHasGone reaches the one that asked again on its next connection.
func TestAnswerOfAClientThatHasGone(t *testing.T) {
	shop := newShop()
	s := channeltest.Serve(t, shop.socket())
	c := channeltest.Connect(t, s, user("ann"))
	r := c.Join("till:1", nil)
	r.PushOnce("a", "slow", number{1})
	await(t, shop.begun)
	c.Drop()
	c.Reconnect()
	r.Rejoin()
	again := r.PushOnce("a", "slow", number{1})
	r.Push("sell", number{1}).ExpectReply("ok", number{1})
	close(shop.release)
	again.ExpectReply("ok", number{2})
	if n := shop.sold.Load(); n != 2 {
		t.Errorf("carried out %d times", n)
	}
}

// TestCrashBeforeTheAnswer: the repeat is carried out again, whether it came before the
// crash or comes after it.
func TestCrashBeforeTheAnswer(t *testing.T) {
	shop := newShop()
	s := channeltest.Serve(t, shop.socket())
	old, c := channeltest.Connect(t, s, user("ann")), channeltest.Connect(t, s, user("ann"))
	first, second := old.Join("till:1", nil), c.Join("till:1", nil)
	first.PushOnce("a", "slow", number{1})
	await(t, shop.begun)
	waiting := second.PushOnce("a", "slow", number{1})
	second.Push("sell", number{1}).ExpectReply("ok", number{1})
	shop.crashes.Store(true)
	shop.release <- struct{}{}
	first.ExpectCrash()
	await(t, shop.begun)
	shop.release <- struct{}{}
	waiting.ExpectReply("ok", number{3})
	first.Rejoin()
	first.PushOnce("a", "slow", number{1}).ExpectReply("ok", number{3})

	shop.crashes.Store(true)
	first.PushOnce("b", "sell", number{1})
	first.ExpectCrash()
	first.Rejoin()
	first.PushOnce("b", "sell", number{1}).ExpectReply("ok", number{5})
	if n, _ := channel.Remembered(s.Context()); n != 2 {
		t.Errorf("%d answers are remembered", n)
	}
}

// TestManyWaitForOneThatCrashes: it goes from one to the next.
func TestManyWaitForOneThatCrashes(t *testing.T) {
	const clients = 5
	shop := newShop()
	s := channeltest.Serve(t, shop.socket())
	var all [clients]*channeltest.Room
	var pending [clients]*channeltest.Pending
	for i := range all {
		all[i] = channeltest.Connect(t, s, user("ann")).Join("till:1", nil)
		if pending[i] = all[i].PushOnce("a", "slow", number{1}); i == 0 {
			await(t, shop.begun)
		} else {
			all[i].Push("sell", number{1}).Reply() // now it waits
		}
	}
	for i := range clients - 1 {
		shop.crashes.Store(true)
		shop.release <- struct{}{}
		all[i].ExpectCrash()
		await(t, shop.begun)
	}
	shop.release <- struct{}{}
	pending[clients-1].ExpectReply("ok", number{2*clients - 1})
}

// TestDeferOnce: the answer that is owed is given to the repeat too.
func TestDeferOnce(t *testing.T) {
	shop := newShop()
	s := channeltest.Serve(t, shop.socket())
	r := channeltest.Connect(t, s).Join("till:1", nil)
	a := r.PushOnce("a", "later", nil)
	b := r.PushOnce("a", "later", nil)
	owed := await(t, shop.owed)
	r.ExpectNothing()
	owed.Send(number{7}, nil)
	owed.Send(number{8}, nil) // is ignored
	a.ExpectReply("ok", number{7})
	b.ExpectReply("ok", number{7})
	r.PushOnce("a", "later", nil).ExpectReply("ok", number{7})
	if n := shop.sold.Load(); n != 1 {
		t.Errorf("carried out %d times", n)
	}
}

// TestAnswersAge: within five minutes, and not after.
func TestAnswersAge(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := channeltest.Serve(t, newShop().socket())
		c := channeltest.Connect(t, s)
		r := c.Join("till:1", nil)
		r.PushOnce("a", "sell", number{1}).ExpectReply("ok", number{1})
		time.Sleep(channel.AnswersAge)
		r.PushOnce("a", "sell", number{1}).ExpectReply("ok", number{1})
		time.Sleep(2 * channel.SweepEvery)
		if n, bytes := channel.Remembered(s.Context()); n != 0 || bytes != 0 {
			t.Errorf("%d answers are remembered, of %d bytes", n, bytes)
		}
		r.PushOnce("a", "sell", number{1}).ExpectReply("ok", number{2})
	})
}

// TestLongIDs: 64 bytes, and not more.
func TestLongIDs(t *testing.T) {
	s := channeltest.Serve(t, newShop().socket())
	c := channeltest.Connect(t, s)
	r := c.Join("till:1", nil)
	id := fmt.Sprintf("%064d", 7)
	r.PushOnce(id, "sell", number{1}).ExpectReply("ok", number{1})
	r.PushOnce(id, "sell", number{1}).ExpectReply("ok", number{1})
	r.PushOnce(id+"x", "sell", number{1})
	c.ExpectClose(1011)
}
