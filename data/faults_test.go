package data_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/pgtest"
)

// soon is when a fault is to be over, or noticed, on a busy machine.
const soon = time.Minute

// proxy is a network between the program and a server, which has its bad days.
type proxy struct {
	URL string // of the database behind it

	network, address string
	listener         net.Listener
	hold             sync.RWMutex // held: nothing goes through
	delay            atomic.Int64 // of each packet, in ns
	all              sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
}

func newProxy(t *testing.T, database string) *proxy {
	t.Helper()
	config, err := pgconn.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{conns: make(map[net.Conn]bool)}
	p.network, p.address = pgconn.NetworkAddress(config.Host, config.Port)
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.URL = (&url.URL{Scheme: "postgres", User: url.UserPassword(config.User, config.Password), Host: p.listener.Addr().String(),
		Path: "/" + config.Database, RawQuery: "sslmode=disable"}).String()
	p.all.Go(p.accept)
	t.Cleanup(func() {
		p.listener.Close()
		p.cut()
		p.all.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial(p.network, p.address)
		if err != nil {
			near.Close()
			continue
		}
		p.mu.Lock()
		p.conns[near], p.conns[far] = true, true
		p.mu.Unlock()
		p.all.Go(func() { p.carry(near, far) })
		p.all.Go(func() { p.carry(far, near) })
	}
}

func (p *proxy) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	packet := make([]byte, 64<<10)
	for {
		n, err := from.Read(packet)
		if err != nil {
			return
		}
		if d := time.Duration(p.delay.Load()); d > 0 {
			<-time.After(d)
		}
		p.hold.RLock()
		_, err = to.Write(packet[:n])
		p.hold.RUnlock()
		if err != nil {
			return
		}
	}
}

// stall lets nothing through until it is resumed, and breaks nothing.
func (p *proxy) stall() (resume func()) {
	p.hold.Lock()
	return sync.OnceFunc(p.hold.Unlock)
}

// cut breaks all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
		delete(p.conns, c)
	}
}

// onPostgres starts a repo with a table "a" of numbers.
func onPostgres(t *testing.T, url string, connections int) *data.Repo {
	t.Helper()
	repo := &data.Repo{URL: url, Connections: connections, Drain: time.Second}
	serve(t, repo)
	err := repo.Write(t.Context(), func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewRaw("CREATE TABLE IF NOT EXISTS a (x BIGINT PRIMARY KEY)").Exec(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

func addNumber(ctx context.Context, repo *data.Repo, x int64) error {
	return repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewRaw("INSERT INTO a VALUES (?)", x).Exec(ctx)
		return err
	})
}

// number is a row of that table.
type number struct {
	bun.BaseModel `bun:"table:a"`

	X int64 `bun:",pk"`
}

// numbers reads them all; a connection in the pool may still be a broken one.
func numbers(t *testing.T, repo *data.Repo) (all []int64) {
	t.Helper()
	eventually(t, "a read", func() error {
		return repo.Read(t.Context(), func(ctx context.Context, tx data.Tx) error {
			return tx.NewRaw("SELECT x FROM a ORDER BY x").Scan(ctx, &all)
		})
	})
	return all
}

// eventually asks again while the database is unavailable. Any other error is one.
func eventually(t *testing.T, what string, ask func() error) {
	t.Helper()
	for end := time.Now().Add(soon); ; {
		err := ask()
		switch {
		case err == nil:
			return
		case fault.Of(err) != fault.Unavailable:
			t.Errorf("%s: %v (%v)", what, err, fault.Of(err))
			return
		case time.Now().After(end):
			t.Errorf("%s: still %v", what, err)
			return
		}
	}
}

// load is writers that go on whatever happens.
type load struct {
	stop   chan struct{}
	all    sync.WaitGroup
	next   atomic.Int64
	wrote  atomic.Int64
	mu     sync.Mutex
	acked  []int64
	strays []error // that are not fault.Unavailable
}

func newLoad(repo *data.Repo, writers int) *load {
	l := &load{stop: make(chan struct{})}
	for range writers {
		l.all.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				x := l.next.Add(1)
				var err error
				if x%2 == 0 {
					err = addNumber(context.Background(), repo, x)
				} else { // without a transaction around it
					err = data.Insert(context.Background(), repo, &number{X: x})
				}
				l.mu.Lock()
				switch {
				case err == nil:
					l.wrote.Add(1)
					l.acked = append(l.acked, x)
				case fault.Of(err) != fault.Unavailable:
					l.strays = append(l.strays, err)
				}
				l.mu.Unlock()
			}
		})
	}
	return l
}

// more waits until so many more are written.
func (l *load) more(t *testing.T, n int64) {
	t.Helper()
	until := l.wrote.Load() + n
	for end := time.Now().Add(soon); l.wrote.Load() < until; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Error("nothing is written any more")
			return
		}
	}
}

func (l *load) end(t *testing.T, repo *data.Repo) {
	t.Helper()
	close(l.stop)
	l.all.Wait()
	there := numbers(t, repo)
	lost := 0
	for _, x := range l.acked {
		if _, ok := slices.BinarySearch(there, x); !ok {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d that were acknowledged are lost", lost, len(l.acked))
	}
	if len(l.strays) > 0 {
		t.Errorf("%d errors that are not Unavailable, such as: %v (%v)", len(l.strays), l.strays[0], fault.Of(l.strays[0]))
	}
}

func TestPostgresFailsUnderLoad(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	network := newProxy(t, server.URL())
	for _, c := range []struct {
		name string
		url  string
		fail func(testing.TB)
	}{
		{"restarted", server.URL(), server.Restart},
		{"killed", server.URL(), func(t testing.TB) { server.Kill(t); server.Start(t) }},
		{"its processes ended", server.URL(), func(t testing.TB) {
			err := pgtest.Exec(server.URL(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")
			if err != nil {
				t.Error(err)
			}
		}},
		{"its network cut", network.URL, func(testing.TB) { network.cut() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := pgtest.Exec(server.URL(), "DROP TABLE IF EXISTS a"); err != nil {
				t.Fatal(err)
			}
			repo := onPostgres(t, c.url, 4)
			l := newLoad(repo, 8)
			for range 2 {
				l.more(t, 100)
				c.fail(t)
			}
			l.more(t, 100)
			l.end(t, repo)
		})
	}
}

// TestNothingIsSentTwice cuts connections while rows are inserted by statements without a
// transaction, which nothing but their number tells apart.
func TestNothingIsSentTwice(t *testing.T) {
	t.Parallel()
	database := pgtest.URL(t)
	if err := pgtest.Exec(database, "CREATE TABLE a (x BIGINT)"); err != nil {
		t.Fatal(err)
	}
	network := newProxy(t, database)
	repo := onPostgres(t, network.URL, 8)
	var next atomic.Int64
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = data.Insert(context.Background(), repo, &number{X: next.Add(1)})
				}
			}
		})
	}
	for range 30 {
		until := next.Load() + 20
		for end := time.Now().Add(soon); next.Load() < until && time.Now().Before(end); <-time.After(time.Millisecond) {
		}
		network.cut()
	}
	close(stop)
	all.Wait()
	there := numbers(t, repo)
	if twice := len(there) - len(slices.Compact(slices.Clone(there))); twice > 0 {
		t.Errorf("%d of %d rows are there twice", twice, len(there))
	}
}

func TestPostgresIsDown(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	repo := onPostgres(t, server.URL(), 2)
	server.Stop(t)

	began := time.Now()
	down := &data.Repo{URL: server.URL()}
	wantFault(t, down.Start(t.Context()), fault.Unavailable, "cannot be reached: check that it runs")
	wantFault(t, addNumber(t.Context(), repo, 1), fault.Unavailable)
	wantFault(t, repo.Health(t.Context()), fault.Unavailable)
	if took := time.Since(began); took > soon/6 {
		t.Errorf("it took %v to say so", took)
	}

	server.Start(t)
	eventually(t, "a write", func() error { return addNumber(t.Context(), repo, 2) })
	eventually(t, "health", func() error { return repo.Health(t.Context()) })
	if all := numbers(t, repo); !slices.Equal(all, []int64{2}) {
		t.Errorf("it has %v", all)
	}
	serve(t, down) // the one that could not start
}

func TestPostgresRefuses(t *testing.T) {
	t.Parallel()
	base := pgtest.URL(t)
	with := func(change func(*url.URL, url.Values)) string {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		change(u, q)
		u.RawQuery = q.Encode()
		return u.String()
	}
	for _, c := range []struct {
		url  string
		text string
	}{
		{with(func(u *url.URL, _ url.Values) { u.Path = "/bennu_nowhere" }), "there is no such database: make it with CREATE DATABASE"},
		{with(func(u *url.URL, _ url.Values) { u.User = url.UserPassword("bennu_nobody", "hunter2") }), "check user and password"},
	} {
		err := (&data.Repo{URL: c.url}).Start(t.Context())
		wantFault(t, err, fault.Unavailable, c.text)
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("it says %q", err)
		}
	}

	onPostgres(t, base, 1)
	replica := with(func(_ *url.URL, q url.Values) { q.Set("default_transaction_read_only", "on") })
	repo := &data.Repo{URL: replica}
	serve(t, repo)
	wantFault(t, addNumber(t.Context(), repo, 1), fault.Unavailable, "the database takes no writes: is it a replica?")
}

// A database that reads backslashes in texts would read more than was written.
func TestPostgresThatReadsTextsDifferently(t *testing.T) {
	url := pgtest.URL(t)
	for _, setting := range []string{"standard_conforming_strings = off", "client_encoding = 'LATIN1'"} {
		if err := pgtest.Exec(url, "ALTER DATABASE "+pgtest.Name(url)+" SET "+setting); err != nil {
			t.Fatal(err)
		}
	}
	repo := onPostgres(t, url, 1)
	for _, want := range []string{`\`, `\' OR TRUE --`, "é"} {
		var got string
		err := repo.Read(t.Context(), func(ctx context.Context, tx data.Tx) error {
			return tx.NewRaw("SELECT ?", want).Scan(ctx, &got)
		})
		if err != nil || got != want {
			t.Errorf("%q comes back as %q (%v)", want, got, err)
		}
	}
}

func TestPostgresHasNoMoreConnections(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, "max_connections=5", "superuser_reserved_connections=0")
	first := onPostgres(t, server.URL(), 5)
	// Five at once hold them all.
	var inside, all sync.WaitGroup
	release := make(chan struct{})
	inside.Add(5)
	for range 5 {
		all.Go(func() {
			err := first.Read(t.Context(), func(ctx context.Context, tx data.Tx) error {
				inside.Done()
				<-release
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	inside.Wait()
	second := &data.Repo{URL: server.URL()}
	wantFault(t, second.Start(t.Context()), fault.Unavailable, "takes no more connections: lower Connections or raise max_connections")
	close(release)
	all.Wait()
}

// TestSlowNetwork stalls the network at each step of a transaction: whoever asks with a
// deadline has an answer by then, and everything works when the network does again.
func TestSlowNetwork(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		when func(step string) bool
	}{
		{"before it begins", func(step string) bool { return step == "begin" }},
		{"before a statement", func(step string) bool { return step == "statement" }},
		{"before the commit", func(step string) bool { return step == "commit" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			network := newProxy(t, pgtest.URL(t))
			repo := onPostgres(t, network.URL, 1)
			resume := func() {}
			stall := func(step string) {
				if c.when(step) {
					resume = network.stall()
				}
			}
			defer func() { resume() }()

			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			answer := make(chan error, 1)
			stall("begin")
			go func() {
				answer <- repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
					stall("statement")
					_, err := tx.NewRaw("INSERT INTO a VALUES (1)").Exec(ctx)
					stall("commit")
					return err
				})
			}()
			select {
			case err := <-answer:
				if kind := fault.Of(err); kind != fault.Timeout && kind != fault.Unavailable {
					t.Errorf("the answer is %v (%v)", err, kind)
				}
			case <-time.After(10 * time.Second):
				t.Error("no answer within 10 s, with a deadline of 300 ms")
				resume()
				<-answer
			}
			resume()
			eventually(t, "a write", func() error { return addNumber(t.Context(), repo, 2) })
		})
	}
}

func TestSlowServer(t *testing.T) {
	t.Parallel()
	repo := onPostgres(t, pgtest.URL(t), 1)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewRaw("SELECT pg_sleep(60)").Exec(ctx)
		return err
	})
	wantFault(t, err, fault.Timeout, "took too long")
	if took := time.Since(began); took > soon/6 {
		t.Errorf("it took %v", took)
	}
	eventually(t, "a write", func() error { return addNumber(t.Context(), repo, 1) })
}

func TestFarServer(t *testing.T) {
	t.Parallel()
	network := newProxy(t, pgtest.URL(t))
	network.delay.Store(int64(5 * time.Millisecond))
	repo := onPostgres(t, network.URL, 4)
	var all sync.WaitGroup
	for x := range 20 {
		all.Go(func() {
			if err := addNumber(t.Context(), repo, int64(x)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(numbers(t, repo)); n != 20 {
		t.Errorf("%d rows", n)
	}
}

func TestServerThatSaysNothing(t *testing.T) {
	t.Parallel()
	network := newProxy(t, pgtest.URL(t))
	resume := network.stall()
	defer resume()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := (&data.Repo{URL: network.URL}).Start(ctx)
	if kind := fault.Of(err); kind != fault.Timeout && kind != fault.Unavailable {
		t.Errorf("got %v (%v)", err, kind)
	}
	err = (&data.Repo{URL: network.URL + "&connect_timeout=1"}).Start(t.Context())
	wantFault(t, err, fault.Unavailable, "cannot be reached")
}

// TestDamagedFile damages each part of a file in turn: what it had is there, or there is
// an error that says what to do.
func TestDamagedFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	whole := filepath.Join(folder, "whole.db")
	repo := &data.Repo{URL: "sqlite:" + whole, Migrations: migrations}
	stop := serve(t, repo)
	for i := range 2000 {
		if i%500 == 0 {
			stop()
			stop = serve(t, repo)
		}
		if err := insert(repo, fmt.Sprintf("unit %d %0100d", i, i)); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	content, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}

	read := func(t *testing.T, content []byte) (n int, err error) {
		path := filepath.Join(t.TempDir(), "fleet.db")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations}
		if err := repo.Start(t.Context()); err != nil {
			return 0, err
		}
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- repo.Serve(ctx) }()
		defer func() { cancel(); <-served }()
		var all []Position
		err = repo.Read(t.Context(), func(ctx context.Context, tx data.Tx) error {
			return tx.NewSelect().Model(&all).Scan(ctx)
		})
		return len(all), err
	}
	damaged := func(from, to int) []byte {
		bad := slices.Clone(content)
		for i := from; i < to; i++ {
			bad[i] ^= 0x5a
		}
		return bad
	}

	if n, err := read(t, content); n != 2000 || err != nil {
		t.Fatalf("whole, it gives %d rows and %v", n, err)
	}
	_, err = read(t, damaged(0, 100))
	wantFault(t, err, fault.Invalid, "the file is not a database")
	const page = 4096
	_, err = read(t, damaged(page*10, page*20))
	wantFault(t, err, fault.Internal, "the database file is damaged: put back a copy")
	_, err = read(t, content[:len(content)/2])
	wantFault(t, err, fault.Internal, "the database file is damaged: put back a copy")
	for at := 0; at+page < len(content); at += 7 * page {
		if n, err := read(t, damaged(at, at+page)); err == nil && n != 2000 {
			t.Errorf("damaged at %d it gives %d rows and no error", at, n)
		}
	}
}

// TestWriter is another process of the tests of several, which writes from many goroutines
// as fast as it goes. It says "ready", and what it has written, and ends with its input.
func TestWriter(t *testing.T) {
	t.Parallel()
	path := os.Getenv("BENNU_DATA_TEST_WRITER")
	if path == "" {
		return // it is the other process of other tests
	}
	repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations}
	serve(t, repo)
	fmt.Println("ready")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	var all sync.WaitGroup
	for g := range atOnce {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				unit := fmt.Sprintf("theirs-%d-%d", g, i)
				if err := insert(repo, unit); err != nil {
					fmt.Printf("failed %v\n", err)
					return
				}
				os.Stdout.WriteString("wrote " + unit + "\n") // at once
			}
		})
	}
	all.Wait()
}

// otherProcess is a running TestWriter.
type otherProcess struct {
	cmd   *exec.Cmd
	stdin io.Closer
	done  chan struct{} // closed when all is read from it

	mu     sync.Mutex
	wrote  []string
	failed []string
}

func newOtherProcess(t *testing.T, path string) *otherProcess {
	t.Helper()
	p := &otherProcess{cmd: exec.Command(os.Args[0], "-test.run=^TestWriter$"), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "BENNU_DATA_TEST_WRITER="+path)
	p.cmd.Stderr = os.Stderr
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "ready" {
	}
	go p.read(lines)
	t.Cleanup(func() { p.cmd.Process.Kill(); p.end() })
	return p
}

func (p *otherProcess) read(lines *bufio.Scanner) {
	defer close(p.done)
	for lines.Scan() {
		p.mu.Lock()
		if unit, ok := strings.CutPrefix(lines.Text(), "wrote "); ok {
			p.wrote = append(p.wrote, unit)
		} else if text, ok := strings.CutPrefix(lines.Text(), "failed "); ok {
			p.failed = append(p.failed, text)
		}
		p.mu.Unlock()
	}
}

// more waits until it has written so many.
func (p *otherProcess) more(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(soon); ; <-time.After(time.Millisecond) {
		p.mu.Lock()
		wrote := len(p.wrote)
		p.mu.Unlock()
		if wrote >= n {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the other process does not write")
		}
	}
}

// end gives what it has written, and what failed.
func (p *otherProcess) end() (wrote, failed []string) {
	p.stdin.Close()
	<-p.done
	p.cmd.Wait()
	return p.wrote, p.failed
}

const atOnce = 64

func wantAll(t *testing.T, repo *data.Repo, wrote []string) {
	t.Helper()
	there := make(map[string]int)
	for _, unit := range units(t, repo) {
		there[unit]++
	}
	for _, unit := range wrote {
		if there[unit] != 1 {
			t.Errorf("%s, which was acknowledged, is there %d times", unit, there[unit])
		}
	}
}

// TestKilledUnderLoad kills a process many of whose Writes share a commit.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	var wrote []string
	for i := range 3 {
		other := newOtherProcess(t, path)
		other.more(t, 500)
		other.cmd.Process.Kill()
		now, failed := other.end()
		if len(failed) > 0 {
			t.Errorf("round %d: %s", i, failed[0])
		}
		wrote = append(wrote, now...)
		// The next one writes the same units again.
		repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations}
		stop := serve(t, repo)
		wantAll(t, repo, now)
		err := repo.Write(t.Context(), func(ctx context.Context, tx data.Tx) error {
			_, err := tx.NewRaw("DELETE FROM positions").Exec(ctx)
			return err
		})
		if err != nil {
			t.Error(err)
		}
		stop()
	}
	if len(wrote) < 1500 {
		t.Errorf("%d were written", len(wrote))
	}
}

// TestTwoProcessesOnOneFile has one process write as fast as it goes. The other gets its
// turn too.
func TestTwoProcessesOnOneFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations}
	serve(t, repo)
	other := newOtherProcess(t, path)
	other.more(t, 100)
	var ours []string
	var longest time.Duration
	for began := time.Now(); len(ours) < 20; <-time.After(10 * time.Millisecond) {
		unit := fmt.Sprint("ours-", len(ours))
		start := time.Now()
		if err := insert(repo, unit); err != nil {
			t.Errorf("ours, after %v: %v", time.Since(start), err)
			break
		}
		longest = max(longest, time.Since(start))
		ours = append(ours, unit)
		if time.Since(began) > soon {
			t.Errorf("%d writes in %v, the longest took %v", len(ours), soon, longest)
			break
		}
	}
	t.Logf("the longest took %v", longest)
	theirs, failed := other.end()
	if len(failed) > 0 {
		t.Errorf("theirs: %s", failed[0])
	}
	wantAll(t, repo, append(ours, theirs...))
}

// TestTwoBusyProcessesOnOneFile has both write as fast as they go.
func TestTwoBusyProcessesOnOneFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	var others []*otherProcess
	for range 2 {
		others = append(others, newOtherProcess(t, path))
	}
	for _, other := range others {
		other.more(t, 500)
	}
	for _, other := range others {
		if wrote, failed := other.end(); len(failed) > 0 {
			t.Errorf("after %d: %s", len(wrote), failed[0])
		}
	}
}
