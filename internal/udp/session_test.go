package udp

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
)

func TestReplaysAreDropped(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		var m meter
		n.spy(m.watch)
		var c counts
		site := newSite(t, n, Config{})
		s, l, _ := dialTo(t, n, DialConfig{Count: c.count})
		for range 10 {
			must(t, s.Send([]byte("up")))
			must(t, site.session(0).Send([]byte("down")))
			pause(time.Second)
		}
		sent := map[netip.AddrPort]int{}
		for _, d := range slices.Clone(m.all) {
			if d.data[0] == dataKind {
				sent[d.to]++
				n.send(d)
				// What one end signed, sent back to it, is not from the other.
				n.send(datagram{d.to, d.from, d.data})
			}
		}
		synctest.Wait()
		up, down := sent[serverAddr], sent[s.e.socket.(*wire).local]
		if site.counts.of(CountReplayed) != up || c.of(CountReplayed) != down {
			t.Errorf("%d and %d datagrams were replayed: %v, %v", up, down, site.counts.all(), c.all())
		}
		if site.counts.of(CountForged) != down || c.of(CountForged) != up {
			t.Errorf("%d and %d datagrams were reflected: %v, %v", down, up, site.counts.all(), c.all())
		}
		if len(l.got()) != 10 || len(site.log(0).got()) != 10 {
			t.Error("messages came twice, or not")
		}
		s.Close("")
		<-s.Done()
		site.stop()
	})
}

func TestForgedBitsAreDropped(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		var m meter
		site := newSite(t, n, Config{})
		s, _, _ := dialTo(t, n, DialConfig{})
		n.spy(func(d datagram) bool { m.watch(d); return false })
		must(t, s.Send([]byte("x")))
		synctest.Wait()
		n.spy(nil)
		d := m.first(t, dataKind)
		forged := 0
		for i := helloBytes; i < len(d.data); i++ {
			data := bytes.Clone(d.data)
			data[i] ^= 0x10
			n.send(datagram{d.from, d.to, data})
			forged++
		}
		synctest.Wait()
		if site.counts.of(CountForged) != forged || len(site.log(0).got()) != 0 {
			t.Errorf("%d were forged: %v", forged, site.counts.all())
		}
		n.send(d)
		synctest.Wait()
		if len(site.log(0).got()) != 1 {
			t.Error("the true one was not taken")
		}
		s.Close("")
		<-s.Done()
		site.stop()
	})
}

func TestSessionMovesWithItsClient(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		n.set(weather{delay: 20 * time.Millisecond})
		site := newSite(t, n, Config{})
		s, l, w := dialTo(t, n, DialConfig{})
		moved := netip.MustParseAddrPort("203.0.113.50:7777")
		var m meter
		n.spy(m.watch)
		w.rebind(moved)
		must(t, site.session(0).Send([]byte("lost on its way")))
		must(t, s.Send([]byte("from elsewhere")))
		pause(time.Second)
		if got := site.session(0).Addr(); got != moved {
			t.Errorf("the session is at %v", got)
		}
		if site.counts.of(CountMoved) != 1 {
			t.Errorf("%v", site.counts.all())
		}
		same(t, l.got(), []string{"lost on its way"})
		same(t, site.log(0).got(), []string{"from elsewhere"})
		i := slices.IndexFunc(m.all, func(d datagram) bool { return d.to == moved })
		if size := len(m.all[i].data); size != dataBytes+1+cookieBytes {
			t.Errorf("the first datagram there has %d bytes; it is not a challenge", size)
		}
		s.Close("")
		<-s.Done()
		site.stop()
	})
}

func TestMovingOnABadNetwork(t *testing.T) {
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(seed)
			site := newSite(t, n, Config{})
			s, l, w := dialTo(t, n, DialConfig{})
			n.set(weather{loss: 0.2, duplicate: 0.1, delay: 30 * time.Millisecond, jitter: 50 * time.Millisecond})
			var want []string
			for i := range 200 {
				m := fmt.Sprint(i, strings.Repeat(".", i*20))
				want = append(want, m)
				must(t, s.Send([]byte(m)))
				must(t, site.session(0).Send([]byte(m)))
				if i%20 == 0 {
					w.rebind(netip.AddrPortFrom(netip.MustParseAddr("203.0.113.50"), uint16(1000+i)))
				}
				pause(500 * time.Millisecond)
			}
			pause(2 * time.Minute)
			same(t, l.got(), want)
			same(t, site.log(0).got(), want)
			if moves := site.counts.of(CountMoved); moves < 9 || moves > 12 {
				t.Errorf("it moved %d times", moves)
			}
			n.set(weather{})
			s.Close("")
			<-s.Done()
			site.stop()
		})
	}
}

// Somebody on the way who sends a client's datagrams on from another address, faster
// than they come by themselves, gets a challenge for it and nothing else.
func TestSessionDoesNotMoveWithAThief(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		site := newSite(t, n, Config{})
		s, l, w := dialTo(t, n, DialConfig{})
		thief := netip.MustParseAddrPort("203.0.113.66:666")
		var in, out int
		n.spy(func(d datagram) bool {
			switch {
			case d.to == thief:
				out += len(d.data)
			case d.from == w.local && d.to == serverAddr:
				in += len(d.data)
				n.arrive(datagram{thief, d.to, d.data})
			}
			return true
		})
		for range 20 {
			must(t, s.Send([]byte("up")))
			must(t, site.session(0).Send([]byte("down")))
			pause(time.Second)
		}
		if site.session(0).Addr() != w.local || len(l.got()) != 20 {
			t.Errorf("the session is at %v; %d messages", site.session(0).Addr(), len(l.got()))
		}
		if out == 0 || out > 3*in {
			t.Errorf("the thief got %d bytes for %d", out, in)
		}
		n.spy(nil)
		s.Close("")
		<-s.Done()
		site.stop()
	})
}

func TestIdleSessionsEndAtBothEnds(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		site := newSite(t, n, Config{Idle: 60 * time.Second})
		s, l, _ := dialTo(t, n, DialConfig{})
		pause(time.Hour) // the client keeps it alive
		if !l.isOpen() || !site.log(0).isOpen() {
			t.Fatal("the session has ended")
		}
		n.set(weather{loss: 1})
		pause(30 * time.Second)
		if !l.isOpen() || !site.log(0).isOpen() {
			t.Error("the session ended too early")
		}
		pause(31 * time.Second)
		<-s.Done()
		for _, end := range []*CloseError{l.end(t), site.log(0).end(t)} {
			if fault.Of(end) != fault.Timeout {
				t.Errorf("the end is %v", end)
			}
		}
		if site.server.Sessions() != 0 {
			t.Error("the server still has it")
		}
		site.stop()
	})
}

func TestKeepAliveSurvivesLoss(t *testing.T) {
	for seed := range uint64(5) {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(seed)
			site := newSite(t, n, Config{Idle: 30 * time.Second})
			s, l, _ := dialTo(t, n, DialConfig{})
			n.set(weather{loss: 0.3, delay: 100 * time.Millisecond, jitter: 100 * time.Millisecond})
			pause(30 * time.Minute)
			if !l.isOpen() || !site.log(0).isOpen() {
				t.Errorf("%v %v", l.ends, site.log(0).ends)
			}
			n.set(weather{})
			s.Close("")
			<-s.Done()
			site.stop()
		})
	}
}

func TestServerRestart(t *testing.T) {
	secret := []byte("0123456789abcdef")
	for name, c := range map[string]struct {
		before, after []byte
		kind          fault.Kind
		within        time.Duration
	}{
		"same secret": {secret, secret, fault.Unavailable, 2 * time.Second},
		"no secret":   {nil, nil, fault.Timeout, 61 * time.Second},
		"another":     {secret, []byte("fedcba9876543210"), fault.Timeout, 61 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, n *network) {
				site := newSite(t, n, Config{Secret: c.before})
				s, l, _ := dialTo(t, n, DialConfig{})
				n.set(weather{loss: 1}) // it crashes
				site.stop()
				n.set(weather{})
				site = newSite(t, n, Config{Secret: c.after})
				must(t, s.Send([]byte("are you there?")))
				pause(c.within)
				<-s.Done()
				if end := l.end(t); fault.Of(end) != c.kind {
					t.Errorf("the end is %v", end)
				}
				site.stop()
			})
		})
	}
}

func TestServerStops(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		site := newSite(t, n, Config{})
		s, l, _ := dialTo(t, n, DialConfig{})
		must(t, site.session(0).Send([]byte("last words")))
		site.session(0).Close("reconnect in 1234 ms")
		synctest.Wait()
		site.stop()
		<-s.Done()
		same(t, l.got(), []string{"last words"})
		if end := l.end(t); end.Reason != "reconnect in 1234 ms" || !end.Remote {
			t.Errorf("the client heard %v", end)
		}
		if end := site.log(0).end(t); fault.Of(end) != fault.Unavailable {
			t.Errorf("the server heard %v", end)
		}
	})
}

func TestServerStopsThoughAClientIsSilent(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		site := newSite(t, n, Config{CloseTimeout: 3 * time.Second})
		s, l, _ := dialTo(t, n, DialConfig{})
		n.set(weather{loss: 1})
		started := time.Now()
		site.stop()
		if took := time.Since(started); took != 3*time.Second {
			t.Errorf("that took %v", took)
		}
		<-s.Done()
		if end := l.end(t); fault.Of(end) != fault.Timeout {
			t.Errorf("the client heard %v", end)
		}
	})
}

func TestMessageLimits(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		site := newSite(t, n, Config{MaxMessageBytes: 5000})
		s, l, _ := dialTo(t, n, DialConfig{})
		for _, size := range []int{maxSegmentBytes - 1, maxSegmentBytes, maxSegmentBytes + 1, 4999, 5000} {
			must(t, s.Send(make([]byte, size)))
			must(t, site.session(0).Send(make([]byte, size)))
		}
		for _, s := range []*Session{s, site.session(0)} {
			if err := s.Send(make([]byte, 5001)); fault.Of(err) != fault.Invalid {
				t.Errorf("Send gave %v", err)
			}
		}
		pause(time.Second)
		if len(l.got()) != 5 || len(site.log(0).got()) != 5 {
			t.Error("not all messages came")
		}
		s.limits.messageBytes = 6000 // a client that does not keep to it
		must(t, s.Send(make([]byte, 5001)))
		<-s.Done()
		if end := site.log(0).end(t); fault.Of(end) != fault.Invalid {
			t.Errorf("the server heard %v", end)
		}
		if end := l.end(t); end.Reason != "a message is too big" {
			t.Errorf("the client heard %v", end)
		}
		site.stop()
	})
}

func TestSlowClient(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  Config
		size int
		most int
	}{
		"messages": {Config{MaxPendingMessages: 100}, 1, 100},
		"bytes":    {Config{MaxPendingBytes: 10_000, MaxMessageBytes: 1000}, 1000, 10},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, n *network) {
				site := newSite(t, n, c.cfg)
				s, l, _ := dialTo(t, n, DialConfig{})
				n.set(weather{loss: 1})
				for range c.most {
					must(t, site.session(0).Send(make([]byte, c.size)))
				}
				if err := site.session(0).Send(make([]byte, c.size)); fault.Of(err) != fault.Exhausted {
					t.Errorf("Send gave %v", err)
				}
				synctest.Wait()
				if end := site.log(0).end(t); fault.Of(end) != fault.Exhausted {
					t.Errorf("the server heard %v", end)
				}
				n.set(weather{})
				<-s.Done()
				if end := l.end(t); end.Reason != slow().Reason {
					t.Errorf("the client heard %v", end)
				}
				site.stop()
			})
		})
	}
}

func TestHeldBytesAreLimited(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		site := newSite(t, n, Config{MaxHeldBytes: 3000})
		s, _, _ := dialTo(t, n, DialConfig{})
		must(t, s.Send(make([]byte, 5000))) // never fits
		pause(10 * time.Second)
		if held := site.server.e.held.Load(); held == 0 || held > 3000 || site.counts.of(CountHeld) == 0 {
			t.Errorf("%d bytes are held; %v", held, site.counts.all())
		}
		other, _, _ := dialTo(t, n, DialConfig{})
		must(t, other.Send([]byte("small ones pass")))
		pause(time.Second)
		same(t, site.log(1).got(), []string{"small ones pass"})
		pause(time.Minute)
		if end := site.log(0).end(t); fault.Of(end) != fault.Timeout {
			t.Errorf("half a message was kept: %v", end)
		}
		other.Close("")
		<-other.Done()
		<-s.Done()
		site.stop()
	})
}

func TestManySessions(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		site := newSite(t, n, Config{MaxPending: 2000})
		n.set(weather{loss: 0.05, delay: 10 * time.Millisecond, jitter: 50 * time.Millisecond})
		const many = 1000
		type client struct {
			s *Session
			l *log
		}
		clients := make(chan client, many)
		for range many {
			go func() {
				s, l, _, err := tryDial(n, DialConfig{Timeout: time.Minute})
				if err != nil {
					t.Error(err)
				}
				clients <- client{s, l}
			}()
		}
		var all []client
		for range many {
			all = append(all, <-clients)
		}
		if site.server.Sessions() != many {
			t.Fatalf("%d sessions", site.server.Sessions())
		}
		for i, c := range all {
			must(t, c.s.Send(fmt.Append(nil, "from ", i)))
			must(t, site.session(i).Send([]byte("to all")))
		}
		pause(time.Minute)
		for i, c := range all {
			if len(c.l.got()) != 1 || len(site.log(i).got()) != 1 {
				t.Fatalf("client %d has %d messages, session %d has %d", i, len(c.l.got()), i, len(site.log(i).got()))
			}
		}
		n.set(weather{})
		for _, c := range all {
			c.s.Close("")
		}
		for _, c := range all {
			<-c.s.Done()
		}
		if site.server.Sessions() != 0 {
			t.Errorf("%d sessions are left", site.server.Sessions())
		}
		site.stop()
	})
}

func TestHooksSurroundMessages(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		var trace []string
		hooks := Hooks{
			Begin: func() any { trace = append(trace, "begin"); return len(trace) },
			End:   func(batch any) { trace = append(trace, fmt.Sprint("end ", batch)) },
		}
		site := newSite(t, n, Config{Hooks: hooks})
		s, _, _ := dialTo(t, n, DialConfig{})
		site.log(0).do(func(p []byte) { trace = append(trace, string(p)) })
		s.mu.Lock() // both leave in one datagram
		s.tx.push([]byte("a"), s.limits)
		s.tx.push([]byte("b"), s.limits)
		s.mu.Unlock()
		s.e.touch(s)
		synctest.Wait()
		if got := strings.Join(trace, ", "); got != "begin, a, b, end 1" {
			t.Errorf("%s", got)
		}
		s.Close("")
		<-s.Done()
		site.stop()
	})
}

func TestHandlerMayAnswerAndClose(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		site := newSite(t, n, Config{})
		s, l, _ := dialTo(t, n, DialConfig{})
		session := site.session(0)
		site.log(0).do(func(p []byte) {
			_ = session.Send(bytes.Clone(p))
			session.Close("enough")
		})
		for range 3 {
			must(t, s.Send([]byte("x")))
		}
		<-s.Done()
		same(t, l.got(), []string{"x"})
		same(t, site.log(0).got(), []string{"x"})
		if end := l.end(t); end.Reason != "enough" {
			t.Errorf("%v", end)
		}
		site.stop()
	})
}

func TestHostilePeer(t *testing.T) {
	segment := func(number uint64, last bool, n int) []byte { return appendSegment(nil, number, last, make([]byte, n)) }
	for name, c := range map[string]struct {
		h      header
		frames []byte
		count  string
	}{
		"ack of what was not sent": {header{ack: 1}, nil, CountFrame},
		"unknown frame":            {header{}, []byte{0xff}, CountFrame},
		"half a segment":           {header{}, segment(0, true, 10)[:15], CountFrame},
		"long reason":              {header{}, append([]byte{closeFrame, MaxReasonBytes + 1}, make([]byte, 200)...), CountFrame},
		"segment in the window":    {header{}, segment(mostSegments, true, 1), ""},
		"segment far ahead":        {header{}, segment(mostSegments+1, true, 1), CountHeld},
		"false answer":             {header{}, append([]byte{answerFrame}, make([]byte, cookieBytes)...), ""},
		"challenge to the server":  {header{}, append([]byte{challengeFrame}, make([]byte, cookieBytes)...), ""},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, n *network) {
				site := newSite(t, n, Config{})
				s, _, w := dialTo(t, n, DialConfig{})
				c.h.seq = 1 << 40
				p := new(packet)
				b := c.h.append(appendStart(p.empty(), dataKind, s.id))
				b = append(b, c.frames...)
				n.send(datagram{w.local, serverAddr, p.seal(&s.out, len(b))})
				synctest.Wait()
				if c.count != "" && site.counts.of(c.count) != 1 || c.count == "" && len(site.counts.all()) != 1 {
					t.Errorf("%v", site.counts.all())
				}
				if !site.log(0).isOpen() {
					t.Error("the session ended")
				}
				site.cancel()
				<-s.Done()
				site.stop()
			})
		})
	}
}

func TestDialIsCanceled(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		ctx, cancel := context.WithCancel(context.Background())
		go cancel()
		_, err := Dial(ctx, serverAddr.String(), DialConfig{Key: deviceKey, Handler: newLog(), Socket: n.socket("198.51.100.7")})
		if fault.Of(err) != fault.Canceled {
			t.Errorf("Dial gave %v", err)
		}
	})
}

func TestResetNeedsTheToken(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		site := newSite(t, n, Config{})
		var c counts
		s, l, w := dialTo(t, n, DialConfig{Count: c.count})
		forged := append(appendStart(nil, resetKind, s.id), make([]byte, tokenBytes)...)
		n.send(datagram{serverAddr, w.local, forged})
		synctest.Wait()
		if !l.isOpen() || c.of(CountForged) != 1 {
			t.Errorf("%v", c.all())
		}
		token := site.server.d.token(&s.id)
		n.send(datagram{netip.MustParseAddrPort("203.0.113.66:5006"), w.local, append(forged[:helloBytes:helloBytes], token[:]...)})
		synctest.Wait()
		if !l.isOpen() || c.of(CountStrayed) != 1 {
			t.Errorf("%v", c.all())
		}
		n.send(datagram{serverAddr, w.local, append(forged[:helloBytes:helloBytes], token[:]...)})
		<-s.Done()
		if end := l.end(t); fault.Of(end) != fault.Unavailable || !end.Remote {
			t.Errorf("the end is %v", end)
		}
		site.stop()
	})
}

func TestTokenIsHiddenInTheWelcome(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		var m meter
		n.spy(m.watch)
		site := newSite(t, n, Config{})
		s, _, _ := dialTo(t, n, DialConfig{})
		for _, d := range m.all {
			if bytes.Contains(d.data, s.token[:]) || bytes.Contains(d.data, deviceKey) {
				t.Error("a secret is on the wire")
			}
		}
		if s.token != site.server.d.token(&s.id) {
			t.Error("the client has another token")
		}
		if binary.BigEndian.Uint64(s.token[:]) == 0 {
			t.Error("there is no token")
		}
		s.Close("")
		<-s.Done()
		site.stop()
	})
}
