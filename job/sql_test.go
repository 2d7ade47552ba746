package job

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/internal/pgtest"
	"github.com/bennu-go/bennu/token"
)

// FuzzText has the engines read what writeText quotes.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a", "it's", "''", `\'; DROP TABLE x; --`, "?", "$1", "\x00", "\xff", "é\n\u2028", "\\"} {
		f.Add(s)
	}
	repos := []*data.Repo{datatest.Open(f, nil)}
	if !testing.Short() {
		repo := &data.Repo{URL: pgtest.URL(f)}
		datatest.Start(f, repo)
		repos = append(repos, repo)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
		for _, repo := range repos {
			var got sql.NullString
			err := repo.Read(t.Context(), func(ctx context.Context, tx data.Tx) error {
				return query(ctx, tx, statement("SELECT ", text(s)), func(r *sql.Rows) error { return r.Scan(&got) })
			})
			if err != nil || got.String != want || got.Valid != (s != "") || !utf8.ValidString(got.String) {
				t.Errorf("%s: %q comes back as %q (%v)", repo.Engine(), s, got.String, err)
			}
		}
	})
}

// FuzzUnseal reads what is not sealed arguments.
func FuzzUnseal(f *testing.F) {
	keys, err := token.NewKeys(token.Generate())
	if err != nil {
		f.Fatal(err)
	}
	good, err := seal(keys, "a", []byte(`{"n":1}`))
	if err != nil {
		f.Fatal(err)
	}
	if args, err := unseal(keys, "a", good); err != nil || string(args) != `{"n":1}` {
		f.Fatalf("it comes back as %s (%v)", args, err)
	}
	if _, err := unseal(keys, "b", good); err == nil {
		f.Error("arguments of another job can be read")
	}
	for _, s := range []string{good, "", "$", "$.", "$a.b", good[:len(good)-1], good + "A", strings.Replace(good, ".", "", 1)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if args, err := unseal(keys, "a", s); err == nil && s != good && string(args) != `{"n":1}` {
			t.Errorf("%q is read as %s", s, args)
		}
	})
}
