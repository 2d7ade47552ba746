package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

// receiver sends datagrams to the door.
type receiver struct {
	*world
	conn net.Conn
}

// udpDoor is the door as it was started.
func (w *world) udpDoor() *UDP {
	w.Helper()
	for _, c := range flat(w.children) {
		if u, ok := c.Run.(*UDP); ok {
			return u
		}
	}
	w.Fatal("the tree has no UDP door")
	return nil
}

func (w *world) receiver() receiver {
	w.Helper()
	conn, err := net.Dial("udp", w.udpDoor().Addr().String())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { conn.Close() })
	return receiver{w, conn}
}

func (r receiver) send(datagram string) {
	r.Helper()
	if _, err := r.conn.Write([]byte(datagram)); err != nil {
		r.Error(err)
	}
}

// dirt gives what was dropped, by reason.
func (w *world) dirt() map[dirt]int64 {
	found := make(map[dirt]int64)
	for name, n := range w.counters.Snapshot() {
		if why, ok := strings.CutPrefix(name, "fleet.udp.dropped."); ok && n > 0 {
			found[dirt(why)] = n
		}
	}
	return found
}

// heard waits until so many sentences have been read, and what their units were told of
// them is committed.
func (w *world) heard(sentences int64, units ...string) {
	w.Helper()
	eventually(w, fmt.Sprint(sentences, " sentences are read"), func() bool { return w.count("fleet.udp.sentences") >= sentences })
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute) // a slow disk takes its time
	defer cancel()
	for _, id := range units {
		if err := process.Run(ctx, Units.Of(id), func(*Unit, context.Context) error { return nil }); err != nil {
			w.Errorf("unit %s: %v", id, err)
		}
	}
}

// rows reads what is stored of a unit, as it is stored.
func (w *world) rows(id string) (rows []positionRow) {
	w.Helper()
	err := w.children[0].Run.(*data.Repo).Read(w.ctx, func(ctx context.Context, tx data.Tx) error {
		return tx.NewSelect().Model(&rows).Where("unit = ?", id).Order("at").Scan(ctx)
	})
	if err != nil {
		w.Error(err)
	}
	return rows
}

// rmcOf is a sound RMC.
func rmcOf(at time.Time, lat float64, speed string) string {
	at = at.UTC()
	degrees, part := math.Modf(lat)
	return nmea(fmt.Sprintf("GPRMC,%s,A,%02d%08.5f,N,00700.0,E,%s,,%s,,", at.Format("150405.000"), int(degrees), part*60, speed, at.Format("020106")))
}

func ggaOf(at time.Time, altitude string) string {
	return nmea("GPGGA," + at.UTC().Format("150405.000") + ",0100.0,N,00700.0,E,1,05,1.0," + altitude + ",M,,M,,")
}

// Each datagram is counted for what it is, and nothing else happens.
func TestDatagrams(t *testing.T) {
	w := start(t, "-udp=127.0.0.1:0")
	r := w.receiver()
	now := time.Now()
	good := rmcOf(now, 1, "10")
	for name, c := range map[string]struct {
		datagram string
		want     map[dirt]int64
		accepted int64
	}{
		"one line":               {"a " + good, nil, 1},
		"with its end":           {"a " + good + "\r\n", nil, 1},
		"with LF, CR, blanks":    {"a " + good + "\n\n\r \t" + good + "\r", nil, 2},
		"zero bytes":             {"", map[dirt]int64{badUnit: 1}, 0},
		"an id alone":            {"a", map[dirt]int64{badUnit: 1}, 0},
		"no line":                {"a ", map[dirt]int64{badEmpty: 1}, 0},
		"blank lines":            {"a \r\n \r\n", map[dirt]int64{badEmpty: 1}, 0},
		"no id":                  {good, map[dirt]int64{badUnit: 1}, 0},
		"an empty id":            {" " + good, map[dirt]int64{badUnit: 1}, 0},
		"an end before the id":   {"\na " + good, map[dirt]int64{badUnit: 1}, 0},
		"an id with an end":      {"a\n " + good, map[dirt]int64{badUnit: 1}, 0},
		"an id with a slash":     {"../a " + good, map[dirt]int64{badUnit: 1}, 0},
		"an id not in ASCII":     {"é " + good, map[dirt]int64{badUnit: 1}, 0},
		"an id of bytes":         {"\xff\x00 " + good, map[dirt]int64{badUnit: 1}, 0},
		"an id of 64":            {strings.Repeat("i", 64) + " " + good, nil, 1},
		"an id of 65":            {strings.Repeat("i", 65) + " " + good, map[dirt]int64{badUnit: 1}, 0},
		"a key nobody asks for":  {"K a " + good, map[dirt]int64{badForm: 1}, 0},
		"two blanks":             {"a  " + good, nil, 1},
		"other sentences":        {"a " + nmea("GPGSV,1,1,00") + "\r\n" + nmea("GPVTG,,,,"), nil, 0},
		"dirt between":           {"a " + good + "\n$GPRMC,\nx\n" + ggaOf(now, "5") + "\n\xff\xfe\n", map[dirt]int64{badForm: 2, badChecksum: 1}, 2},
		"UTF-16":                 {"a " + "$\x00G\x00P\x00R\x00M\x00C\x00", map[dirt]int64{badForm: 1}, 0},
		"tomorrow and more":      {"a " + rmcOf(now.Add(25*time.Hour), 1, ""), map[dirt]int64{badFix: 1}, 0},
		"too fast":               {"a " + rmcOf(now, 1, "1e6"), map[dirt]int64{badFix: 1}, 0},
		"before 1980":            {"a " + nmea("GPRMC,000000,A,0100.0,N,00700.0,E,,,311279,,"), map[dirt]int64{badFix: 1}, 0}, // it is 2079
		"a GGA of now":           {"gga1 " + ggaOf(now, "5"), nil, 1},
		"a GGA of 9 minutes ago": {"gga2 " + ggaOf(now.Add(-9*time.Minute), "5"), nil, 1},
		"a GGA of in an hour":    {"gga3 " + ggaOf(now.Add(time.Hour), "5"), map[dirt]int64{undated: 1}, 0},
		"64 kB of garbage":       {"a " + strings.Repeat("\xaa", 65505), map[dirt]int64{badForm: 1}, 0},
		"64 kB of dollars":       {"a " + strings.Repeat("$GPRMC\n", 9357), map[dirt]int64{badChecksum: 9357}, 0},
		"64 kB of ends":          {"a " + strings.Repeat("\n", 65505), map[dirt]int64{badEmpty: 1}, 0},
		"64 kB of sentences":     {"a " + strings.Repeat(good+"\n", 65505/(len(good)+1)), nil, int64(65505 / (len(good) + 1))},
	} {
		before, accepted := w.dirt(), w.count("fleet.udp.accepted")
		ignored := w.count("fleet.udp.ignored") + int64(strings.Count(c.datagram, "GPGSV")*2)
		r.send(c.datagram)
		r.send("end " + nmea("GPTXT,end")) // datagrams come in their order here
		eventually(t, "all is read", func() bool { return w.count("fleet.udp.ignored") == ignored+1 })
		eventually(t, "the good is taken", func() bool { return w.count("fleet.udp.accepted") >= accepted+c.accepted })
		got := w.dirt()
		for why, n := range before {
			if got[why] -= n; got[why] == 0 {
				delete(got, why)
			}
		}
		if n := w.count("fleet.udp.accepted") - accepted; !maps.Equal(got, c.want) || n != c.accepted {
			t.Errorf("%s: accepted %d, dropped %v, want %d, %v", name, n, got, c.accepted, c.want)
		}
	}
	var all Views
	if w.get("/api/units", &all); len(all.Units) != 4 {
		t.Errorf("the units are %v", all)
	}
}

func TestUDPKey(t *testing.T) {
	w := start(t, "-udp=127.0.0.1:0", "-key=K")
	r := w.receiver()
	good := rmcOf(time.Now(), 1, "10")
	for _, wrong := range []string{"a " + good, "k a " + good, "KK a " + good, " a " + good, "K", "", "K\n a " + good, "Ka " + good} {
		r.send(wrong)
	}
	r.send("K b/ " + good)
	r.send("K K " + good)
	w.heard(1, "K")
	if got, want := w.dirt(), (map[dirt]int64{badKey: 8, badUnit: 1}); !maps.Equal(got, want) {
		t.Errorf("dropped %v, want %v", got, want)
	}
	var all Views
	if w.get("/api/units?key=K", &all); len(all.Units) != 1 || all.Units[0].Unit != "K" {
		t.Errorf("the units are %v", all)
	}
}

// What an RMC and a GGA of one time say is one position; it is kept once, however often
// it comes, and an old packet that comes again moves nothing.
func TestMergeAndReplays(t *testing.T) {
	w := start(t, "-udp=127.0.0.1:0")
	r := w.receiver()
	now := time.Now().Truncate(time.Second).UTC()
	pairs := [][]string{{rmcOf(now, 1, "10"), ggaOf(now, "250.5")}, {ggaOf(now, "250.5"), rmcOf(now, 1, "10")}}
	sent := int64(0)
	for _, pair := range pairs {
		for _, end := range []string{"\r\n", ""} { // in one datagram, and in two
			id := fmt.Sprint("u", sent)
			for range 3 {
				sent += 2
				if end != "" {
					r.send(id + " " + strings.Join(pair, end))
				} else {
					r.send(id + " " + pair[0])
					r.send(id + " " + pair[1])
				}
			}
			w.heard(sent, id)
			rows := w.rows(id)
			if len(rows) != 1 || rows[0].Speed == nil || math.Abs(*rows[0].Speed-5.1444) > 1e-3 || rows[0].Altitude == nil || *rows[0].Altitude != 250.5 {
				t.Errorf("%s: %+v", id, rows)
			}
		}
	}
	r.send("u0 " + rmcOf(now.Add(time.Second), 2, ""))
	r.send("u0 " + rmcOf(now, 1, "10"))                    // again
	r.send("u0 " + rmcOf(now.Add(-2*time.Hour), 3, "10"))  // old, but new to us
	r.send("u0 " + rmcOf(now.AddDate(-10, 0, 0), 4, "10")) // very old
	w.heard(sent+4, "u0")
	if v := w.unit("u0"); v.Lat != 2 || !v.At.Equal(now.Add(time.Second)) {
		t.Errorf("old packets moved it to %+v", v)
	}
	if n := len(w.track("u0")); n != 4 {
		t.Errorf("the track has %d positions", n)
	}
}

// awake is how many units have a process.
func (w *world) awake() int {
	w.Helper()
	status, err := supervisor.StatusOf(w.ctx, name)
	if err != nil {
		w.Fatal(err)
	}
	for _, c := range status.Children {
		if c.Kind == "family" && c.Name == string(Units) {
			return c.Members
		}
	}
	w.Fatal("the tree has no units")
	return 0
}

// Flooded by many, the door takes no more than the writer can soon store.
func TestUDPOverload(t *testing.T) {
	w := start(t, "-udp=127.0.0.1:0")
	r := w.receiver()
	line := rmcOf(time.Now(), 1, "") + "\n"
	for i := range 40 {
		r.send(fmt.Sprint("u", i, " ", strings.Repeat(line, 800)))
	}
	eventually(t, "all is dealt with", func() bool { return w.count("fleet.udp.accepted")+w.dirt()[overload] == 40*800 })
	if got := w.dirt(); len(got) > 1 || w.count("fleet.udp.accepted") < maxWaiting-800 {
		t.Errorf("accepted %d, dropped %v", w.count("fleet.udp.accepted"), got)
	}
	r.send("u39 " + rmcOf(time.Now(), 2, "")) // and then it is as before
	eventually(t, "one more is taken", func() bool { return w.count("fleet.udp.accepted")+w.dirt()[overload] == 40*800+1 })
	if v := w.unit("u39"); v.Lat != 2 {
		t.Errorf("it is %+v", v)
	}
}

func TestUDPMaxUnits(t *testing.T) {
	w := start(t, "-udp=127.0.0.1:0", "-max-units=2")
	r := w.receiver()
	for i := range 5 {
		r.send(fmt.Sprintf("u%d %s", i, rmcOf(time.Now(), 1, "")))
		eventually(t, "it is decided", func() bool {
			return w.count("fleet.udp.accepted")+w.count("fleet.udp.dropped.units") == int64(i+1)
		})
	}
	if n := w.count("fleet.udp.accepted"); n != 2 || w.count("process.messages.lost") > 0 {
		t.Errorf("%d were accepted: %v", n, w.counters.Snapshot())
	}
	// Who was refused is gone, and has left no room taken.
	eventually(t, "two units are awake", func() bool { return w.awake() == 2 })
	if n := w.udpDoor().waiting.Load(); n != 0 {
		t.Errorf("%d positions wait for nobody", n)
	}
	if n := len(w.udpDoor().rmcs); n > 2 {
		t.Errorf("the dates of %d units are kept", n)
	}
}

// The door is a child like any other: it comes back, at the same place.
func TestUDPDoorComesBack(t *testing.T) {
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.LocalAddr().String()
	free.Close()
	w := start(t, "-udp="+addr)
	r := w.receiver()
	r.send("a " + rmcOf(time.Now(), 1, ""))
	w.heard(1, "a")
	w.udpDoor().conn.Close()
	sent := 0
	eventually(t, "it hears again", func() bool {
		sent++
		_, _ = r.conn.Write([]byte("a " + rmcOf(time.Now().Add(time.Duration(sent)*time.Second), 2, "")))
		return w.count("fleet.udp.sentences") > 1
	})
	w.heard(2, "a")
	if v := w.unit("a"); v.Lat != 2 {
		t.Errorf("it is %+v", v)
	}
	status, err := supervisor.StatusOf(w.ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range status.Children {
		if restarted := c.Restarts > 0; restarted != (c.Name == "udp") {
			t.Errorf("%s was restarted %d times", c.Name, c.Restarts)
		}
	}
	if n := w.count("process.crashes"); n > 1 {
		t.Errorf("%d processes crashed", n)
	}
}

func TestUDPAddress(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for addr, want := range map[string]string{
		taken.LocalAddr().String(): "is another program there?",
		"127.0.0.1":                "is no address",
		"127.0.0.1:x":              "is no address",
		"127.0.0.1:70000":          "is no address",
	} {
		u := &UDP{addr: addr}
		err := u.Start(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), addr) {
			t.Errorf("%s: %v", addr, err)
		}
		if !errors.Is(err, fault.Invalid) && !errors.Is(err, fault.Unavailable) {
			t.Errorf("%s: it is %v", addr, fault.Of(err))
		}
	}
}
