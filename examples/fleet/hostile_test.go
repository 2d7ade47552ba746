package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gobwas "github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/bennu-go/bennu/supervisor"
)

const (
	attackTime     = 2 * time.Second
	hostileUnits   = 1000
	neighbours     = 20              // one of them by the socket
	hostileLatency = 4 * time.Second // of a neighbour, with the attackers on the same processors
	hostilePeak    = 512 << 20       // bytes of heap in use, more than before
	hostileRest    = 64 << 20        // the same, afterwards
)

// siege is attackers at all doors.
type siege struct {
	*world
	ctx      context.Context
	addr     string
	statuses [600]atomic.Int64 // of the answers at /osmand
	udp      atomic.Int64      // sentences sent
}

// attacks are what each attacker does again and again.
var attacks = map[string]func(s *siege, i int){
	"UDP, one unit":         func(s *siege, i int) { s.datagrams("victim", i) },
	"UDP, thousands of ids": func(s *siege, i int) { s.datagrams(fmt.Sprint("udp-", i*10), i, 10) },
	"UDP, long datagrams of many": func(s *siege, i int) {
		line := rmcOf(time.Now().Add(time.Duration(i)*time.Millisecond), 1, "") + "\n"
		s.datagram(fmt.Sprint("long-", i%200, " ", strings.Repeat(line, 800)), 800)
	},
	"UDP, garbage": func(s *siege, i int) {
		s.datagram(strings.Repeat(string(rune(i%256)), 30_000), 0)
		s.datagram("a "+strings.Repeat("$GPRMC,\n", 8000), 8000)
		s.datagram("a "+strings.Repeat("\xff\n", 30_000), 30_000)
		time.Sleep(50 * time.Millisecond)
	},
	"HTTP, one unit": func(s *siege, i int) {
		s.ask("/osmand?id=victim&lat=1&lon=2", fmt.Sprint("timestamp=", 1_000_000_000_000+i), "")
	},
	"HTTP, thousands of ids": func(s *siege, i int) { s.ask(fmt.Sprint("/osmand?lat=1&lon=2&id=http-", i), "", "") },
	"HTTP, nonsense": func(s *siege, i int) {
		for _, q := range []string{
			"id=a&lat=NaN&lon=Inf", "id=%ff%fe&lat=1&lon=2", "id=%00&lat=1&lon=2", "lat[]=1", "id=a&lat=1e999&lon=2", "id=a;lat=1",
			"id=a&lat=1&lon=2&timestamp=9e99", "id=a&lat=1&lon=2&timestamp=-1", "%", "id=a&lat=\xff\xfe1\x00&lon=2", "id=" + strings.Repeat("i", 30_000),
			"id=a&lat=1" + strings.Repeat("0", 20_000) + "&lon=2", "id=a" + strings.Repeat("&x", 10_000) + "&lat=1",
		} {
			s.ask("/osmand?"+q, "", "")
		}
	},
	"HTTP, huge": func(s *siege, i int) {
		s.ask("/osmand?id=a&lat=1&lon=2", "", "x="+strings.Repeat("y", 10<<20))
		s.ask("/osmand?q="+strings.Repeat("q", 2<<20), "", "")
		s.ask("/osmand?id=a&lat=1&lon=2&"+strings.Repeat("a=1&", 15_000), "", "")
	},
	"HTTP, a body of gzip": func(s *siege, i int) { s.ask("/osmand", "", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03%%\xff") },
	"HTTP, slow headers":   func(s *siege, i int) { s.hold("GET /osmand?id=a HTTP/1.1\r\nHost: x\r\nX-A: ") },
	"HTTP, slow bodies": func(s *siege, i int) {
		s.hold("POST /osmand HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nid=")
	},
	"HTTP, garbage": func(s *siege, i int) { s.hold("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n\x00") },
	"HTTP, silence": func(s *siege, i int) { s.hold("") },
	"socket, half open": func(s *siege, i int) {
		s.upgraded(func(conn net.Conn) {
			fmt.Fprint(conn, "\x81\xfe\xff") // a frame of 64 kB, which does not come
			s.rest(conn)
		})
	},
	"socket, never reads": func(s *siege, i int) {
		s.upgraded(func(conn net.Conn) {
			for n := range 2000 {
				if s.frame(conn, `["1","1","agency:default","phx_join",{}]`) != nil || s.frame(conn, fmt.Sprintf(`[null,"%d","phoenix","heartbeat",{}]`, n)) != nil {
					break
				}
			}
			s.rest(conn)
		})
	},
	"socket, nonsense": func(s *siege, i int) {
		for _, text := range []string{
			"", "null", "{}", "[]", "[1,2,3,4,5]", `["1","1","unit:a"]`, `["1","1","unit:a","phx_join"`, "\xff\xfe", "[\x00]",
			`["1","1","unit:a","phx_join",` + strings.Repeat("[", 200_000), `["1","1","unit:a","phx_join",` + strings.Repeat(`{"a":`, 100_000),
			strings.Repeat("x", 2<<20), `["1","1","` + strings.Repeat("u", 900_000) + `","phx_join",{}]`,
			`["1","1","unit:a","position",{"lat":1,"lon":2}]`, `["1","1","agency:\u0000","phx_join",{}]`, `["1","1","unit:a","phx_join",[]]`,
		} {
			s.upgraded(func(conn net.Conn) {
				_ = s.frame(conn, text)
				_ = s.frame(conn, `["1","2","unit:x","phx_join",{"agency":7}]`)
			})
		}
	},
	"socket, flood of one unit": func(s *siege, i int) {
		s.upgraded(func(conn net.Conn) {
			_ = s.frame(conn, `["1","1","unit:victim","phx_join",{}]`)
			for s.ctx.Err() == nil && s.frame(conn, `["1","2","unit:victim","position",{"lat":1,"lon":2}]`) == nil {
			}
		})
	},
}

func (s *siege) datagram(text string, sentences int64) {
	conn, err := net.Dial("udp", s.udpDoor().Addr().String())
	if err != nil {
		return
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(text)); err == nil {
		s.udp.Add(sentences)
	}
}

// datagrams are a hundred good ones, of one unit or of some.
func (s *siege) datagrams(id string, i int, ids ...int) {
	conn, err := net.Dial("udp", s.udpDoor().Addr().String())
	if err != nil {
		return
	}
	defer conn.Close()
	at := time.Now().Add(-time.Hour)
	for n := range 100 {
		unit := id
		if len(ids) > 0 {
			unit = fmt.Sprint(id, "-", n%ids[0])
		}
		if _, err := conn.Write([]byte(unit + " " + rmcOf(at.Add(time.Duration(i*100+n)*time.Millisecond), 1, ""))); err == nil {
			s.udp.Add(1)
		}
	}
}

// ask sends a request to a door, a GET if it has no body.
func (s *siege) ask(target, more, body string) {
	if more != "" {
		target += "&" + more
	}
	method := "GET"
	if body != "" {
		method = "POST"
	}
	path, raw, _ := strings.Cut(target, "?")
	r, err := http.NewRequestWithContext(s.ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.Error(err)
		return
	}
	r.URL = &url.URL{Scheme: "http", Host: s.addr, Path: path, RawQuery: strings.Map(func(c rune) rune {
		if c <= ' ' {
			return -1
		}
		return c
	}, raw)}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := s.http.Do(r)
	if err != nil {
		return // such as a connection that is closed in the middle of a huge body
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	s.statuses[res.StatusCode].Add(1)
	if res.StatusCode >= 500 && res.StatusCode != http.StatusServiceUnavailable && res.StatusCode != http.StatusGatewayTimeout {
		s.Errorf("%s %.80s: %s", method, target, res.Status)
	}
}

// hold opens ten connections, says something, and stays there.
func (s *siege) hold(text string) {
	for range 10 {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			continue
		}
		fmt.Fprint(conn, text)
		context.AfterFunc(s.ctx, func() { conn.Close() })
	}
	select {
	case <-s.ctx.Done():
	case <-time.After(200 * time.Millisecond):
	}
}

func (s *siege) rest(net.Conn) {
	select {
	case <-s.ctx.Done():
	case <-time.After(500 * time.Millisecond):
	}
}

// upgraded opens a socket and closes it afterwards.
func (s *siege) upgraded(with func(net.Conn)) {
	conn, in, _, err := gobwas.Dialer{Timeout: time.Second}.Dial(s.ctx, "ws://"+s.addr+"/socket/websocket?vsn=2.0.0")
	if err != nil {
		return
	}
	_ = (*bufio.Reader)(in)
	defer conn.Close()
	with(conn)
}

func (s *siege) frame(conn net.Conn, text string) error {
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	return wsutil.WriteClientText(conn, []byte(text))
}

// heapInUse is what the heap takes.
func heapInUse() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

// While all doors are attacked at once, the neighbours go on.
func TestHostile(t *testing.T) {
	w := start(t, file(t), "-udp=127.0.0.1:0", fmt.Sprint("-max-units=", hostileUnits))
	for i := range neighbours {
		w.send(fmt.Sprint("good-", i), time.Now(), 1)
	}
	runtime.GC()
	before, goroutines := heapInUse(), runtime.NumGoroutine()
	ctx, cancel := context.WithTimeout(w.ctx, attackTime)
	defer cancel()
	s := &siege{world: w, ctx: ctx, addr: strings.TrimPrefix(w.url, "http://")}

	var all sync.WaitGroup
	for _, attack := range attacks {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				attack(s, i)
				time.Sleep(time.Millisecond) // the processors are ours too
			}
		})
	}
	peak := before
	all.Go(func() {
		for ctx.Err() == nil {
			peak = max(peak, heapInUse())
			time.Sleep(100 * time.Millisecond)
		}
	})
	latencies := make([][]time.Duration, neighbours)
	for i := range latencies {
		all.Go(func() { latencies[i] = s.behave(fmt.Sprint("good-", i), i == 0) })
	}
	all.Wait()

	took := slices.Sorted(slices.Values(slices.Concat(latencies...)))
	p99 := took[len(took)*99/100]
	t.Logf("of %d positions, the median took %v, 99%% %v, the last %v", len(took), took[len(took)/2], p99, took[len(took)-1])
	if p99 > hostileLatency {
		t.Errorf("99%% of the neighbours' positions took %v", p99)
	}
	s.settled()
	w.http.CloseIdleConnections()
	eventually(t, "the attackers' goroutines end", func() bool { return runtime.NumGoroutine() < goroutines+100 })
	runtime.GC()
	after := heapInUse()
	t.Logf("heap in use: %d MiB before, %d MiB at most, %d MiB after", before>>20, peak>>20, after>>20)
	if peak-before > hostilePeak || after-before > hostileRest {
		t.Errorf("the heap grew too much")
	}
	s.check()
	for i := range latencies {
		if n := len(w.track(fmt.Sprint("good-", i))); n != len(latencies[i])+1 {
			t.Errorf("neighbour %d has sent %d positions, and has %d", i, len(latencies[i])+1, n)
		}
	}
}

// behave sends fifty positions a second, as a device would, all of which must be taken.
func (s *siege) behave(id string, socket bool) (took []time.Duration) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var c *client
	if socket {
		c = s.socket()
		defer c.hangUp()
		c.join("unit:"+id, none{}, nil)
	}
	at := time.Now().Add(time.Second)
	for n := 0; s.ctx.Err() == nil; n++ {
		<-tick.C
		began := time.Now()
		if socket {
			if r := c.push("unit:"+id, "position", map[string]any{"lat": 2, "lon": 7, "at": at.Add(time.Duration(n) * time.Millisecond)}); r.Status != "ok" {
				s.Errorf("%s got %s %s", id, r.Status, r.Response)
			}
		} else {
			s.send(id, at.Add(time.Duration(n)*time.Millisecond), 2)
		}
		took = append(took, time.Since(began))
	}
	return took
}

// settled waits until the program has nothing left to do, but to look for jobs.
func (s *siege) settled() {
	counts := func() map[string]int64 {
		now := s.counters.Snapshot()
		maps.DeleteFunc(now, func(name string, _ int64) bool {
			return strings.HasPrefix(name, "data.") || strings.HasPrefix(name, "job.")
		})
		return now
	}
	last, since := counts(), time.Now()
	eventually(s, "it comes to rest", func() bool {
		if now := counts(); !maps.Equal(now, last) {
			last, since = now, time.Now()
		}
		return time.Since(since) > 300*time.Millisecond
	})
}

// check looks at what the attack has left behind: nothing but counts, which add up.
func (s *siege) check() {
	if n := s.count("process.crashes") + s.count("web.panics") + s.count("process.abandoned"); n > 0 {
		s.Errorf("%d crashes", n)
	}
	status, err := supervisor.StatusOf(s.world.ctx, name)
	if err != nil || !status.Up() {
		s.Errorf("the tree is %+v, %v", status, err)
	}
	for _, c := range status.Children {
		if c.Restarts > 0 {
			s.Errorf("%s was restarted %d times", c.Name, c.Restarts)
		}
	}
	var all Views
	if s.get("/api/units", &all); len(all.Units) > hostileUnits {
		s.Errorf("there are %d units", len(all.Units))
	}
	for _, v := range all.Units {
		if v.State != online {
			s.Errorf("%s is %s", v.Unit, v.State)
		}
	}
	counts := s.counters.Snapshot()
	known := counts["fleet.udp.accepted"] + counts["fleet.udp.failed"] + counts["fleet.udp.ignored"] + counts["process.messages.lost"]
	for why, n := range s.dirt() {
		if why != badUnit && why != badKey && why != badEmpty { // of datagrams
			known += n
		}
	}
	if sentences := counts["fleet.udp.sentences"]; known < sentences {
		s.Errorf("of %d sentences, %d are accounted for: %v", sentences, known, counts)
	}
	if n := counts["fleet.udp.sentences"]; n > s.udp.Load() {
		s.Errorf("%d sentences were read, but %d sent", n, s.udp.Load())
	}
	answers := make(map[int]int64)
	for code := range s.statuses {
		if n := s.statuses[code].Load(); n > 0 {
			answers[code] = n
		}
	}
	s.Logf("HTTP answers %v; of %d UDP sentences %d were read, %d accepted, dropped %v", answers, s.udp.Load(), counts["fleet.udp.sentences"], counts["fleet.udp.accepted"], s.dirt())
	if n := counts["fleet.osmand.accepted"]; n < answers[200] {
		s.Errorf("%d positions were answered with 200, %d accepted", answers[200], n)
	}
	if n := counts["fleet.units.refused"]; n < answers[429] {
		s.Errorf("%d were answered with 429, %d refused", answers[429], n)
	}
	for name, n := range counts {
		if n > 0 && !strings.HasPrefix(name, "data.") {
			s.Logf("%s %d", name, n)
		}
	}
}
