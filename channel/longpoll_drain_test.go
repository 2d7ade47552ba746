package channel_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web"
)

func TestLongPollDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{}).join()
		idle := p.other().connect()
		p.say("bye")
		p.expect(said("bye"))
		q := p.wait()
		stopped := make(chan struct{})
		before := time.Now()
		go func() {
			defer close(stopped)
			p.stop()
		}()
		a := p.answered(q)
		if a.Status != 410 || a.Token != "" || !strings.Contains(a.Reason, "reconnect in ") {
			t.Errorf("who waits is answered %+v", a)
		}
		<-stopped
		if took := time.Since(before); took > time.Second {
			t.Errorf("it took %v", took)
		}
		for _, c := range []*polling{p, idle} {
			if r := c.raw("GET", "", ""); r.StatusCode != 503 {
				t.Errorf("after the stop a GET is answered %d", r.StatusCode)
			}
		}
	})
}

// A client that is between two requests holds nobody up.
func TestLongPollDrainWithMessagesLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{}).join()
		p.say("bye")
		before := time.Now()
		p.stop()
		if took := time.Since(before); took > time.Second {
			t.Errorf("it took %v", took)
		}
		p.expectCount(t, "channel.longpoll.lost", 1)
	})
}

// Whoever is sent away otherwise may come for its last messages, for 2 s.
func TestLongPollLastMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{Connect: func(_ context.Context, peer *channel.Peer) error {
			peer.ID = peer.Params.Get("id")
			return nil
		}})
		p.query = "vsn=2.0.0&id=ann"
		p.join()
		late := p.other().join()
		p.say("bye")
		if err := channel.Disconnect(p.ctx, "ann"); err != nil {
			t.Fatal(err)
		}
		if a := p.post(`[null,"3","phoenix","heartbeat",{}]`); a.Status != 410 {
			t.Errorf("a POST is answered %+v", a)
		}
		time.Sleep(2*time.Second - time.Millisecond)
		p.expect(said("bye"))
		if a := p.get(); a.Status != 410 || a.Token == p.token {
			t.Errorf("after the last message: %+v", a)
		}
		time.Sleep(2 * time.Millisecond)
		if a := late.get(); a.Status != 410 || a.Token == late.token {
			t.Errorf("too late: %+v", a)
		}
		p.expectCount(t, "channel.longpoll.lost", 1)
	})
}

func TestLongPollEndpointDrains(t *testing.T) {
	p := newPolling(t, &channel.Socket{}).join()
	came := make(chan struct{}, 1)
	end := &web.Endpoint{Addr: "127.0.0.1:0", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came <- struct{}{}
		p.socket.ServeHTTP(w, r)
	})}
	if err := end.Start(p.ctx); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(p.ctx)
	served := make(chan error, 1)
	go func() { served <- end.Serve(ctx) }()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answers := make(chan answer, 1)
	go func() {
		defer close(answers)
		r, err := (&http.Client{Transport: transport}).Get(end.URL() + "/socket/longpoll?vsn=2.0.0&token=" + p.token)
		if err != nil {
			t.Error(err)
			return
		}
		defer r.Body.Close()
		answers <- p.parse(r)
	}()
	<-came
	stop()
	if a := <-answers; a.Status != 410 || !strings.Contains(a.Reason, "reconnect in ") {
		t.Errorf("%+v", a)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestLongPollDisconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		banned := false
		p := newPolling(t, &channel.Socket{Connect: func(_ context.Context, peer *channel.Peer) error {
			if peer.ID = "ann"; banned {
				return fault.Forbidden.Errorf("no more")
			}
			return nil
		}}).join()
		idle := p.other().connect()
		q := p.wait()
		banned = true
		if err := channel.Disconnect(p.ctx, "ann"); err != nil {
			t.Fatal(err)
		}
		if a := p.answered(q); a.Status != 410 || a.Token != "" {
			t.Errorf("who waits is answered %+v", a)
		}
		synctest.Wait()
		if a := p.post(`[null,"3","phoenix","heartbeat",{}]`); a.Status != 410 {
			t.Errorf("a POST is answered %+v", a)
		}
		for _, c := range []*polling{p, idle} {
			if a := c.get(); a.Status != 403 {
				t.Errorf("the next is answered %+v", a)
			}
		}
	})
}
