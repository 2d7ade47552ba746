package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/channel"
	uplink "github.com/bennu-go/bennu/client/go"
	"github.com/bennu-go/bennu/fault"
)

const deviceKey = "sixteen characters, or more"

// devices is where the world takes devices.
func (w *world) devices() string {
	w.Helper()
	for _, c := range flat(w.children) {
		if u, ok := c.Run.(*channel.UDP); ok {
			return u.ListenAddr()
		}
	}
	w.Fatal("the world takes no devices")
	return ""
}

// device makes a device that is quick to come back. What is committed comes out of the
// channel.
func device(to, id, key string) (*Device, chan Report) {
	d := NewDevice(to, id, fault.NewSecret(key))
	committed := make(chan Report, 1<<14)
	d.Log = slog.New(slog.DiscardHandler)
	d.Again = 10 * time.Millisecond
	d.Options.Backoff = uplink.Backoff{First: d.Again, Most: d.Again}
	d.Committed = func(r Report) { committed <- r }
	return d, committed
}

// running runs a device until the test ends, or stop.
func running(t testing.TB, d *Device) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() {
		if err := d.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("the device gave up: %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); run.Wait() })
	t.Cleanup(stop)
	return stop
}

func report(at time.Time, lat float64) Report {
	lon := 7.0
	return Report{Lat: &lat, Lon: &lon, At: &at}
}

// lossy loses datagrams, both ways, and doubles some.
type lossy struct {
	net.Conn
	mu   *sync.Mutex
	rand *rand.Rand
}

func (l lossy) chance() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rand.Float64()
}

func (l lossy) Read(b []byte) (int, error) {
	for {
		n, err := l.Conn.Read(b)
		if err != nil || l.chance() > 0.2 {
			return n, err
		}
	}
}

func (l lossy) Write(b []byte) (int, error) {
	switch chance := l.chance(); {
	case chance < 0.2:
		return len(b), nil
	case chance < 0.3:
		_, _ = l.Conn.Write(b)
	}
	return l.Conn.Write(b)
}

// A device on a bad network: each position is committed once, and in order.
func TestDeviceOnABadNetwork(t *testing.T) {
	w := start(t, "-devices=127.0.0.1:0", "-key="+deviceKey)
	d, committed := device(w.devices(), "a", deviceKey)
	d.Agency = "city"
	d.Options.NetDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return lossy{conn, new(sync.Mutex), rand.New(rand.NewPCG(1, 2))}, err
	}
	watcher := w.socket("key=" + deviceKey)
	defer watcher.hangUp()
	watcher.join("unit:a", none{}, nil)

	const n = 100
	began := time.Now().UTC().Truncate(time.Millisecond)
	at := func(i int) time.Time { return began.Add(time.Duration(i) * time.Second) }
	for i := range n {
		if err := d.Report(report(at(i), float64(i%90))); err != nil {
			t.Fatal(err)
		}
	}
	running(t, d)
	for i := range n {
		if r := <-committed; !r.At.Equal(at(i)) {
			t.Fatalf("the %dth that is committed is of %v", i, r.At)
		}
		var p Position
		if watcher.event("unit:a", "position").into(t, &p); !p.At.Equal(at(i)) || p.Lat != float64(i%90) {
			t.Fatalf("the %dth that is seen is %+v", i, p)
		}
	}
	if kept, accepted := d.Kept(), w.count("fleet.device.accepted"); kept != 0 || accepted != n {
		t.Errorf("%d are kept, and %d were accepted: %v", kept, accepted, w.counters.Snapshot())
	}
	if more := watcher.arrived("unit:a", "position"); len(more) > 0 {
		t.Errorf("%d were seen twice", len(more))
	}
	var track Track
	if status := w.get("/api/units/a/track?key="+query("=" + deviceKey)[1:], &track); status != http.StatusOK || len(track.Positions) != n {
		t.Errorf("the track, with %d, has %d positions", status, len(track.Positions))
	}
}

// Who has not the key is not let in, and is counted.
func TestDeviceWithoutTheKey(t *testing.T) {
	w := start(t, "-devices=127.0.0.1:0", "-key="+deviceKey)
	d, _ := device(w.devices(), "a", "another key of sixteen")
	if fault.Of(d.Run(t.Context())) != fault.Unauthenticated {
		t.Error("a wrong key is taken")
	}
	if n := w.count("channel.udp.refused"); n != 1 {
		t.Errorf("%d are counted: %v", n, w.counters.Snapshot())
	}
}

// A device reports for itself.
func TestResetSecret(t *testing.T) {
	const host, addr = "ship", ":5006"
	secret := func(key keyed, host, addr string) string {
		s, err := key.resetSecret(host, addr)
		if err != nil || len(s.Reveal()) != 32 {
			t.Errorf("%d bytes, %v", len(s.Reveal()), err)
		}
		return s.Reveal()
	}
	first := secret(deviceKey, host, addr)
	if first != secret(deviceKey, host, addr) {
		t.Error("the next start has another")
	}
	for what, other := range map[string]string{
		"another key": secret("another key of sixteen", host, addr), "no key": secret("", host, addr),
		"another host": secret(deviceKey, "shi", "p"+addr), "another address": secret(deviceKey, host, ":5007"), "the key itself": deviceKey,
	} {
		if other == first {
			t.Errorf("%s: the same", what)
		}
	}
}

func TestDeviceIsOneUnit(t *testing.T) {
	w := start(t, "-devices=127.0.0.1:0")
	socket, err := uplink.Dial(t.Context(), "udp://"+w.devices(), uplink.Options{Device: "a"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { socket.Close(); <-socket.Done() }()
	if _, err := uplink.Join[none](t.Context(), socket.Channel("unit:b", nil)); err == nil || !strings.Contains(err.Error(), "the device a may join unit:a only") {
		t.Errorf("another's topic: %v", err)
	}
}

// What a device says while the server is away is there when it is back: more than may be
// on its way at once.
func TestDeviceWasAway(t *testing.T) {
	db := file(t)
	w := start(t, db, "-devices=127.0.0.1:0")
	to := w.devices()
	d, committed := device(to, "a", "")
	running(t, d)
	began := time.Now()
	if err := d.Report(report(began, 1)); err != nil {
		t.Fatal(err)
	}
	<-committed
	w.stop()
	const n = 3 * onTheWay
	for i := range n {
		if err := d.Report(report(began.Add(time.Duration(i+1)*time.Second), 2)); err != nil {
			t.Fatal(err)
		}
	}
	w = start(t, db, "-devices="+to)
	for range n {
		<-committed
	}
	if all := w.track("a"); len(all) != n+1 {
		t.Errorf("%d positions are there, want %d", len(all), n+1)
	}
}

func TestDeviceRefuses(t *testing.T) {
	d, _ := device("127.0.0.1:1", "a", "")
	if err := d.Report(report(time.Now(), 91)); !errors.Is(err, fault.Invalid) {
		t.Errorf("lat 91: %v", err)
	}
	for range mostKept {
		if err := d.Report(report(time.Now(), 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Report(report(time.Now(), 1)); !errors.Is(err, fault.Exhausted) || d.Kept() != mostKept {
		t.Errorf("one more: %v, and %d are kept", err, d.Kept())
	}
}

func TestDrive(t *testing.T) {
	o := driveOptions{Lat: 60, Lon: 10}
	for seconds, want := range map[float64]string{0: "60.00000 10.00000 90", 94.2478: "60.00539 10.00000 270", 47.1239: "60.00269 10.00539 0"} {
		r := o.at(time.Duration(seconds * float64(time.Second)))
		if got := fmt.Sprintf("%.5f %.5f %.0f", *r.Lat, *r.Lon, *r.Heading); got != want && got != strings.Replace(want, " 0", " 360", 1) {
			t.Errorf("after %v s it is at %s, want %s", seconds, got, want)
		}
	}
}
