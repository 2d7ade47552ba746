package udp

import (
	"bytes"
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// meter adds up what goes to and comes from the server, by address.
type meter struct {
	in, out map[netip.AddrPort]int
	all     []datagram
	worst   float64
}

func (m *meter) watch(d datagram) bool {
	if m.in == nil {
		m.in, m.out = make(map[netip.AddrPort]int), make(map[netip.AddrPort]int)
	}
	m.all = append(m.all, d)
	if d.to == serverAddr {
		m.in[d.from] += len(d.data)
	} else {
		m.out[d.to] += len(d.data)
		m.worst = max(m.worst, float64(m.out[d.to])/float64(m.in[d.to]))
	}
	return true
}

// first is the first datagram of a kind.
func (m *meter) first(t testing.TB, kind byte) datagram {
	t.Helper()
	i := slices.IndexFunc(m.all, func(d datagram) bool { return d.data[0] == kind })
	if i < 0 {
		t.Fatalf("no datagram of kind %#x was sent", kind)
	}
	return m.all[i]
}

func (m *meter) checked(t testing.TB) {
	t.Helper()
	if len(m.all) == 0 || m.worst > 3 {
		t.Errorf("%d datagrams; up to %.2f bytes left for each that came", len(m.all), m.worst)
	}
}

func TestHandshakeDoesNotAmplify(t *testing.T) {
	elsewhere := netip.MustParseAddrPort("203.0.113.9:53")
	t.Run("finished", func(t *testing.T) {
		simulate(t, func(t *testing.T, n *network) {
			var m meter
			n.spy(m.watch)
			site := newSite(t, n, Config{})
			s, _, _ := dialTo(t, n, DialConfig{Device: "d"})
			m.checked(t)
			s.Close("")
			<-s.Done()
			site.stop()
		})
	})
	t.Run("unfinished", func(t *testing.T) {
		simulate(t, func(t *testing.T, n *network) {
			var m meter
			site := newSite(t, n, Config{})
			n.spy(func(d datagram) bool { m.watch(d); return d.to == serverAddr })
			if _, _, _, err := tryDial(n, DialConfig{}); fault.Of(err) != fault.Timeout {
				t.Errorf("Dial gave %v", err)
			}
			m.checked(t)
			if site.server.Sessions() != 0 || site.counts.of(CountOpened) != 0 {
				t.Error("a client without a cookie has a session")
			}
			site.stop()
		})
	})
	t.Run("spoofed and replayed", func(t *testing.T) {
		simulate(t, func(t *testing.T, n *network) {
			var m meter
			n.spy(m.watch)
			site := newSite(t, n, Config{})
			s, _, _ := dialTo(t, n, DialConfig{})
			must(t, s.Send([]byte("x")))
			pause(time.Second)
			seen := slices.Clone(m.all)
			m = meter{}
			for _, d := range seen {
				for _, from := range []netip.AddrPort{elsewhere, d.from} {
					if d.to == serverAddr {
						n.send(datagram{from, d.to, d.data})
					}
				}
			}
			synctest.Wait()
			m.checked(t)
			if out := m.out[elsewhere]; out != cookieReplyBytes {
				t.Errorf("%d bytes went elsewhere; only the hello may be answered", out)
			}
			if site.accepted() != 1 || site.counts.of(CountRepeated) != 1 || site.counts.of(CountCookie) != 1 {
				t.Errorf("%d sessions; %v", site.accepted(), site.counts.all())
			}
			s.Close("")
			<-s.Done()
			site.stop()
		})
	})
	t.Run("every length", func(t *testing.T) {
		simulate(t, func(t *testing.T, n *network) {
			site := newSite(t, n, Config{})
			for kind := range 256 {
				for _, size := range []int{1, 16, 17, 18, 32, 33, 34, 56, 57, 58, 1200, 1201} {
					m := meter{}
					n.spy(m.watch)
					data := bytes.Repeat([]byte{0}, size)
					data[0] = byte(kind)
					n.mu.Lock()
					m.watch(datagram{elsewhere, serverAddr, data})
					n.arrive(datagram{elsewhere, serverAddr, data})
					n.mu.Unlock()
					synctest.Wait()
					m.checked(t)
				}
			}
			site.stop()
		})
	})
}

func TestRepeatedOpenMakesOneSession(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		site := newSite(t, n, Config{})
		lost := 0
		n.spy(func(d datagram) bool { // the first two welcomes are lost
			if d.data[0] == welcomeKind {
				lost++
			}
			return d.data[0] != welcomeKind || lost > 2
		})
		s, _, _ := dialTo(t, n, DialConfig{})
		if site.accepted() != 1 || lost != 3 {
			t.Errorf("%d sessions, %d welcomes", site.accepted(), lost)
		}
		s.Close("")
		<-s.Done()
		site.stop()
	})
}

func TestOldOpenIsDropped(t *testing.T) {
	for _, c := range []struct {
		after time.Duration
		count string
	}{
		{cookieAge - 2*time.Second, CountRepeated},
		{cookieAge + 2*time.Second, CountRepeated},
		{2 * cookieAge, CountCookie},
		{100 * cookieAge, CountCookie},
	} {
		simulate(t, func(t *testing.T, n *network) {
			var m meter
			n.spy(m.watch)
			site := newSite(t, n, Config{})
			s, _, _ := dialTo(t, n, DialConfig{})
			s.Close("")
			<-s.Done()
			pause(c.after)
			n.send(m.first(t, openKind))
			synctest.Wait()
			if site.counts.of(c.count) != 1 || site.accepted() != 1 {
				t.Errorf("after %v: %v", c.after, site.counts.all())
			}
			site.stop()
		})
	}
}

func TestTamperedOpenIsRefused(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		site := newSite(t, n, Config{})
		n.spy(func(d datagram) bool {
			if d.data[0] == openKind {
				d.data[cookieReplyBytes+1] ^= 1 // the device's name
			}
			return true
		})
		if _, _, _, err := tryDial(n, DialConfig{}); fault.Of(err) != fault.Unauthenticated {
			t.Errorf("Dial gave %v", err)
		}
		site.stop()
	})
}

func TestTamperedWelcomeIsNotTaken(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		var c counts
		site := newSite(t, n, Config{Idle: time.Second})
		n.spy(func(d datagram) bool {
			if d.data[0] == welcomeKind {
				d.data[helloBytes] ^= 1
			}
			return true
		})
		if _, _, _, err := tryDial(n, DialConfig{Count: c.count}); fault.Of(err) != fault.Timeout || c.of(CountForged) == 0 {
			t.Errorf("Dial gave %v; %v", err, c.all())
		}
		site.stop()
	})
}

func TestRefusals(t *testing.T) {
	long := strings.Repeat("é", MaxReasonBytes)
	for name, c := range map[string]struct {
		cfg  Config
		dial DialConfig
		kind fault.Kind
		text string
	}{
		"wrong key":      {Config{}, DialConfig{Key: bytes.Repeat([]byte("x"), 32)}, fault.Unauthenticated, "could not be authenticated"},
		"unknown device": {Config{}, DialConfig{Device: "unknown"}, fault.Unauthenticated, "could not be authenticated"},
		"key too short on the server": {Config{Key: func(context.Context, string) ([]byte, error) { return deviceKey[:15], nil }},
			DialConfig{}, fault.Unauthenticated, "could not be authenticated"},
		"no database": {Config{Key: func(context.Context, string) ([]byte, error) { return nil, context.DeadlineExceeded }},
			DialConfig{}, fault.Unavailable, "try again"},
		"not accepted": {Config{Accept: func(_ context.Context, _ Hello, s *Session) (Handler, error) {
			_ = s.Send([]byte("never"))
			return nil, fault.Forbidden.Errorf("not on Sundays")
		}}, DialConfig{}, fault.Forbidden, "not on Sundays"},
		"long text": {Config{Accept: func(context.Context, Hello, *Session) (Handler, error) { return nil, fault.Conflict.Errorf("%s", long) }},
			DialConfig{}, fault.Conflict, long[:MaxReasonBytes]},
		"no handler": {Config{Accept: func(context.Context, Hello, *Session) (Handler, error) { return nil, nil }},
			DialConfig{}, fault.Internal, ""},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, n *network) {
				var m meter
				n.spy(m.watch)
				site := newSite(t, n, c.cfg)
				started := time.Now()
				_, _, _, err := tryDial(n, c.dial)
				if err == nil || fault.Of(err) != c.kind || !strings.Contains(err.Error(), c.text) {
					t.Errorf("Dial gave %v", err)
				}
				if time.Since(started) > 0 || site.server.Sessions() != 0 {
					t.Error("that took time, or left a session")
				}
				m.checked(t)
				site.stop()
			})
		})
	}
}

func TestMaxSessions(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		site := newSite(t, n, Config{MaxSessions: 2})
		a, _, _ := dialTo(t, n, DialConfig{})
		b, _, _ := dialTo(t, n, DialConfig{})
		if _, _, _, err := tryDial(n, DialConfig{}); fault.Of(err) != fault.Exhausted {
			t.Errorf("the third Dial gave %v", err)
		}
		a.Close("")
		<-a.Done()
		pause(time.Second)
		c, _, _ := dialTo(t, n, DialConfig{})
		for _, s := range []*Session{b, c} {
			s.Close("")
			<-s.Done()
		}
		site.stop()
	})
}

func TestMaxPending(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		going := make(chan struct{})
		site := newSite(t, n, Config{MaxPending: 2, Key: func(ctx context.Context, device string) ([]byte, error) {
			select {
			case <-going:
				return deviceKey, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}})
		results := make(chan *Session, 3)
		for range 3 {
			go func() {
				s, _, _, _ := tryDial(n, DialConfig{Timeout: 9 * time.Second})
				results <- s
			}()
		}
		pause(2 * time.Second)
		site.server.d.mu.Lock()
		pending := site.server.d.pending
		site.server.d.mu.Unlock()
		if pending != 2 || site.counts.of(CountBusy) == 0 {
			t.Errorf("%d handshakes are pending; %v", pending, site.counts.all())
		}
		close(going)
		for range 3 {
			if s := <-results; s == nil {
				t.Error("a client was not let in in the end")
			} else {
				s.Close("")
				<-s.Done()
			}
		}
		site.stop()
	})
}

// A handshake that takes longer than cookies are good makes one session all the same.
func TestSlowAccept(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		site := newSite(t, n, Config{Key: func(ctx context.Context, device string) ([]byte, error) {
			time.Sleep(10*cookieAge + time.Second)
			return deviceKey, nil
		}})
		s, _, _ := dialTo(t, n, DialConfig{Timeout: time.Hour})
		pause(20 * cookieAge)
		if site.accepted() != 1 {
			t.Errorf("%d sessions", site.accepted())
		}
		s.Close("")
		<-s.Done()
		site.stop()
	})
}

func TestStopWhilePending(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		site := newSite(t, n, Config{Key: func(ctx context.Context, device string) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		ctx, cancel := context.WithCancel(context.Background())
		failed := make(chan error)
		go func() {
			_, err := Dial(ctx, serverAddr.String(), DialConfig{Key: deviceKey, Handler: newLog(), Socket: n.socket("198.51.100.7")})
			failed <- err
		}()
		synctest.Wait()
		site.stop()
		cancel()
		if err := <-failed; err == nil {
			t.Error("Dial gave no error")
		}
	})
}

func TestConfigs(t *testing.T) {
	accept := func(context.Context, Hello, *Session) (Handler, error) { return newLog(), nil }
	for name, c := range map[string]struct {
		addr string
		cfg  Config
		bad  string
	}{
		"no accept":          {"127.0.0.1:0", Config{}, "Accept"},
		"no keys":            {":0", Config{Accept: accept}, "127.0.0.1"},
		"no keys, any":       {"0.0.0.0:0", Config{Accept: accept}, "Config.Key"},
		"no keys, loopback":  {"127.0.0.1:0", Config{Accept: accept}, ""},
		"keys":               {":0", Config{Accept: accept, Key: keyOf}, ""},
		"secret of 15 bytes": {"127.0.0.1:0", Config{Accept: accept, Secret: make([]byte, 15)}, "Secret"},
		"secret of 16 bytes": {"127.0.0.1:0", Config{Accept: accept, Secret: make([]byte, 16)}, ""},
		"idle too short":     {"127.0.0.1:0", Config{Accept: accept, Idle: minIdle - 1}, "Idle"},
		"shortest idle":      {"127.0.0.1:0", Config{Accept: accept, Idle: minIdle}, ""},
		"longest idle":       {"127.0.0.1:0", Config{Accept: accept, Idle: maxIdle}, ""},
		"idle too long":      {"127.0.0.1:0", Config{Accept: accept, Idle: maxIdle + 1}, "Idle"},
		"messages too big":   {"127.0.0.1:0", Config{Accept: accept, MaxMessageBytes: maxMessageBytes + 1}, "MaxMessageBytes"},
		"no address":         {"nowhere", Config{Accept: accept}, "address"},
	} {
		server, err := Listen(c.addr, c.cfg)
		switch {
		case err == nil:
			_ = server.Close()
			if c.bad != "" {
				t.Errorf("%s: no error", name)
			}
		case c.bad == "" || fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), c.bad):
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDialConfigs(t *testing.T) {
	ok := DialConfig{Handler: newLog(), Key: deviceKey, Device: "d"}
	for name, c := range map[string]struct {
		addr   string
		change func(*DialConfig)
		bad    string
	}{
		"no handler":      {"192.0.2.1:1", func(c *DialConfig) { c.Handler = nil }, "Handler"},
		"no key":          {"192.0.2.1:1", func(c *DialConfig) { c.Key = nil }, "Key"},
		"short key":       {"127.0.0.1:1", func(c *DialConfig) { c.Key = deviceKey[:15] }, "16"},
		"long device":     {"127.0.0.1:1", func(c *DialConfig) { c.Device = strings.Repeat("d", 256) }, "255"},
		"long params":     {"127.0.0.1:1", func(c *DialConfig) { c.Params = strings.Repeat("p", 1148) }, "1148"},
		"no port":         {"127.0.0.1", func(c *DialConfig) {}, "example.com:5006"},
		"not a port":      {"127.0.0.1:http", func(c *DialConfig) {}, "port"},
		"port of 5 and 1": {"127.0.0.1:65536", func(c *DialConfig) {}, "port"},
	} {
		cfg := ok
		c.change(&cfg)
		_, err := Dial(t.Context(), c.addr, cfg)
		if err == nil || fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), c.bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLongestOpen(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		site := newSite(t, n, Config{})
		device, params := strings.Repeat("d", 255), strings.Repeat("p", 1148-255)
		s, _, _ := dialTo(t, n, DialConfig{Device: device, Params: params})
		if h := site.hellos[0]; h.Device != device || h.Params != params {
			t.Error("the hello is another")
		}
		s.Close("")
		<-s.Done()
		site.stop()
	})
}
