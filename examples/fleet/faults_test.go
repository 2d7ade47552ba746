//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/telemetry"
)

// TestFaults is about the real program where something is wrong around it.
func TestFaults(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(open755(t), "fleet")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for name, test := range map[string]func(*testing.T, string){
		"start": testBadStarts, "read-only": testReadOnly, "locked": testLocked, "deleted": testDeleted,
		"damaged": testDamaged, "full": testDiskFull, "kill at boot": testKillAtBoot,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits more than it works
			test(t, binary)
		})
	}
}

// open755 is a folder that others may look into.
func open755(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// fails runs the program, which must end by itself: with 1, and with one line that says
// what is wrong.
func fails(t *testing.T, cmd *exec.Cmd, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // it waits for a database that others hold
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err := cmd.Run()
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	last := lines[len(lines)-1]
	if cmd.ProcessState.ExitCode() != 1 || !strings.HasPrefix(last, "fleet: ") || !strings.Contains(last, want) {
		t.Errorf("%v: %v, want 1 and %q\n%s", cmd.Args[1:], err, want, log.String())
	}
	if len(lines) > 1 && !strings.HasPrefix(log.String(), "Usage") || out.Len() > 0 || strings.Contains(log.String(), "secret") {
		t.Errorf("%v: it says more than that: %s%s", cmd.Args[1:], out.String(), log.String())
	}
}

// badly is a command that does not get far.
func badly(binary, dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, append([]string{"-addr=127.0.0.1:0", "-udp=", "-devices=", "-db=sqlite:fleet.db", "-replay=none", "-log=warn"}, args...)...)
	cmd.Dir = dir
	return cmd
}

func testBadStarts(t *testing.T, binary string) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	dir := t.TempDir()
	for _, c := range []struct{ arg, want string }{
		{"-no-such-flag", "-no-such-flag"},
		{"argument", `unexpected argument "argument"`},
		{"-speed=fast", "-speed: want a number"},
		{"-speed=NaN", "-speed: want a number"},
		{"-speed=1001", "-speed must be between"},
		{"-max-units=1e3", "-max-units: want a whole number"},
		{"-max-units=0", "-max-units must be at least 1"},
		{"-demo=maybe", "-demo: want true or false"},
		{"-log=loud", "-log"},
		{"-addr=" + tcp.Addr().String(), "is taken"},
		{"-addr=127.0.0.1:99999", "127.0.0.1:99999"},
		{"-addr=0.0.0.0:0", "can be reached by others"},
		{"-udp=" + udp.LocalAddr().String(), "cannot be listened on; is another program there?"},
		{"-udp=127.0.0.1:99999", "is no address"},
		{"-devices=" + udp.LocalAddr().String(), "cannot listen on"},
		{"-devices=127.0.0.1:99999", "127.0.0.1:99999"},
		{"-udp=fleet.example", "is no address"},
		{"-udp=fleet.example:5005", "can be reached by others"},
		{"-replay=nowhere.gpx", `there is no file "nowhere.gpx"`},
		{"-replay=.", "-replay cannot be read"},
		{"-db=", "sqlite:PATH"},
		{"-db=mysql://user:secret@host/fleet", "sqlite:PATH"},
		{"-db=sqlite:", "names no file"},
		{"-db=sqlite:no/such/fleet.db", "its folder is not there"},
		{"-db=sqlite:.", "this is not a file"},
		{"-db=sqlite:/dev/null", "this is not a file"},
		{"-db=sqlite://host/fleet.db", "on no host"},
	} {
		fails(t, badly(binary, dir, c.arg), c.want)
	}
}

// asNobody has the program run as a user who owns nothing, if it can be chosen.
func asNobody(cmd *exec.Cmd) *exec.Cmd {
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	return cmd
}

func testReadOnly(t *testing.T, binary string) {
	dir := open755(t)
	path := filepath.Join(dir, "fleet.db")
	p := launch(t, binary, dir, "-replay=none")
	p.signal(t, syscall.SIGTERM)
	p.wait(t)
	for _, c := range []struct{ file, folder os.FileMode }{{0o444, 0o777}, {0o666, 0o555}, {0, 0o777}} {
		if err := os.Chmod(path, c.file); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, c.folder); err != nil {
			t.Fatal(err)
		}
		fails(t, asNobody(badly(binary, dir)), path+": the file")
	}
	if err := os.Chmod(dir, 0o777); err != nil { // for its removal
		t.Fatal(err)
	}
}

// report sends a position to the program, and gives the status and what it says.
func (p *program) report(t *testing.T, unit string, second int) (int, string) {
	t.Helper()
	w := &world{TB: t, ctx: t.Context(), url: p.url, http: p.http}
	a := w.do("GET", fmt.Sprintf("/osmand?id=%s&lat=1&lon=2&timestamp=%d", unit, noon.Unix()+int64(second)), "")
	return a.status, a.body
}

// While another process holds the database nothing is acknowledged, and then all is well.
func testLocked(t *testing.T, binary string) {
	dir := t.TempDir()
	p := launch(t, binary, dir, "-replay=none")
	if status, body := p.report(t, "a", 0); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	other := &data.Repo{URL: "sqlite:" + filepath.Join(dir, "fleet.db")}
	if err := other.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- other.Serve(ctx) }()
	err := other.Write(ctx, func(context.Context, data.Tx) error {
		var both sync.WaitGroup
		defer both.Wait()
		both.Go(func() {
			if status, body := p.report(t, "a", 1); status < 500 {
				t.Errorf("while it is locked: %d %s", status, body)
			}
		})
		both.Go(func() { fails(t, badly(binary, dir), "another process holds the database") })
		return nil
	})
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if status, body := p.report(t, "a", 2); status != http.StatusOK {
		t.Errorf("afterwards: %d %s", status, body)
	}
	p.check(t, tracks{"a": {noon.UnixMilli(), noon.UnixMilli() + 2000}})
}

// What is written into a file that is gone would be lost, so it is not acknowledged.
func testDeleted(t *testing.T, binary string) {
	dir := t.TempDir()
	p := launch(t, binary, dir, "-replay=none")
	if status, body := p.report(t, "a", 0); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	files, err := filepath.Glob(filepath.Join(dir, "fleet.db*"))
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if err := os.Rename(f, filepath.Join(dir, strings.Replace(filepath.Base(f), "fleet", "away", 1))); err != nil {
			t.Fatal(err)
		}
	}
	acknowledged := make(tracks)
	for i := 1; i < 5; i++ {
		status, body := p.report(t, "a", i)
		if status == http.StatusOK {
			acknowledged["a"] = append(acknowledged["a"], noon.UnixMilli()+int64(i)*1000)
		} else if status != http.StatusServiceUnavailable {
			t.Errorf("without its file: %d %s", status, body)
		}
	}
	p.signal(t, syscall.SIGTERM)
	if state := p.wait(t); !state.Success() {
		t.Errorf("%v\n%s", state, p.log)
	}
	if !strings.Contains(p.log.String(), "moved or deleted") {
		t.Errorf("the log does not say what is wrong:\n%s", p.log)
	}
	p = launch(t, binary, dir, "-replay=none")
	p.check(t, acknowledged)
	if status, body := p.report(t, "a", 5); status != http.StatusOK {
		t.Errorf("after a restart: %d %s", status, body)
	}
}

func testDamaged(t *testing.T, binary string) {
	dir := t.TempDir()
	path := filepath.Join(dir, "fleet.db")
	for name, content := range map[string][]byte{
		"text":       bytes.Repeat([]byte("no database\n"), 1000),
		"binary":     bytes.Repeat([]byte{0, 0xff, 1}, 10_000),
		"a header":   append([]byte("SQLite format 3\x00"), bytes.Repeat([]byte{0xff}, 8192)...),
		"cut header": []byte("SQLite format 3\x00\x10\x00"),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		fails(t, badly(binary, dir), path+": ")
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

// When the disk is full nothing more is acknowledged, and what was is kept.
func testDiskFull(t *testing.T, binary string) {
	// A disk of its own, where the system lets us make one; or a limit for files.
	full, dir := "the disk", t.TempDir()
	script := "ulimit -f 256; exec " + binary + ` "$@"`
	for _, unshare := range []string{"unshare -m", "unshare -Urm"} {
		mount := unshare + " sh -c 'mount -t tmpfs -o size=2m none " + dir
		if exec.Command("sh", "-c", mount+"'").Run() == nil {
			full, script = "the disk is full", "exec "+mount+" && cd "+dir+" && exec "+binary+` "$@"' sh "$@"`
			break
		}
	}
	small := filepath.Join(t.TempDir(), "small")
	if err := os.WriteFile(small, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	p := launch(t, small, dir, "-replay=none")
	load, acknowledged := p.load(t, tracks{}), make(tracks)
	refused := false
	for i := 0; i < 200 || !refused; i++ {
		unit := fmt.Sprint("a-", i%3)
		status, body := p.report(t, unit, i)
		switch {
		case status == http.StatusOK:
			acknowledged[unit] = append(acknowledged[unit], noon.UnixMilli()+int64(i)*1000)
		case status == http.StatusServiceUnavailable && strings.Contains(body, "send it again"):
			refused = true
		default:
			t.Fatalf("on a small disk: %d %s", status, body)
		}
	}
	load.end()
	// Its files, as they are at this moment, are all that a restart has.
	p.signal(t, syscall.SIGSTOP)
	after := t.TempDir()
	for _, name := range []string{"fleet.db", "fleet.db-wal"} {
		from := filepath.Join("/proc", fmt.Sprint(p.cmd.Process.Pid), "root", dir, name)
		content, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(after, name), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	p.signal(t, syscall.SIGCONT)
	p.signal(t, syscall.SIGTERM)
	if state := p.wait(t); !state.Success() || !strings.Contains(p.log.String(), full) {
		t.Errorf("%v, and it does not say %q:\n%.1000s", state, full, p.log)
	}
	p = launch(t, binary, after, "-replay=none")
	p.check(t, acknowledged)
	if status, body := p.report(t, "a-0", 1e6); status != http.StatusOK {
		t.Errorf("with room again: %d %s", status, body)
	}
}

// A kill at any moment of the boot, also in a migration, leaves a database that starts.
func testKillAtBoot(t *testing.T, binary string) {
	for i := range 20 {
		dir := t.TempDir()
		for range 2 {
			cmd := badly(binary, dir)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(i) * 2 * time.Millisecond) // some moment
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		quiet := telemetry.WithLogger(t.Context(), slog.New(slog.DiscardHandler))
		repo := &data.Repo{URL: "sqlite:" + filepath.Join(dir, "fleet.db"), Migrations: migrations}
		if err := repo.Start(quiet); err != nil {
			t.Errorf("after a kill at %d ms: %v", i*2, err)
			continue
		}
		ctx, cancel := context.WithCancel(quiet)
		if _, err := (Store{repo}).Units(ctx); err != nil {
			t.Errorf("after a kill at %d ms: %v", i*2, err)
		}
		cancel()
		_ = repo.Serve(ctx)
	}
}
