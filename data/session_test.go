package data_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/token"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

var _ web.SessionStore = (*data.Sessions)(nil)

func openSessions(t *testing.T) *data.Sessions {
	t.Helper()
	s := &data.Sessions{Repo: datatest.Open(t, nil)}
	for range 2 { // a restart finds its table
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestSessionsAreKept(t *testing.T) {
	t.Parallel()
	s, ctx := openSessions(t), t.Context()
	soon := time.Now().Add(time.Hour)
	for _, text := range []string{"1", "2"} {
		if err := s.Save(ctx, "a", []byte(text), soon); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Load(ctx, "a"); err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	if err := s.Save(ctx, "old", []byte("x"), time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"old", "unknown", "' OR 1=1 --"} {
		if got, err := s.Load(ctx, name); !errors.Is(err, fault.NotFound) || len(got) != 0 {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for range 2 {
		if err := s.Delete(ctx, "a"); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Load(ctx, "a"); !errors.Is(err, fault.NotFound) {
		t.Error(err)
	}
}

func TestOldSessionsAreDeleted(t *testing.T) {
	t.Parallel()
	s := openSessions(t)
	for name, until := range map[string]time.Time{"old": time.Now(), "older": time.Now().Add(-time.Hour), "new": time.Now().Add(time.Hour)} {
		if err := s.Save(t.Context(), name, []byte("x"), until); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	count := func() (n int) {
		err := s.Repo.Read(t.Context(), func(ctx context.Context, tx data.Tx) error {
			return tx.QueryRowContext(ctx, "SELECT count(*) FROM bennu_sessions").Scan(&n)
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for count() != 1 { // it ends, or the test's time does
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := s.Load(t.Context(), "new"); err != nil {
		t.Error(err)
	}
	if err := (&data.Sessions{}).Start(t.Context()); !errors.Is(err, fault.Invalid) {
		t.Errorf("without a repo: %v", err)
	}
}

// The whole way: a browser, a cookie that holds a name alone, a row.
func TestSessionsOfTheWeb(t *testing.T) {
	t.Parallel()
	keys, err := token.NewKeys(token.Generate())
	if err != nil {
		t.Fatal(err)
	}
	const user web.SessionKey[string] = "user"
	store := openSessions(t)
	router := web.NewRouter((&web.Sessions{Keys: keys, Store: store}).Plug)
	router.Handle("POST /login", web.Action(func(c *web.Conn) error { return user.Put(c.Context(), strings.Repeat("ada", 2000)) }))
	router.Handle("GET /", web.Action(func(c *web.Conn) error {
		name, _ := user.Get(c.Context())
		return c.Text(http.StatusOK, name)
	}))
	b := webtest.New(t, router)
	if size := len(b.Post("/login", nil).Is(200).Cookie("session").Value); size > 200 {
		t.Errorf("a cookie of %d bytes", size)
	}
	if name := b.Get("/").Body; len(name) != 6000 {
		t.Errorf("%d bytes of a name", len(name))
	}
}
