package channel_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
)

// listener is a channel that hears what it is told only in part.
type listener struct {
	params  listenerParams
	client  *channel.Client
	release chan struct{}
}

type listenerParams struct {
	Above  int  `json:"above"` // which numbers it wants
	Breaks bool `json:"breaks"`
}

func (l *listener) filter(_ context.Context, n number) (number, error) {
	switch {
	case l.params.Breaks && n.N == 13:
		return n, errors.New("bad luck")
	case n.N <= l.params.Above:
		return n, channel.Skip
	}
	return number{n.N * 10}, nil
}

func (l *listener) wait(context.Context) error { <-l.release; return nil }

func (l *listener) paint(_ context.Context, in channel.Binary) (channel.Binary, error) {
	return append([]byte("painted "), in...), nil
}

func listeners(release chan struct{}, opts ...channel.Option) channel.Channel {
	join := func(_ context.Context, j channel.Join[listenerParams]) (*listener, error) {
		return &listener{j.Params, j.Client, release}, nil
	}
	return channel.Topic("log:*", join,
		channel.Intercept(counted, (*listener).filter),
		channel.Intercept(sketched, (*listener).paint),
		channel.Run("wait", (*listener).wait),
	).With(opts...)
}

func TestIntercept(t *testing.T) {
	s := channeltest.Serve(t, socketOf(listeners(nil)))
	all := channeltest.Connect(t, s).Join("log:1", nil)
	some := channeltest.Connect(t, s).Join("log:1", listenerParams{Above: 2})
	breaks := channeltest.Connect(t, s).Join("log:1", listenerParams{Breaks: true})
	for i := 1; i <= 3; i++ {
		tell(t, s, "log:1", counted, number{i})
	}
	for i := 1; i <= 3; i++ {
		all.ExpectBroadcast("counted", number{i * 10})
		breaks.ExpectBroadcast("counted", number{i * 10})
	}
	some.ExpectBroadcast("counted", number{30})
	tell(t, s, "log:1", posted, text{"not intercepted"})
	all.ExpectBroadcast("said", text{"not intercepted"})
	some.ExpectBroadcast("said", text{"not intercepted"})
	tell(t, s, "log:1", sketched, channel.Binary("x"))
	some.ExpectBroadcast("drawn", []byte("painted x"))
	all.ExpectBroadcast("drawn", []byte("painted x"))
	tell(t, s, "log:1", counted, number{13})
	breaks.ExpectCrash()
	all.ExpectBroadcast("counted", number{130})
	some.ExpectBroadcast("counted", number{130})
	all.ExpectNothing()
	some.ExpectNothing()
}

// TestInterceptOnReplay: what is replayed is looked at too, and keeps its offset.
func TestInterceptOnReplay(t *testing.T) {
	s := channeltest.Serve(t, socketOf(listeners(nil, channel.History{})))
	c := channeltest.Connect(t, s)
	r := c.Join("log:1", listenerParams{Above: 2})
	tell(t, s, "log:1", counted, number{5})
	r.ExpectBroadcast("counted", number{50})
	c.Drop()
	for i := range 4 {
		tell(t, s, "log:1", counted, number{i + 1})
	}
	tell(t, s, "log:1", posted, text{"between"})
	c.Reconnect()
	r.Rejoin()
	for i, n := range []int{30, 40} {
		if m := r.Next(); string(m.Frame) != fmt.Sprintf(`[null,null,"log:1","counted",{"n":%d},{"offset":%d}]`, n, i+4) {
			t.Error(m)
		}
	}
	r.ExpectBroadcast("said", text{"between"})
	r.ExpectNothing()
}

// TestInterceptKeepsTheOrderOfTheHistory: a client that has seen an offset has seen those
// before it, also while its process is busy.
func TestInterceptKeepsTheOrderOfTheHistory(t *testing.T) {
	release := make(chan struct{})
	s := channeltest.Serve(t, socketOf(listeners(release, channel.History{})))
	c := channeltest.Connect(t, s)
	r := c.Join("log:1", nil)
	r.Push("wait", nil)
	tell(t, s, "log:1", counted, number{1})
	tell(t, s, "log:1", posted, text{"a"})
	tell(t, s, "log:1", counted, number{2})
	close(release)
	r.ExpectBroadcast("counted", number{10})
	r.ExpectBroadcast("said", text{"a"})
	r.ExpectBroadcast("counted", number{20})
	r.ExpectNothing()
}

// TestInterceptDuringJoin comes after the reply to it.
func TestInterceptDuringJoin(t *testing.T) {
	snapshot := func(l *listener, ctx context.Context) (text, error) {
		return text{"snapshot"}, channel.Broadcast(ctx, "log:1", counted, number{1})
	}
	join := func(_ context.Context, j channel.Join[listenerParams]) (*listener, error) {
		return &listener{client: j.Client}, nil
	}
	_, c := connect(t, channel.Topic("log:*", join, channel.Joined(snapshot), channel.Intercept(counted, (*listener).filter)))
	play(c, `
		> ["1","1","log:1","phx_join",{}]
		< ["1","1","log:1","phx_reply",{"status":"ok","response":{"text":"snapshot"}}]
		< [null,null,"log:1","counted",{"n":10}]`)
	c.ExpectNothing()
}

// TestInterceptByOneThatDoesNotKeepUp: it is sent away, and nobody else is held up.
func TestInterceptByOneThatDoesNotKeepUp(t *testing.T) {
	release := make(chan struct{})
	s := channeltest.Serve(t, socketOf(listeners(release)))
	c := channeltest.Connect(t, s)
	r, quick := c.Join("log:1", nil), channeltest.Connect(t, s).Join("log:1", nil)
	r.Push("wait", nil)
	c.Heartbeat()
	for i := range 1100 {
		tell(t, s, "log:1", counted, number{i + 1})
		quick.ExpectBroadcast("counted", number{10 * (i + 1)})
	}
	close(release)
	c.ExpectClose(1013)
	quick.ExpectNothing()
}

// TestInterceptWhileClientsComeAndGo: what goes to a process that has just ended is no
// fault of its client.
func TestInterceptWhileClientsComeAndGo(t *testing.T) {
	s := channeltest.Serve(t, socketOf(listeners(nil), rooms))
	c := channeltest.Connect(t, s)
	for range 90 {
		var all sync.WaitGroup
		all.Go(func() {
			for i := range 500 { // less than a mailbox holds
				tell(t, s, "log:1", counted, number{i + 1})
			}
		})
		c.Join("log:1", nil).Leave()
		c.Heartbeat()
		all.Wait()
	}
}
