package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/udp"
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
func device(to, id string) (*Device, chan Report) {
	d := NewDevice(to, id)
	committed := make(chan Report, 1<<14)
	d.Log = slog.New(slog.DiscardHandler)
	d.Backoff = func(int) time.Duration { return 10 * time.Millisecond }
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
	*net.UDPConn
	mu   sync.Mutex
	rand *rand.Rand
}

func (l *lossy) chance() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rand.Float64()
}

func (l *lossy) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		n, from, err := l.UDPConn.ReadFromUDPAddrPort(b)
		if err != nil || l.chance() > 0.2 {
			return n, from, err
		}
	}
}

func (l *lossy) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	switch chance := l.chance(); {
	case chance < 0.2:
		return len(b), nil
	case chance < 0.3:
		_, _ = l.UDPConn.WriteToUDPAddrPort(b, to)
	}
	return l.UDPConn.WriteToUDPAddrPort(b, to)
}

// A device on a bad network: each position is committed once, and in order.
func TestDeviceOnABadNetwork(t *testing.T) {
	w := start(t, "-devices=127.0.0.1:0", "-key="+deviceKey)
	d, committed := device(w.devices(), "a")
	d.Key, d.Agency = deviceKey, "city"
	d.Network = func() (udp.Socket, error) {
		conn, err := net.ListenUDP("udp", nil)
		return &lossy{UDPConn: conn, rand: rand.New(rand.NewPCG(1, 2))}, err
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
	d, _ := device(w.devices(), "a")
	if d.Key = "another key of sixteen"; fault.Of(d.Run(t.Context())) != fault.Unauthenticated {
		t.Error("a wrong key is taken")
	}
	if n := w.count("channel.udp.refused"); n != 1 {
		t.Errorf("%d are counted: %v", n, w.counters.Snapshot())
	}
}

// A device reports for itself.
func TestDeviceIsOneUnit(t *testing.T) {
	w := start(t, "-devices=127.0.0.1:0")
	u := &uplink{topic: "unit:b", answers: make(chan error, 9), ended: make(chan error, 1)}
	var err error
	if u.Session, err = udp.Dial(t.Context(), w.devices(), udp.DialConfig{Device: "a", Handler: u}); err != nil {
		t.Fatal(err)
	}
	defer func() { u.Close(""); <-u.Done() }()
	if err := u.push("phx_join", none{}); err != nil {
		t.Fatal(err)
	}
	if err := <-u.answers; err == nil || !strings.Contains(err.Error(), "the device a may join unit:a only") {
		t.Errorf("another's topic: %v", err)
	}
}

// What a device says while the server is away is there when it is back: more than may be
// on its way at once.
func TestDeviceWasAway(t *testing.T) {
	db := file(t)
	w := start(t, db, "-devices=127.0.0.1:0")
	to := w.devices()
	d, committed := device(to, "a")
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

func TestAdvice(t *testing.T) {
	for reason, want := range map[string]time.Duration{
		"1012 the server restarts; reconnect in 312 ms": 312 * time.Millisecond, "1012 reconnect in 0 ms": 0, "1013": 0, "": 0,
		"reconnect in 1 year": 0, "reconnect in -1 ms": 0, "reconnect in 99999999 ms": 65535 * time.Millisecond,
	} {
		if got := advice(&udp.CloseError{Reason: reason}); got != want {
			t.Errorf("%q: %v, want %v", reason, got, want)
		}
	}
	if got := advice(nil); got != 0 {
		t.Errorf("no reason: %v", got)
	}
}

func TestDeviceRefuses(t *testing.T) {
	d, _ := device("127.0.0.1:1", "a")
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
