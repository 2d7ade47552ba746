//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data/datatest"
)

// TestBinary is about the real program, under load: what it has acknowledged survives a
// kill -9, and SIGTERM ends it in order.
func TestBinary(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "fleet")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	datatest.EachURL(t, func(t *testing.T, url string) {
		dir, db := t.TempDir(), "-db="+url
		acknowledged := make(tracks)
		for range 3 {
			p := launch(t, binary, dir, "-replay=none", db)
			p.check(t, acknowledged)
			load := p.load(t, acknowledged)
			load.await(t, 400)
			p.signal(t, syscall.SIGKILL)
			load.end()
			if state := p.wait(t); state.Success() {
				t.Error("a program that is killed does not succeed")
			}
		}
		p := launch(t, binary, dir, "-replay=none", db)
		p.check(t, acknowledged)
		p.signal(t, syscall.SIGTERM)
		p.wait(t)
	})
	t.Run("kill, with devices", func(t *testing.T) {
		to, dir := freeUDP(t), t.TempDir()
		p := launch(t, binary, dir, "-replay=none", "-devices="+to)
		d, committed := device(to, "phone", "")
		d.Options.Heartbeat = 300 * time.Millisecond
		stop := running(t, d)
		acknowledged := make(tracks)
		began := time.Now()
		for i := range 600 {
			if err := d.Report(report(began.Add(time.Duration(i)*time.Millisecond), 1)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 600 {
			if i == 200 { // in the middle of them
				p.signal(t, syscall.SIGKILL)
				p.wait(t)
				p = launch(t, binary, dir, "-replay=none", "-devices="+to)
				p.check(t, acknowledged)
			}
			r := <-committed
			acknowledged["phone"] = append(acknowledged["phone"], r.At.UnixMilli())
		}
		stop()
		p.check(t, acknowledged)
		if n := len(acknowledged["phone"]); n != 600 {
			t.Errorf("%d were committed", n)
		}
		p.signal(t, syscall.SIGTERM)
		p.wait(t)
	})
	for name, key := range map[string]string{"with a key": deviceKey, "without a key": ""} {
		t.Run("a device is back at once, "+name, func(t *testing.T) { backAtOnce(t, binary, key) })
	}
	t.Run("term", func(t *testing.T) {
		dir := t.TempDir()
		p := launch(t, binary, dir, "-replay=nyc")
		w := &world{TB: t, url: p.url, dial: new(net.Dialer).DialContext}
		watcher := w.socket()
		defer watcher.hangUp()
		watcher.join("agency:nyc", none{}, nil)
		acknowledged := make(tracks)
		load := p.load(t, acknowledged)
		load.await(t, 200)
		watcher.event("agency:nyc", "moved")
		began := time.Now()
		p.signal(t, syscall.SIGTERM)
		state := p.wait(t)
		took := time.Since(began)
		load.end()
		if state.ExitCode() != 0 || took > 5*time.Second {
			t.Errorf("it ended after %v with %v\n%s", took, state, p.log)
		}
		t.Logf("it ended after %v", took)
		p = launch(t, binary, dir, "-replay=none")
		p.check(t, acknowledged)
		p.signal(t, os.Interrupt)
		if state := p.wait(t); !state.Success() {
			t.Errorf("an interrupt: %v", state)
		}
	})
	t.Run("taken port", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		cmd := exec.Command(binary, "-addr="+l.Addr().String(), "-udp=", "-devices=", "-db=sqlite::memory:", "-replay=none")
		out, err := cmd.CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte("taken")) {
			t.Errorf("%v: %s", err, out)
		}
	})
}

// backAtOnce is about a device that knows of a kill -9 only what the server tells that is
// back: by itself, it would notice after 30 s.
func backAtOnce(t *testing.T, binary, key string) {
	to, dir := freeUDP(t), t.TempDir()
	args := []string{"-replay=none", "-devices=" + to, "-key=" + key}
	p := launch(t, binary, dir, args...)
	d, committed := device(to, "phone", key)
	d.Options.Heartbeat = 0
	stop := running(t, d)
	defer stop()
	say := func(what string, within time.Duration) {
		t.Helper()
		if err := d.Report(report(time.Now(), 1)); err != nil {
			t.Fatal(err)
		}
		select {
		case <-committed:
		case <-time.After(within):
			t.Fatalf("what was reported %s is not committed after %v", what, within)
		}
	}
	say("at first", 10*time.Second)
	p.signal(t, syscall.SIGKILL)
	p.wait(t)
	launch(t, binary, dir, args...)
	began := time.Now()
	say("after the restart", 10*time.Second)
	t.Logf("it is back after %v", time.Since(began))
}

// freeUDP is an address that nobody listens on.
func freeUDP(t *testing.T) string {
	t.Helper()
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	return free.LocalAddr().String()
}

// program is a running fleet.
type program struct {
	cmd   *exec.Cmd
	url   string
	log   *bytes.Buffer
	http  *http.Client
	ended chan struct{}
}

// launch runs the binary with its database in dir, and waits until it answers.
func launch(t *testing.T, binary, dir string, args ...string) *program {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	p := &program{url: "http://" + addr, log: new(bytes.Buffer), ended: make(chan struct{})}
	p.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}, Timeout: 10 * time.Second}
	p.cmd = exec.Command(binary, append([]string{"-addr=" + addr, "-udp=", "-devices=", "-log=warn"}, args...)...)
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(p.ended); _ = p.cmd.Wait() }()
	t.Cleanup(func() {
		p.http.CloseIdleConnections()
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	eventually(t, "the program answers", func() bool {
		res, err := p.http.Get(p.url + "/api/health")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.StatusCode == http.StatusOK
	})
	return p
}

func (p *program) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (p *program) wait(t *testing.T) *os.ProcessState {
	t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState
	case <-time.After(10 * time.Second):
		t.Fatal("it did not end within 10 s")
		return nil
	}
}

// tracks is what was acknowledged, by unit: the times, in milliseconds.
type tracks map[string][]int64

// load is devices that report one position after the other.
type load struct {
	taken   atomic.Int64
	stopped atomic.Bool
	devices sync.WaitGroup
}

// load starts devices that note what is acknowledged.
func (p *program) load(t *testing.T, acknowledged tracks) *load {
	const devices = 16
	l := new(load)
	began := time.Now().UnixMilli()
	var mu sync.Mutex
	for d := range devices {
		unit := fmt.Sprint("device-", d)
		l.devices.Go(func() {
			for i := int64(0); !l.stopped.Load(); i++ {
				at := began + i
				res, err := p.http.Post(fmt.Sprintf("%s/osmand?id=%s&lat=1&lon=%v&timestamp=%d", p.url, unit, float64(i)/1e4, at), "", nil)
				if err != nil {
					return // it is gone
				}
				res.Body.Close()
				if res.StatusCode != http.StatusOK {
					continue
				}
				l.taken.Add(1)
				mu.Lock()
				acknowledged[unit] = append(acknowledged[unit], at)
				mu.Unlock()
			}
		})
	}
	return l
}

func (l *load) await(t *testing.T, n int64) {
	t.Helper()
	eventually(t, "the devices are heard", func() bool { return l.taken.Load() >= n })
}

func (l *load) end() {
	l.stopped.Store(true)
	l.devices.Wait()
}

// check finds all that was acknowledged in the tracks.
func (p *program) check(t *testing.T, acknowledged tracks) {
	t.Helper()
	w := &world{TB: t, ctx: t.Context(), url: p.url, http: p.http}
	lost, all := 0, 0
	for unit, times := range acknowledged {
		stored := make(map[int64]bool)
		for _, p := range w.track(unit) {
			stored[p.At.UnixMilli()] = true
		}
		for _, at := range times {
			if all++; !stored[at] {
				lost++
			}
		}
		if v := w.unit(unit); v.At.UnixMilli() < times[len(times)-1] {
			t.Errorf("%s stands where it was at %d, it was heard at %d", unit, v.At.UnixMilli(), times[len(times)-1])
		}
	}
	if lost > 0 {
		t.Errorf("of %d acknowledged positions %d are lost", all, lost)
	}
	t.Logf("%d acknowledged positions are there", all-lost)
}
