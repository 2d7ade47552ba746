package channel_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
)

// TestRepeatOfWhatIsForgotten: who waits for an answer that is forgotten before it is there
// hears so.
func TestRepeatOfWhatIsForgotten(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		shop := newShop()
		s := channeltest.Serve(t, shop.socket())
		old, c := channeltest.Connect(t, s, user("ann")), channeltest.Connect(t, s, user("ann"))
		first, second := old.Join("till:1", nil), c.Join("till:1", nil)
		a := first.PushOnce("a", "later", nil)
		owed := await(t, shop.owed)
		b := second.PushOnce("a", "later", nil)
		time.Sleep(channel.AnswersAge)
		synctest.Wait()
		second.ExpectNothing()
		time.Sleep(2 * channel.SweepEvery)
		b.ExpectError("it is not known what came of it")
		owed.Send(number{7}, nil)
		a.ExpectReply("ok", number{7})
		if n, bytes := channel.Remembered(s.Context()); n != 0 || bytes != 0 {
			t.Errorf("%d answers are remembered, of %d bytes", n, bytes)
		}
	})
}

// bench is a channel whose work is held up.
type bench struct {
	begun   chan struct{}
	crashes chan bool
	jam     chan struct{}
}

func (b *bench) work(context.Context) error {
	b.begun <- struct{}{}
	if <-b.crashes {
		panic("on purpose")
	}
	return nil
}

func (b *bench) stick(context.Context) error {
	b.begun <- struct{}{}
	<-b.jam
	return nil
}

func (b *bench) ping(context.Context) error { return nil }

// TestHandedOnPastOneThatIsFull: what a crash left undone goes to the next who waits, if the
// first of them has no room.
func TestHandedOnPastOneThatIsFull(t *testing.T) {
	b := &bench{make(chan struct{}), make(chan bool), make(chan struct{})}
	join := func(context.Context, channel.Join[struct{}]) (*bench, error) { return b, nil }
	socket := socketOf(channel.Topic("bench", join,
		channel.Run("work", (*bench).work), channel.Run("stick", (*bench).stick), channel.Run("ping", (*bench).ping)))
	socket.Limits.Events.PerSecond = -1
	s := channeltest.Serve(t, socket)
	var rooms [3]*channeltest.Room
	var pending [3]*channeltest.Pending
	for i := range rooms {
		rooms[i] = channeltest.Connect(t, s).Join("bench", nil)
		if pending[i] = rooms[i].PushOnce("a", "work", nil); i == 0 {
			await(t, b.begun)
		} else {
			rooms[i].Push("ping", nil).Reply() // now it waits
		}
	}
	rooms[1].Push("stick", nil)
	await(t, b.begun)
	for range 1024 {
		rooms[1].Push("ping", nil)
	}
	b.crashes <- true
	rooms[0].ExpectCrash()
	await(t, b.begun)
	b.crashes <- false
	pending[2].ExpectReply("ok", struct{}{})
	if r := pending[1].Reply(); r.Status != "error" {
		t.Errorf("the one without room got %s %s", r.Status, r.Response)
	}
	close(b.jam)
}

// TestRepeatsInGreatNumber: not more than a hundred wait for an answer.
func TestRepeatsInGreatNumber(t *testing.T) {
	shop := newShop()
	s := channeltest.Serve(t, shop.socket())
	r := channeltest.Connect(t, s, user("ann")).Join("till:1", nil)
	r.PushOnce("a", "later", nil)
	owed := await(t, shop.owed)
	var waiting []*channeltest.Pending
	for range 100 {
		waiting = append(waiting, r.PushOnce("a", "later", nil))
	}
	r.PushOnce("a", "later", nil).ExpectError("it is being carried out")
	owed.Send(number{7}, nil)
	for _, p := range waiting {
		p.ExpectReply("ok", number{7})
	}
}

// TestRepeatsKeepNoPayload: what waits for an answer is a ref, whatever came with it.
func TestRepeatsKeepNoPayload(t *testing.T) {
	shop := newShop()
	s := channeltest.Serve(t, shop.socket())
	r := channeltest.Connect(t, s, user("ann")).Join("till:1", nil)
	r.PushOnce("a", "later", nil)
	owed := await(t, shop.owed)
	before := heap()
	long := raw(fmt.Sprintf("%q", strings.Repeat("x", 1<<20-200)))
	for range 50 {
		r.PushOnce("a", "later", long)
		r.Push("sell", number{1}).Reply()
	}
	if grown := heap() - before; grown > 10<<20 {
		t.Errorf("50 repeats of 1 MiB keep %d MiB", grown>>20)
	}
	owed.Send(number{7}, nil)
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
