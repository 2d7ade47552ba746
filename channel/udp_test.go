package channel_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/udp"
	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/supervisor"
)

// depot is a socket that devices connect to by UDP.
type depot struct {
	*site
	udp *channel.UDP
}

func newDepot(t *testing.T, s *channel.Socket, u *channel.UDP) *depot {
	t.Helper()
	if s.Channels == nil {
		s.Channels = cabins()
	}
	u.Socket = s
	if u.Addr == "" {
		u.Addr = "127.0.0.1:0"
	}
	return &depot{run(t, supervisor.Child{Name: "socket", Run: s}, supervisor.Child{Name: "devices", Run: u}), u}
}

const deviceKey = "sixteen bytes, or more"

func keyOf(_ context.Context, device string) ([]byte, error) {
	if !strings.HasPrefix(device, "truck-") {
		return nil, fault.NotFound.Errorf("there is no such device")
	}
	return []byte(deviceKey), nil
}

// device is a client of a depot. What it hears is for one goroutine.
type device struct {
	*udp.Session
	t      *testing.T
	heard  chan string
	closed chan *udp.CloseError
}

func (d *device) Message(_ any, payload []byte) { d.heard <- string(payload) }
func (d *device) Closed(end *udp.CloseError)    { d.closed <- end }
func newDevice(t *testing.T) *device {
	return &device{t: t, heard: make(chan string, 4096), closed: make(chan *udp.CloseError, 1)}
}

func dial(t *testing.T, addr string, c udp.DialConfig) (*device, error) {
	d := newDevice(t)
	c.Handler = d
	var err error
	if d.Session, err = udp.Dial(t.Context(), addr, c); err == nil {
		t.Cleanup(func() {
			d.Session.Close("the test is over")
			<-d.Session.Done()
		})
	}
	return d, err
}

func (d *depot) dial(t *testing.T, params string) *device {
	t.Helper()
	dev, err := dial(t, d.udp.ListenAddr(), udp.DialConfig{Device: "truck-1", Key: []byte(deviceKey), Params: params})
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

func (d *device) send(message string) {
	d.t.Helper()
	if err := d.Session.Send([]byte(message)); err != nil {
		d.t.Fatal(err)
	}
}

func (d *device) expect(want string) {
	d.t.Helper()
	select {
	case got := <-d.heard:
		if got != want {
			d.t.Fatalf("the message is\n%q, and not\n%q", got, want)
		}
	case end := <-d.closed:
		d.t.Fatalf("it was closed: %v", end)
	case <-time.After(10 * time.Second):
		d.t.Fatalf("there is no %s", want)
	}
}

func (d *device) expectClose(begin string) *udp.CloseError {
	d.t.Helper()
	select {
	case end := <-d.closed:
		if !strings.HasPrefix(end.Reason, begin) || !end.Remote {
			d.t.Fatalf("it was closed with %+v, and not %q", end, begin)
		}
		return end
	case <-time.After(10 * time.Second):
		d.t.Fatal("it is not closed")
		return nil
	}
}

func (d *device) beat() {
	d.t.Helper()
	d.send(`[null,"9","phoenix","heartbeat",{}]`)
	d.expect(`[null,"9","phoenix","phx_reply",{"status":"ok","response":{}}]`)
}

func (d *device) join() *device {
	d.t.Helper()
	d.send(`["1","1","cabin:1","phx_join",{}]`)
	d.expect(`["1","1","cabin:1","phx_reply",{"status":"ok","response":{}}]`)
	return d
}

func TestUDPSession(t *testing.T) {
	d := newDepot(t, &channel.Socket{}, &channel.UDP{Key: keyOf})
	ann, bob := d.dial(t, "").join(), d.dial(t, "").join()
	ann.send(`["1","2","cabin:1","echo",{"text":"hi"}]`)
	ann.expect(`["1","2","cabin:1","phx_reply",{"status":"ok","response":{"text":"hi"}}]`)
	ann.send(`["1","3","cabin:1","say",{"text":"all"}]`)
	bob.expect(said("all"))
	ann.expect(`["1","3","cabin:1","phx_reply",{"status":"ok","response":{}}]`)
	ann.send(`["1","4","cabin:1","boom",{}]`)
	ann.expect(`["1","1","cabin:1","phx_error",{"reason":"channel_crash","kind":"internal error"}]`)
	ann.join()
	bob.send(`["1","5","cabin:1","phx_leave",{}]`)
	bob.expect(`["1","5","cabin:1","phx_reply",{"status":"ok","response":{}}]`)
	bob.expect(`["1","1","cabin:1","phx_close",{}]`)
	long := strings.Repeat("x", 20_000) // in many datagrams
	ann.send(`["1","6","cabin:1","echo",{"text":"` + long + `"}]`)
	ann.expect(`["1","6","cabin:1","phx_reply",{"status":"ok","response":{"text":"` + long + `"}}]`)
}

func TestUDPBinary(t *testing.T) {
	d := newDepot(t, &channel.Socket{}, &channel.UDP{Key: keyOf})
	dev := d.dial(t, "").join()
	push, err := wire.AppendClientBinary(nil, []byte("1"), []byte("2"), "cabin:1", "mirror", []byte{0xff, 0})
	if err != nil {
		t.Fatal(err)
	}
	dev.send(string(push))
	reply, err := wire.AppendBinaryReply(nil, []byte("1"), []byte("2"), "cabin:1", "ok", []byte{0xff, 0})
	if err != nil {
		t.Fatal(err)
	}
	dev.expect(string(reply))
}

func TestUDPPeer(t *testing.T) {
	peers := make(chan channel.Peer, 1)
	d := newDepot(t, &channel.Socket{Connect: func(_ context.Context, p *channel.Peer) error {
		peers <- channel.Peer{Device: p.Device, Params: url.Values{"a": p.Params["a"]}, Addr: p.Addr, Transport: p.Transport}
		return nil
	}}, &channel.UDP{Key: keyOf})
	d.dial(t, "a=1&device=another").beat()
	p := <-peers
	if _, err := netip.ParseAddrPort(p.Addr); err != nil || p.Device != "truck-1" || p.Transport != "udp" || p.Params.Get("a") != "1" {
		t.Errorf("Connect saw %+v", p)
	}
	old := d.dial(t, "vsn=1.0.0")
	<-peers
	old.send(`{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"7"}`)
	if got := <-old.heard; !strings.Contains(got, `"ref":"7"`) || got[0] != '{' {
		t.Errorf("version 1 is answered %s", got)
	}
}

func TestUDPRefuses(t *testing.T) {
	d := newDepot(t, &channel.Socket{Connect: func(_ context.Context, p *channel.Peer) error {
		switch p.Params.Get("as") {
		case "banned":
			return fault.Forbidden.Errorf("not you")
		case "mad":
			panic("mad")
		}
		return nil
	}}, &channel.UDP{Key: func(ctx context.Context, device string) ([]byte, error) {
		if device == "mad" {
			panic("mad")
		}
		return keyOf(ctx, device)
	}})
	for name, c := range map[string]struct {
		config udp.DialConfig
		kind   fault.Kind
		detail string
	}{
		"wrong key":      {udp.DialConfig{Device: "truck-1", Key: []byte("another key of a device")}, fault.Unauthenticated, ""},
		"unknown device": {udp.DialConfig{Device: "car-1", Key: []byte(deviceKey)}, fault.Unauthenticated, ""},
		"no key":         {udp.DialConfig{Device: "truck-1"}, fault.Unauthenticated, ""},
		"Connect":        {udp.DialConfig{Device: "truck-1", Key: []byte(deviceKey), Params: "as=banned"}, fault.Forbidden, "not you"},
		"version":        {udp.DialConfig{Device: "truck-1", Key: []byte(deviceKey), Params: "vsn=3.0.0"}, fault.Forbidden, "vsn=2.0.0"},
		"params":         {udp.DialConfig{Device: "truck-1", Key: []byte(deviceKey), Params: "a=%zz"}, fault.Invalid, "no query"},
		"panic":          {udp.DialConfig{Device: "truck-1", Key: []byte(deviceKey), Params: "as=mad"}, fault.Internal, ""},
		"panic of Key":   {udp.DialConfig{Device: "mad", Key: []byte(deviceKey)}, fault.Unavailable, ""},
	} {
		_, err := dial(t, d.udp.ListenAddr(), c.config)
		if fault.Of(err) != c.kind || !strings.Contains(fmt.Sprint(err), c.detail) {
			t.Errorf("%s: %v (%v)", name, err, fault.Of(err))
		}
	}
	d.dial(t, "").beat()
	d.expectCount(t, "channel.udp.opened", 1)
	d.expectCount(t, "channel.udp.refused", 8)
	d.expectCount(t, "channel.connects.refused", 2)
}

func TestUDPStart(t *testing.T) {
	socket := &channel.Socket{Channels: cabins()}
	s := run(t, supervisor.Child{Name: "socket", Run: socket})
	for name, c := range map[string]struct {
		udp  *channel.UDP
		kind fault.Kind
	}{
		"no socket":                  {&channel.UDP{Addr: "127.0.0.1:0"}, fault.Invalid},
		"a socket that does not run": {&channel.UDP{Socket: &channel.Socket{}, Addr: "127.0.0.1:0"}, fault.Unavailable},
		"no keys for everybody":      {&channel.UDP{Socket: socket, Addr: "0.0.0.0:0"}, fault.Invalid},
		"no address":                 {&channel.UDP{Socket: socket, Addr: "here", Key: keyOf}, fault.Invalid},
		"a short secret":             {&channel.UDP{Socket: socket, Addr: "127.0.0.1:0", Secret: fault.NewSecret("short")}, fault.Invalid},
	} {
		if err := c.udp.Start(s.ctx); fault.Of(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
		if got := c.udp.ListenAddr(); got != "" {
			t.Errorf("%s: it listens on %s", name, got)
		}
	}
}

func TestUDPWithoutKeys(t *testing.T) {
	d := newDepot(t, &channel.Socket{}, &channel.UDP{})
	dev, err := dial(t, d.udp.ListenAddr(), udp.DialConfig{})
	if err != nil {
		t.Fatal(err)
	}
	dev.join()
}

func TestUDPBadMessages(t *testing.T) {
	d := newDepot(t, &channel.Socket{Limits: channel.Limits{MessageBytes: 1000}}, &channel.UDP{Key: keyOf})
	for name, c := range map[string]struct{ message, reason string }{
		"no JSON":   {"hello", "1011 "},
		"no frame":  {"\x00", "1011 "},
		"empty":     {"", "1011 "},
		"not UTF-8": {"[null,\"9\",\"phoenix\",\"heartbeat\",{\"a\":\"\xff\"}]", "1011 "},
		"too long":  {beatOf(1001), "1009 a message is longer than 1000 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			dev := d.dial(t, "")
			dev.send(c.message)
			dev.expectClose(c.reason)
		})
	}
	dev := d.dial(t, "")
	dev.send(beatOf(1000))
	dev.expect(`[null,"9","phoenix","phx_reply",{"status":"ok","response":{}}]`)
}

// beatOf is a heartbeat of so many bytes.
func beatOf(n int) string {
	const begin, end = `[null,"9","phoenix","heartbeat",{"a":"`, `"}]`
	return begin + strings.Repeat("x", n-len(begin+end)) + end
}

func TestUDPMessageBytes(t *testing.T) {
	d := newDepot(t, &channel.Socket{}, &channel.UDP{Key: keyOf, MessageBytes: 2000})
	dev := d.dial(t, "").join()
	say := func(size int) string { // as a message of so many bytes
		text := strings.Repeat("x", size-len(said("")))
		if err := channel.Broadcast(d.ctx, "cabin:1", spoken, line{text}); err != nil {
			t.Fatal(err)
		}
		return said(text)
	}
	say(2001)
	dev.expect(say(2000))
	d.expectCount(t, "channel.messages.unsendable", 1)
	if err := dev.Send(make([]byte, 2001)); fault.Of(err) != fault.Invalid {
		t.Errorf("the device may send more: %v", err)
	}
}

func TestUDPSessionsLimit(t *testing.T) {
	d := newDepot(t, &channel.Socket{}, &channel.UDP{Key: keyOf, Sessions: 2})
	d.dial(t, "")
	d.dial(t, "").beat()
	if _, err := dial(t, d.udp.ListenAddr(), udp.DialConfig{Device: "truck-3", Key: []byte(deviceKey)}); fault.Of(err) != fault.Exhausted {
		t.Errorf("a third: %v", err)
	}
}

// tunnel is a device's socket that can be made deaf.
type tunnel struct {
	*net.UDPConn
	deaf  atomic.Bool
	heard chan struct{}
}

func newTunnel(t *testing.T) *tunnel {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return &tunnel{UDPConn: conn, heard: make(chan struct{}, 1)}
}

// hear ends the deafness: what has arrived until now is lost.
func (s *tunnel) hear(t *testing.T) {
	if _, err := s.WriteToUDPAddrPort([]byte("now"), s.here()); err != nil {
		t.Fatal(err)
	}
	<-s.heard
}

func (s *tunnel) here() netip.AddrPort { return s.LocalAddr().(*net.UDPAddr).AddrPort() }

func (s *tunnel) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		n, from, err := s.UDPConn.ReadFromUDPAddrPort(b)
		switch {
		case err == nil && from == s.here():
			s.deaf.Store(false)
			s.heard <- struct{}{}
		case err != nil || !s.deaf.Load():
			return n, from, err
		}
	}
}

func TestUDPSlow(t *testing.T) {
	d := newDepot(t, &channel.Socket{Limits: channel.Limits{PendingMessages: 5}}, &channel.UDP{Key: keyOf})
	way := newTunnel(t)
	dev, err := dial(t, d.udp.ListenAddr(), udp.DialConfig{Device: "truck-1", Key: []byte(deviceKey), Socket: way})
	if err != nil {
		t.Fatal(err)
	}
	dev.join()
	dev.beat() // with it the reply to the join is acknowledged
	way.deaf.Store(true)
	for range 6 {
		if err := channel.Broadcast(d.ctx, "cabin:1", spoken, line{"x"}); err != nil {
			t.Fatal(err)
		}
	}
	other := d.dial(t, "").join()
	for d.counters.Counter("channel.clients.slow").Value() == 0 {
		other.beat()
	}
	way.deaf.Store(false)
	for len(dev.heard) > 0 { // what had arrived
		<-dev.heard
	}
	dev.expectClose("too many messages are pending")
}

func TestUDPDisconnect(t *testing.T) {
	d := newDepot(t, &channel.Socket{Connect: func(_ context.Context, p *channel.Peer) error {
		p.ID = p.Device
		return nil
	}}, &channel.UDP{Key: keyOf})
	dev := d.dial(t, "").join()
	if err := channel.Disconnect(d.ctx, "truck-1"); err != nil {
		t.Fatal(err)
	}
	dev.expectClose("1001 ")
}

func TestUDPDrain(t *testing.T) {
	d := newDepot(t, &channel.Socket{}, &channel.UDP{Key: keyOf})
	one, two := d.dial(t, "").join(), d.dial(t, "")
	d.stop()
	for _, dev := range []*device{one, two} {
		if end := dev.expectClose("1012 the server restarts; reconnect in "); !strings.HasSuffix(end.Reason, " ms") {
			t.Errorf("%q", end.Reason)
		}
	}
}

// The socket alone stops: those of its devices that UDP brought are sent away, too.
func TestUDPSocketStops(t *testing.T) {
	ctx := processtest.Node(t)
	socket := &channel.Socket{Channels: cabins()}
	below, err := supervisor.Tree{Name: "below", Children: []supervisor.Child{{Name: "socket", Run: socket}}}.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	u := &channel.UDP{Socket: socket, Addr: "127.0.0.1:0", Key: keyOf}
	above, err := supervisor.Tree{Name: "above", Children: []supervisor.Child{{Name: "devices", Run: u}}}.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	d := &depot{&site{ctx: ctx}, u}
	dev := d.dial(t, "").join()
	below.Stop()
	dev.expectClose("1012 ")
	if _, err := dial(t, u.ListenAddr(), udp.DialConfig{Device: "truck-1", Key: []byte(deviceKey)}); fault.Of(err) != fault.Unavailable {
		t.Errorf("it takes devices: %v", err)
	}
	above.Stop()
}

// A server that was killed and is back tells its devices, if it has its Secret again.
func TestUDPServerRestarts(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes 2 s: nobody answers the server when it says goodbye")
	}
	secret := fault.NewSecret("of the server, and long")
	d := newDepot(t, &channel.Socket{}, &channel.UDP{Key: keyOf, Secret: secret})
	way := newTunnel(t)
	dev, err := dial(t, d.udp.ListenAddr(), udp.DialConfig{Device: "truck-1", Key: []byte(deviceKey), Socket: way})
	if err != nil {
		t.Fatal(err)
	}
	dev.join()
	way.deaf.Store(true) // it does not hear of the end
	d.stop()
	again := newDepot(t, &channel.Socket{}, &channel.UDP{Key: keyOf, Secret: secret, Addr: d.udp.ListenAddr()})
	way.hear(t)
	dev.send(`["1","2","cabin:1","echo",{"text":"hi"}]`)
	if end := dev.expectClose(""); fault.Of(end) != fault.Unavailable {
		t.Errorf("%v", end)
	}
	again.dial(t, "").join()
}

func TestUDPCounts(t *testing.T) {
	d := newDepot(t, &channel.Socket{}, &channel.UDP{Key: keyOf})
	conn, err := net.Dial("udp", d.udp.ListenAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, datagram := range []string{"x", strings.Repeat("x", 100), strings.Repeat("\x11", 1000)} {
		if _, err := conn.Write([]byte(datagram)); err != nil {
			t.Fatal(err)
		}
	}
	d.dial(t, "").beat() // it stands behind them in the same line
	d.expectCount(t, "channel.udp.garbage", 2)
	d.expectCount(t, "channel.udp.version", 1)
}
