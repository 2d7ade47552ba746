package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Env is the environment variable with the URL of a server to use.
const Env = "BENNU_POSTGRES"

// patience is how long one thing that is asked of a server may take.
const patience = time.Minute

// The server of this test binary. A test has no other place for what all tests share.
var shared struct {
	sync.Mutex
	tried  bool
	server *Server // nil if it is that of Env; what is not referred to would be closed
	url    string  // of the database that commands are given to
	err    error
}

// URL makes an empty database on the test binary's server, and drops it when the test
// ends, together with the connections that are still open to it.
func URL(t testing.TB) string {
	t.Helper()
	return Copy(t, "template0")
}

// Copy is a [URL] with a copy of another database of the same server in it, to which
// nobody may be connected. The template is the name of that database (see [Name]).
func Copy(t testing.TB, template string) string {
	t.Helper()
	server := need(t)
	name := newName()
	if err := create(server, name, template); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := Drop(server, name); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return at(server, name)
}

// Template makes an empty database that outlives the test, for [Copy]. It is not ok on
// the server of [Env], where nobody would drop it.
func Template(t testing.TB) (url string, ok bool) {
	t.Helper()
	server := need(t)
	if shared.server == nil {
		return "", false
	}
	name := newName()
	if err := create(server, name, "template0"); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return at(server, name), true
}

// Drop drops a database of the server that a URL leads to.
func Drop(server, name string) error {
	// FORCE ends the connections of programs that the test has killed.
	return Exec(server, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
}

// Name is the name of the database in a URL.
func Name(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(u.Path, "/")
}

// Exec runs one statement, outside of a transaction, on a connection of its own.
func Exec(server, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// need gives the URL of the test binary's server, starting it if need be.
func need(t testing.TB) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if !shared.tried {
		shared.tried = true
		shared.server, shared.url, shared.err = share()
	}
	var none missing
	switch {
	case errors.As(shared.err, &none):
		t.Skip(none)
	case shared.err != nil:
		t.Fatalf("pgtest: %v", shared.err)
	}
	return shared.url
}

func share() (*Server, string, error) {
	if given := os.Getenv(Env); given != "" {
		if err := Exec(given, "SELECT 1"); err != nil {
			return nil, "", fmt.Errorf("the server that %s names: %w", Env, err)
		}
		return nil, given, nil
	}
	s, err := newServer("fsync=off")
	if err != nil {
		return nil, "", err
	}
	return s, s.URL(), nil
}

func create(server, name, template string) error {
	return Exec(server, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s",
		pgx.Identifier{name}.Sanitize(), pgx.Identifier{template}.Sanitize()))
}

// newName is the name of a database that no other test has, nor another test binary on
// the same server.
func newName() string {
	return "bennu_test_" + randomText()
}

// at is the URL of another database of the same server.
func at(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(err) // it was connected to
	}
	u.Path = "/" + name
	return u.String()
}
