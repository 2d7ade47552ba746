package pgtest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/internal/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func query[T any](t *testing.T, url, sql string) (v T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func exec1(t *testing.T, url, sql string) {
	t.Helper()
	if err := pgtest.Exec(url, sql); err != nil {
		t.Fatal(err)
	}
}

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	for i := range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			url := pgtest.URL(t)
			exec1(t, url, "CREATE TABLE a (x INT)")
			exec1(t, url, fmt.Sprintf("INSERT INTO a VALUES (%d)", i))
			if x := query[int](t, url, "SELECT sum(x)::int FROM a"); x != i {
				t.Errorf("got %d, want %d", x, i)
			}
		})
	}
}

func TestDatabaseIsDropped(t *testing.T) {
	var gone string
	t.Run("inner", func(t *testing.T) {
		gone = pgtest.URL(t)
		left, err := pgx.Connect(context.Background(), gone) // and never closed by its owner
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { left.Close(context.Background()) })
	})
	other := pgtest.URL(t)
	if n := query[int](t, other, "SELECT count(*)::int FROM pg_database WHERE datname = '"+pgtest.Name(gone)+"'"); n != 0 {
		t.Error("it is still there")
	}
}

func TestCopy(t *testing.T) {
	template, ok := pgtest.Template(t)
	if !ok {
		t.Skip("nothing is left on a server that is not ours")
	}
	exec1(t, template, "CREATE TABLE a AS SELECT 7 AS x")
	for range 2 {
		url := pgtest.Copy(t, pgtest.Name(template))
		if x := query[int](t, url, "SELECT x FROM a"); x != 7 {
			t.Errorf("got %d", x)
		}
		exec1(t, url, "UPDATE a SET x = 8")
	}
	if err := pgtest.Drop(template, pgtest.Name(template)); err == nil {
		t.Error("a database drops itself")
	}
	if err := pgtest.Drop(pgtest.URL(t), pgtest.Name(template)); err != nil {
		t.Error(err)
	}
}

func TestServerComesBackWithWhatItHad(t *testing.T) {
	s := pgtest.Start(t)
	url := s.URL()
	if on := query[string](t, url, "SHOW fsync"); on != "off" {
		t.Errorf("fsync is %s", on)
	}
	exec1(t, url, "CREATE TABLE a (x INT)")
	for i, fall := range []func(testing.TB){s.Stop, s.Kill} {
		exec1(t, url, "INSERT INTO a VALUES (1)")
		fall(t)
		if err := pgtest.Exec(url, "SELECT 1"); err == nil {
			t.Error("it still answers")
		}
		fall(t) // a second time does nothing
		s.Start(t)
		if n := query[int](t, url, "SELECT count(*)::int FROM a"); n != i+1 {
			t.Errorf("%d rows, want %d", n, i+1)
		}
	}
	s.Restart(t)
	if s.URL() != url || query[int](t, url, "SELECT 1") != 1 {
		t.Error("it moved")
	}
}

func TestSettings(t *testing.T) {
	s := pgtest.Start(t, pgtest.Durable, "max_connections=7")
	if on := query[string](t, s.URL(), "SHOW fsync"); on != "on" {
		t.Errorf("fsync is %s", on)
	}
	if n := query[string](t, s.URL(), "SHOW max_connections"); n != "7" {
		t.Errorf("max_connections is %s", n)
	}
}

func TestFolderGoesWithTheTest(t *testing.T) {
	var socket string
	t.Run("inner", func(t *testing.T) {
		s := pgtest.Start(t)
		socket = s.Socket()
		if _, err := os.Stat(socket); err != nil {
			t.Error(err)
		}
	})
	if _, err := os.Stat(strings.TrimSuffix(socket, "/.s.PGSQL.5432")); !os.IsNotExist(err) {
		t.Errorf("the folder: %v", err)
	}
}

// TestChild is run in a test binary that is killed: it says where its server is, and
// waits.
func TestChild(t *testing.T) {
	if os.Getenv("PGTEST_CHILD") == "" {
		return // it is the other process of TestServerEndsWithTheBinary
	}
	s := pgtest.Start(t)
	fmt.Println("folder", strings.TrimSuffix(s.Socket(), "/.s.PGSQL.5432"))
	fmt.Println("url", s.URL())
	io.Copy(io.Discard, os.Stdin)
}

// TestServerEndsWithTheBinary kills a test binary with SIGKILL.
func TestServerEndsWithTheBinary(t *testing.T) {
	pgtest.Start(t) // skips if there is none
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$", "-test.v")
	cmd.Env = append(os.Environ(), "PGTEST_CHILD=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var folder, url string
	for lines := bufio.NewScanner(out); url == "" && lines.Scan(); {
		fmt.Sscanf(lines.Text(), "folder %s", &folder)
		fmt.Sscanf(lines.Text(), "url %s", &url)
	}
	if err := pgtest.Exec(url, "SELECT 1"); err != nil {
		t.Error(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	deadline := time.Now().Add(10 * time.Second)
	for {
		if _, err := os.Stat(folder); os.IsNotExist(err) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the folder is still there")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := pgtest.Exec(url, "SELECT 1"); err == nil {
		t.Error("it still answers")
	}
}
