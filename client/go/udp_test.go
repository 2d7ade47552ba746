package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	client "github.com/bennu-go/bennu/client/go"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

const deviceKey = "sixteen random bytes, or more"

// cabin is a channel that devices join.
type cabin struct {
	topic string
	of    *depot
}

const spoken channel.Event[msg] = "posted"

func (c *cabin) say(ctx context.Context, m msg) (msg, error) {
	c.of.calls.Add(1)
	return m, channel.Broadcast(ctx, c.topic, spoken, m)
}

func (c *cabin) mirror(_ context.Context, in channel.Binary) (channel.Binary, error) {
	return append(in, '!'), nil
}

func (c *cabin) long(_ context.Context, n int) (msg, error) { return msg{strings.Repeat("x", n)}, nil }

func (c *cabin) Terminate(context.Context, process.Reason) { c.of.left <- struct{}{} }

// depot is a real server of devices, whose UDP can be started again.
type depot struct {
	t     testing.TB
	ctx   context.Context
	udp   *channel.UDP
	root  *supervisor.Root
	calls atomic.Int64
	left  chan struct{} // a word for each cabin that was left
}

func newDepot(t testing.TB, u *channel.UDP) *depot {
	t.Helper()
	d := &depot{t: t, udp: u, left: make(chan struct{}, 1000)}
	join := func(_ context.Context, j channel.Join[struct{}]) (*cabin, error) {
		return &cabin{j.Topic, d}, nil
	}
	who := func(c *cabin, ctx context.Context) (welcome, error) { return welcome{c.topic}, nil }
	u.Socket = &channel.Socket{
		Connect: func(_ context.Context, p *channel.Peer) error {
			p.ID = p.Device
			if as := p.Params.Get("as"); as != "" && as != p.Device {
				return fault.Forbidden.Errorf("you are not %s", as)
			}
			return nil
		},
		Channels: []channel.Channel{channel.Topic("cabin:*", join,
			channel.Joined(who),
			channel.Call("say", (*cabin).say),
			channel.Call("mirror", (*cabin).mirror),
			channel.Call("long", (*cabin).long),
		).With(channel.History{Messages: 1000})},
		Limits: channel.Limits{Joins: channel.Limit{PerSecond: -1}, Events: channel.Limit{PerSecond: -1}},
	}
	d.ctx = channeltest.Serve(t, u.Socket).Context()
	u.Addr = "127.0.0.1:0"
	d.start()
	t.Cleanup(func() { d.root.Stop() })
	return d
}

func (d *depot) start() {
	d.t.Helper()
	root, err := supervisor.Tree{Name: "depot", Children: []supervisor.Child{{Name: "devices", Run: d.udp}}}.Start(d.ctx)
	if err != nil {
		d.t.Fatal(err)
	}
	d.root, d.udp.Addr = root, d.udp.ListenAddr()
}

func (d *depot) broadcast(text string) {
	d.t.Helper()
	if err := channel.Broadcast(d.ctx, "cabin:1", spoken, msg{text}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *depot) url() string { return "udp://" + d.udp.Addr }

func keyed(o client.Options) client.Options {
	o.Device, o.Key = "truck-1", fault.NewSecret(deviceKey)
	o.Backoff = client.Backoff{First: time.Millisecond, Most: 10 * time.Millisecond}
	return o
}

func keyOf(_ context.Context, device string) ([]byte, error) {
	if device != "truck-1" {
		return nil, fault.NotFound.Errorf("there is no such device")
	}
	return []byte(deviceKey), nil
}

// logbook is what a device hears of the topic cabin:1, and how its joins go.
type logbook struct {
	*client.Channel
	t     *testing.T
	lines chan string
}

func cabinOf(t *testing.T, s *client.Socket) *logbook {
	t.Helper()
	l := &logbook{s.Channel("cabin:1", nil), t, make(chan string, 10_000)}
	client.On(l.Channel, posted, func(m msg) { l.lines <- m.Text })
	client.OnJoin(l.Channel, func(_ welcome, resumed bool) { l.lines <- fmt.Sprint("joined ", resumed) })
	if w, err := client.Join[welcome](t.Context(), l.Channel); err != nil || w.Who != "cabin:1" {
		t.Fatalf("%+v, %v", w, err)
	}
	return l
}

func (l *logbook) expect(lines ...string) {
	l.t.Helper()
	for _, want := range lines {
		select {
		case got := <-l.lines:
			if got != want {
				l.t.Fatalf("it heard %q, and not %q", got, want)
			}
		case <-time.After(time.Minute):
			l.t.Fatalf("it did not hear %q", want)
		}
	}
}

func (l *logbook) say(text string) {
	l.t.Helper()
	if m, err := client.Call[msg](l.t.Context(), l.Channel, "say", msg{text}); err != nil || m.Text != text {
		l.t.Fatalf("%d bytes, %v", len(m.Text), err)
	}
}

func TestUDP(t *testing.T) {
	d := newDepot(t, &channel.UDP{Key: keyOf})
	s := dial(t, d.url()+"?as=truck-1", keyed(client.Options{Params: url.Values{"b": {"ü&="}}}))
	l := cabinOf(t, s)
	l.expect("joined false")
	long := strings.Repeat("é", 20_000) // in many datagrams
	for _, text := range []string{"hi", "", long} {
		l.say(text)
		l.expect(text)
	}
	if b, err := client.Call[[]byte](t.Context(), l.Channel, "mirror", []byte{0, '['}); string(b) != "\x00[!" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if err := l.Leave(t.Context()); err != nil {
		t.Error(err)
	}
	s.Close()
	<-s.Done()
	if _, err := client.Call[msg](t.Context(), l.Channel, "say", msg{}); !errors.Is(err, fault.Unavailable) {
		t.Errorf("after the end: %v", err)
	}
}

// A server that restarts tells its devices when to come back, and what they missed.
func TestUDPServerRestarts(t *testing.T) {
	d := newDepot(t, &channel.UDP{Key: keyOf})
	s := dial(t, d.url(), keyed(client.Options{Backoff: client.Backoff{First: time.Hour, Most: time.Hour}}))
	ends := make(chan error, 100)
	s.OnState(func(state client.State, err error) {
		if state == client.Waiting {
			ends <- err
		}
	})
	l := cabinOf(t, s)
	d.broadcast("a")
	l.expect("joined false", "a")
	d.root.Stop()
	if err := <-ends; !strings.Contains(err.Error(), "(1012)") || !strings.Contains(err.Error(), "the server restarts; reconnect in ") {
		t.Errorf("it was told %v", err)
	}
	d.broadcast("b")
	d.start()
	d.broadcast("c")
	l.expect("joined true", "b", "c")
	l.say("d")
	l.expect("d")
}

// What is acknowledged is answered, and carried out once, however often the server restarts.
func TestUDPAcknowledged(t *testing.T) {
	const callers, each = 4, 30
	d := newDepot(t, &channel.UDP{Key: keyOf})
	l := cabinOf(t, dial(t, d.url(), keyed(client.Options{})))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	restart := make(chan struct{})
	var all, restarts sync.WaitGroup
	restarts.Go(func() {
		for range restart {
			d.root.Stop()
			d.start()
		}
	})
	for range callers {
		all.Go(func() {
			for i := range each {
				if _, err := client.CallAcknowledged[msg](ctx, l.Channel, "say", msg{"x"}); err != nil {
					t.Error(err)
					return
				}
				if i%10 == 0 {
					select {
					case restart <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	all.Wait()
	close(restart)
	restarts.Wait()
	if n := d.calls.Load(); n != callers*each {
		t.Errorf("%d calls were carried out, want %d", n, callers*each)
	}
}

func TestUDPIsRefused(t *testing.T) {
	var known atomic.Bool
	d := newDepot(t, &channel.UDP{Key: func(ctx context.Context, device string) ([]byte, error) {
		if !known.Load() {
			return nil, fault.NotFound.Errorf("there is no such device")
		}
		return keyOf(ctx, device)
	}})
	if s, err := client.Dial(t.Context(), d.url(), keyed(client.Options{})); fault.Of(err) != fault.Unauthenticated || s != nil {
		t.Errorf("unknown: %v", err)
	}
	s := dial(t, d.url(), keyed(client.Options{Wait: true}))
	known.Store(true)
	cabinOf(t, s)
	wrong := keyed(client.Options{})
	wrong.Key = fault.NewSecret("another key of sixteen bytes")
	_, err := client.Dial(t.Context(), d.url(), wrong)
	if fault.Of(err) != fault.Unauthenticated || !strings.Contains(err.Error(), "check its name and key") || strings.Contains(err.Error(), "another key") {
		t.Errorf("wrong key: %v", err)
	}
	if _, err := client.Dial(t.Context(), d.url()+"?as=truck-2", keyed(client.Options{})); fault.Of(err) != fault.Forbidden || !strings.Contains(fault.Detail(err), "you are not truck-2") {
		t.Errorf("Connect: %v", err)
	}
}

func TestUDPMessageBytes(t *testing.T) {
	d := newDepot(t, &channel.UDP{Key: keyOf, MessageBytes: 2000})
	s := dial(t, d.url(), keyed(client.Options{MaxMessageBytes: 1000}))
	l := cabinOf(t, s)
	long := msg{strings.Repeat("x", 2000)}
	_, calling := client.Call[msg](t.Context(), l.Channel, "say", long)
	_, acknowledged := client.CallAcknowledged[msg](t.Context(), l.Channel, "say", long)
	_, joining := client.Join[welcome](t.Context(), s.Channel("cabin:2", long))
	for what, err := range map[string]error{"call": calling, "acknowledged": acknowledged, "cast": client.Cast(t.Context(), l.Channel, "say", long), "join": joining} {
		if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "at most 2000") {
			t.Errorf("%s: %v", what, err)
		}
	}
	l.expect("joined false")
	l.say("short")
	l.expect("short")
	if m, err := client.Call[msg](t.Context(), l.Channel, "long", 800); len(m.Text) != 800 || err != nil {
		t.Errorf("%d bytes, %v", len(m.Text), err)
	}
	if _, err := client.Call[msg](t.Context(), l.Channel, "long", 1000); fault.Of(err) != fault.Unavailable {
		t.Errorf("the server sends too much: %v", err)
	}
	l.expect("joined true")
}

func BenchmarkCallUDP(b *testing.B) {
	d := newDepot(b, &channel.UDP{Key: keyOf})
	room := dial(b, d.url(), keyed(client.Options{})).Channel("cabin:1", nil)
	if _, err := client.Join[welcome](b.Context(), room); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Call[msg](b.Context(), room, "long", 2); err != nil {
			b.Fatal(err)
		}
	}
}

// ears are connections that can be made deaf.
type ears struct{ deaf atomic.Bool }

type ear struct {
	net.Conn
	of *ears
}

func (e *ears) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	return ear{conn, e}, err
}

func (e ear) Read(b []byte) (int, error) {
	for {
		if n, err := e.Conn.Read(b); err != nil || !e.of.deaf.Load() {
			return n, err
		}
	}
}

// A server that is silent is noticed by the session, or sooner by heartbeats.
func TestUDPSilence(t *testing.T) {
	for name, c := range map[string]struct {
		idle, heartbeat time.Duration
		reason          string
	}{
		"idle":      {200 * time.Millisecond, 0, "the session timed out"},
		"heartbeat": {time.Minute, 50 * time.Millisecond, "the server did not answer a heartbeat"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDepot(t, &channel.UDP{Key: keyOf, Idle: c.idle, Secret: fault.NewSecret(deviceKey)})
			way := new(ears)
			s := dial(t, d.url(), keyed(client.Options{NetDial: way.dial, Heartbeat: c.heartbeat}))
			l := cabinOf(t, s)
			l.expect("joined false")
			way.deaf.Store(true)
			lost := make(chan error, 1)
			s.OnState(func(state client.State, err error) {
				if state == client.Waiting && way.deaf.CompareAndSwap(true, false) {
					lost <- err
				}
			})
			d.broadcast("missed")
			if err := <-lost; !strings.Contains(err.Error(), c.reason) {
				t.Errorf("it was lost: %v", err)
			}
			l.expect("joined true", "missed")
			<-d.left // the server has given up the first session
		})
	}
}

// nobody is an address where nobody answers.
func nobody(t *testing.T) string {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return "udp://" + conn.LocalAddr().String()
}

func TestUDPNobodyAnswers(t *testing.T) {
	o := keyed(client.Options{Timeout: 10 * time.Millisecond})
	o.Backoff = client.Backoff{}
	if s := dial(t, nobody(t), o); s.State() != client.Waiting {
		t.Errorf("it is %v", s.State())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := client.Dial(ctx, nobody(t), keyed(client.Options{})); fault.Of(err) != fault.Canceled {
		t.Errorf("%v", err)
	}
}

func TestUDPNetDialFails(t *testing.T) {
	way, end := net.Pipe()
	defer end.Close()
	for name, c := range map[string]struct {
		conn net.Conn
		err  error
		want fault.Kind
	}{
		"no address": {way, nil, fault.Invalid},
		"forbidden":  {nil, fault.Forbidden.Errorf("not you"), fault.Forbidden},
	} {
		_, err := client.Dial(t.Context(), "udp://127.0.0.1:1", client.Options{NetDial: func(context.Context, string, string) (net.Conn, error) { return c.conn, c.err }})
		if fault.Of(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := dial(t, "udp://127.0.0.1:1", client.Options{NetDial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no network") }})
	if s.State() != client.Waiting {
		t.Errorf("it is %v", s.State())
	}
}

// ExampleDial_udp is a device, and the server that it speaks to.
func ExampleDial_udp() {
	server, err := serveDevices(func(device string) string { return "the key of " + device })
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.stop()

	ctx := context.Background()
	socket, err := client.Dial(ctx, "udp://"+server.addr, client.Options{
		Device: "truck-7",
		Key:    fault.NewSecret("the key of truck-7"),
	})
	if err != nil {
		fmt.Println("the server refuses us:", err)
		return
	}
	truck := socket.Channel("truck:7", nil)
	if _, err := client.Join[struct{}](ctx, truck); err != nil {
		fmt.Println(err)
		return
	}
	// It is sent again after each loss, until the server has answered.
	stored, err := client.CallAcknowledged[msg](ctx, truck, "at", msg{"gate 4"})
	fmt.Println("stored", stored.Text, err)

	socket.Close()
	<-socket.Done()

	_, err = client.Dial(ctx, "udp://"+server.addr, client.Options{Device: "truck-8", Key: fault.NewSecret("the key of truck-7")})
	fmt.Println("truck-8:", fault.Of(err))
	// Output:
	// stored gate 4 <nil>
	// truck-8: unauthenticated
}

// devices is a server for the example.
type devices struct {
	addr string
	stop func()
}

type truck struct{}

func joinTruck(context.Context, channel.Join[struct{}]) (*truck, error) { return new(truck), nil }

func (*truck) at(_ context.Context, m msg) (msg, error) { return m, nil }

func serveDevices(key func(device string) string) (devices, error) {
	ctx := telemetry.WithLogger(context.Background(), slog.New(slog.DiscardHandler))
	node := process.NewNode(ctx)
	socket := &channel.Socket{Channels: []channel.Channel{channel.Topic("truck:*", joinTruck, channel.Call("at", (*truck).at))}}
	u := &channel.UDP{Socket: socket, Addr: "127.0.0.1:0", Key: func(_ context.Context, device string) ([]byte, error) {
		return []byte(key(device)), nil
	}}
	root, err := supervisor.Tree{Name: "devices", Children: []supervisor.Child{
		{Name: "socket", Run: socket}, {Name: "udp", Run: u},
	}}.Start(node.Context(ctx))
	return devices{u.ListenAddr(), func() { root.Stop(); node.Close() }}, err
}
