package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Durable is a setting for [Start]: the server waits for the disk at each commit, as
// one in earnest does.
const Durable = "fsync=on"

// Server is a PostgreSQL server of one test. Its methods are for one goroutine.
type Server struct {
	programs string   // the folder they are in
	folder   string   // of the socket, the log and the data
	settings []string // name=value
	watcher  *exec.Cmd
	pipe     *os.File // while it is open, the watcher waits
	running  bool
}

// Start starts a server of the test's own, which ends with the test. Settings are as in
// "max_connections=20"; fsync is off unless [Durable] is among them. A test on a machine
// without PostgreSQL is skipped.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := newServer(append([]string{"fsync=off"}, settings...)...)
	var none missing
	switch {
	case errors.As(err, &none):
		t.Skip(none)
	case err != nil:
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := s.end(); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return s
}

// URL is that of the database "postgres", which is empty. It stays the same when the
// server is restarted.
func (s *Server) URL() string { return s.url("postgres") }

// Socket is the path of the Unix socket that the server listens on, for a proxy. It
// listens on nothing else.
func (s *Server) Socket() string { return filepath.Join(s.folder, ".s.PGSQL.5432") }

// Log is what the server has logged so far.
func (s *Server) Log() string {
	text, _ := os.ReadFile(s.path("log"))
	return string(text)
}

// Start starts a stopped or killed server, and returns when it takes connections.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
}

// Stop shuts the server down in good order: it cuts off its clients, and writes down
// what it has.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.stop("fast"); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
}

// Kill kills all of the server's processes at once with SIGKILL, as a machine does that
// runs out of memory.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if err := s.kill(); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
}

// Restart is Stop and Start.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	s.Start(t)
}

// newServer makes a server in a new folder and starts it.
func newServer(settings ...string) (*Server, error) {
	programs, err := findPrograms()
	if err != nil {
		return nil, err
	}
	folder, err := makeFolder()
	if err != nil {
		return nil, err
	}
	s := &Server{programs: programs, folder: folder, settings: settings}
	if err := s.watch(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	if err := errors.Join(s.init(), s.start()); err != nil {
		return nil, errors.Join(err, s.end())
	}
	return s, nil
}

// watching is what the watcher runs. It is in a session of its own, so that what ends
// the tests does not end it too. The first line of postmaster.pid is the server's id.
const watching = `
trap '' HUP INT TERM QUIT
cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ] && kill -QUIT "$pid" 2>/dev/null; then
	tries=0
	while [ -e "$1/data/postmaster.pid" ] && [ $tries -lt 50 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
fi
rm -rf "$1"
`

// watch starts the shell that clears up when this process has ended.
func (s *Server) watch() error {
	stdin, pipe, err := os.Pipe() // closed in whatever else this process starts
	if err != nil {
		return err
	}
	defer stdin.Close()
	s.watcher = exec.Command("/bin/sh", "-c", watching, "pgtest", s.folder)
	s.watcher.Dir = "/"
	s.watcher.Stdin = stdin
	detach(s.watcher)
	if err := s.watcher.Start(); err != nil {
		pipe.Close()
		return err
	}
	s.pipe = pipe
	return nil
}

// end lets the watcher do its work now.
func (s *Server) end() error {
	return errors.Join(s.pipe.Close(), s.watcher.Wait())
}

func (s *Server) init() error {
	return s.run("initdb", "-D", s.path("data"), "-U", "postgres", "--auth=trust", "--encoding=UTF8",
		"--locale=C", "--no-sync", "--no-instructions")
}

func (s *Server) start() error {
	options := []string{"-c listen_addresses=''", "-c unix_socket_permissions=0700", "-k " + s.folder}
	for _, setting := range s.settings {
		options = append(options, "-c "+setting)
	}
	err := s.run("pg_ctl", "start", "--wait", "-D", s.path("data"), "--log="+s.path("log"),
		"-o", strings.Join(options, " "))
	if err != nil {
		return fmt.Errorf("%w\n%s", err, s.Log())
	}
	s.running = true
	return s.ready()
}

// ready waits until the server takes connections: pg_ctl is also content with one that
// is still starting up.
func (s *Server) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server does not start: %w\n%s", err, s.Log())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s *Server) stop(mode string) error {
	if !s.running {
		return nil
	}
	s.running = false
	return s.run("pg_ctl", "stop", "--wait", "--mode="+mode, "-D", s.path("data"))
}

// kill stops the postmaster first, so that it cannot start another process while its
// processes are counted.
func (s *Server) kill() error {
	if !s.running {
		return nil
	}
	s.running = false
	text, err := os.ReadFile(s.path("data", "postmaster.pid"))
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	if err := suspend(pid); err != nil {
		return err
	}
	parents, err := processes()
	var family []int
	for p, parent := range parents {
		if p == pid || parent == pid {
			family = append(family, p)
			err = errors.Join(err, kill(p))
		}
	}
	for i := 0; err == nil && i < len(family); {
		if parents, err = processes(); parents[family[i]] == 0 {
			i++
		}
	}
	// Its process id may stay taken for a while, by what the system keeps of the dead.
	for _, name := range []string{"data/postmaster.pid", ".s.PGSQL.5432.lock", ".s.PGSQL.5432"} {
		err = errors.Join(err, os.Remove(s.path(name)))
	}
	return err
}

// processes gives the parent of each process that lives. It asks ps, which all systems
// have.
func processes() (map[int]int, error) {
	out, err := exec.Command("ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "stat=").Output()
	if err != nil {
		return nil, err
	}
	parents := make(map[int]int)
	for line := range strings.Lines(string(out)) {
		var pid, parent int
		var state string
		if _, err := fmt.Sscan(line, &pid, &parent, &state); err == nil && state[0] != 'Z' {
			parents[pid] = parent
		}
	}
	return parents, nil
}

// run runs one of PostgreSQL's programs to its end.
func (s *Server) run(name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// A file, since the server that pg_ctl leaves behind would keep a pipe open.
	out, err := os.CreateTemp("", "bennu-pg-out-")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd := exec.CommandContext(ctx, filepath.Join(s.programs, name), args...)
	cmd.Dir = s.folder
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	cmd.Stdout, cmd.Stderr = out, out
	detach(cmd)
	if err := lower(cmd); err != nil {
		return err
	}
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(out.Name())
		return fmt.Errorf("%s: %w\n%s", name, err, bytes.TrimSpace(text))
	}
	return nil
}

func (s *Server) path(names ...string) string {
	return filepath.Join(append([]string{s.folder}, names...)...)
}

func (s *Server) url(database string) string {
	q := url.Values{"host": {s.folder}, "sslmode": {"disable"}}
	return (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + database, RawQuery: q.Encode()}).String()
}

func randomText() string { return strings.ToLower(rand.Text()) }
