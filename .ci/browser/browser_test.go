// Package browser drives the pages of the examples in a real Chromium against the real
// binaries.
// It is a module of its own, so that no user of bennu gets its dependencies. ./run runs it.
package browser

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// server is an example's binary, which can be stopped and started again on the same
// address and database.
type server struct {
	t      *testing.T
	binary string
	args   []string
	health string // path of what answers when it is there
	addr   string
	folder string
	cmd    *exec.Cmd
}

func newServer(t *testing.T) *server {
	return serverOf(t, "FLEET_BIN", "/api/health", "-udp", "", "-devices", "")
}

// serverOf is the binary that a variable of the environment names.
func serverOf(t *testing.T, variable, health string, args ...string) *server {
	binary := os.Getenv(variable)
	if binary == "" {
		t.Fatal(variable, " must be the example's binary; use ./run")
	}
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close()
	addr := probe.Addr().String()
	args = append([]string{"-addr", addr, "-log", "error"}, args...)
	s := &server{t: t, binary: binary, args: args, health: health, addr: addr, folder: t.TempDir()}
	t.Cleanup(func() { s.stop(syscall.SIGTERM) })
	return s
}

func (s *server) start(args ...string) {
	s.t.Helper()
	s.cmd = exec.Command(s.binary, append(s.args, args...)...)
	s.cmd.Dir, s.cmd.Stderr = s.folder, os.Stderr
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for range 500 {
		if answer, err := http.Get("http://" + s.addr + s.health); err == nil {
			answer.Body.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.t.Fatal("the server does not answer")
}

func (s *server) stop(how os.Signal) {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(how)
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// page is a tab of a Chromium of its own.
type page struct {
	t   *testing.T
	ctx context.Context
}

// open opens an address in the dark theme.
func open(t *testing.T, addr string, width, height int) *page {
	t.Helper()
	return openIn(t, "dark", addr+"/", width, height)
}

// openIn opens an address and path with the page's theme for a light or dark room.
func openIn(t *testing.T, room, address string, width, height int) *page {
	t.Helper()
	binary := "chromium"
	if _, err := exec.LookPath(binary); err != nil {
		t.Fatal("chromium is missing; ./run installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(binary), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("js-flags", "--expose-gc"), chromedp.Flag("enable-precise-memory-info", true),
		chromedp.WindowSize(width, height))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(cancel)
	p := &page{t, ctx}
	p.do(chromedp.EmulateViewport(int64(width), int64(height)), theme(room))
	if err := chromedp.Listen(ctx, p.watch); err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.Navigate("http://" + address))
	return p
}

// theme has the page take its light or dark theme.
func theme(room string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: room}},
		})
		return err
	})
}

// watch fails the test when the page throws.
func (p *page) watch(event any) {
	if e, ok := event.(*runtime.EventExceptionThrown); ok {
		p.t.Errorf("the page threw: %v", e.ExceptionDetails)
	}
}

func (p *page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

func evaluate[T any](p *page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// until waits for a JavaScript expression to become true.
func (p *page) until(what, expression string) {
	p.t.Helper()
	for range 300 {
		if evaluate[bool](p, "!!("+expression+")") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.shot("failed")
	p.t.Fatalf("%s: not within 15 s (%s)", what, expression)
}

// shot saves a screenshot where SHOTS says, if it does.
func (p *page) shot(name string) {
	p.t.Helper()
	folder := os.Getenv("SHOTS")
	if folder == "" {
		return
	}
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func text(id string) string { return fmt.Sprintf("document.getElementById(%q).textContent", id) }

func TestDispatcher(t *testing.T) {
	s := newServer(t)
	s.start()
	p := open(t, s.addr, 1440, 900)

	p.until("all vehicles are there", "window.fleet.units() >= 996")
	p.until("they move", "Number("+text("count-moving")+") > 500 && Number("+text("count-rate")+") > 100")
	p.until("the connection is shown", text("link-text")+" === 'Live'")

	// Crash one, and see it come back.
	p.do(chromedp.SendKeys("#search", "nyc-007"))
	p.until("the search finds it", "document.querySelectorAll('#list [role=option]:not([hidden])').length === 1")
	p.do(chromedp.Click("#list [role=option]:not([hidden])"))
	p.until("its card is open", text("details-unit")+" === 'nyc-007'")
	p.do(chromedp.Click("#crash"))
	p.until("it restarts", text("details-standing")+" === 'restarting'")
	p.shot("restarting")
	p.until("it is back", text("crash-result")+".includes('Back after')")
	p.until("the history has it", text("history")+".includes('crashed on demand')")
	p.do(chromedp.SendKeys("#search", strings.Repeat("\b", len("nyc-007"))))
	p.until("all are listed again", "document.querySelectorAll('#list [role=option]:not([hidden])').length > 10")
	time.Sleep(3 * time.Second) // streets are drawn piece by piece, and the track grows
	p.shot("fleet")

	// Kill the server, and see the page recover by itself.
	s.stop(syscall.SIGKILL)
	p.until("the page notices", text("link-text")+" !== 'Live'")
	p.shot("offline")
	s.start()
	p.until("the page is live again", text("link-text")+" === 'Live'")
	p.until("units move again", "Number("+text("count-rate")+") > 100")
	if evaluate[float64](p, "window.fleet.units()") < 996 {
		t.Error("units are missing after the restart")
	}
}

func TestPhone(t *testing.T) {
	s := newServer(t)
	s.start()
	p := open(t, s.addr, 390, 844)
	p.until("all vehicles are there", "window.fleet.units() >= 996")
	p.until("nothing is wider than the screen", "document.documentElement.scrollWidth <= 390")
	p.shot("phone")
}

// TestMemory samples the page's heap, after a collection each, at five times the usual
// speed of the replay.
func TestMemory(t *testing.T) {
	s := newServer(t)
	s.start("-speed", "50")
	p := open(t, s.addr, 1440, 900)
	p.until("all vehicles are there", "window.fleet.units() >= 996")
	const samples, every = 10, 9 * time.Second
	var heap []float64
	var report []string
	for range samples {
		time.Sleep(every)
		bytes := evaluate[float64](p, "(gc(), gc(), performance.memory.usedJSHeapSize)")
		heap = append(heap, bytes)
		report = append(report, fmt.Sprintf("%.1f", bytes/1e6))
	}
	t.Logf("heap in MB, every %v: %s", every, strings.Join(report, " "))
	// The first samples are of a page that still warms up.
	early, late := mean(heap[2:5]), mean(heap[samples-3:])
	if late > early*1.15+1e6 {
		t.Errorf("the heap grew from %.1f to %.1f MB", early/1e6, late/1e6)
	}
}

func mean(all []float64) (sum float64) {
	for _, v := range all {
		sum += v
	}
	return sum / float64(len(all))
}
