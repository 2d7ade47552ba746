package datatest

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/internal/pgtest"
)

// Each runs a test on each engine, as the subtests "sqlite" and "postgres", each with a
// started repo on a database of its own that has these migrations; nil is an empty one.
// The database is at the repo's URL, so that a test may open it a second time. The
// function may call t.Parallel.
//
// Where there is no PostgreSQL its subtest is skipped, and says what to do.
func Each(t *testing.T, migrations fs.FS, fn func(t *testing.T, repo *data.Repo)) {
	t.Helper()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			repo := &data.Repo{URL: e.migrated(t, migrations), Migrations: migrations}
			Start(t, repo)
			fn(t, repo)
		})
	}
}

// EachURL is [Each] with the URL of an empty database, for a test that makes its own repos.
func EachURL(t *testing.T, fn func(t *testing.T, url string)) {
	t.Helper()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) { fn(t, e.empty(t)) })
	}
}

var engines = []struct {
	name     string
	empty    func(testing.TB) string        // the URL of a new database
	migrated func(testing.TB, fs.FS) string // or of a copy of one that has the migrations
}{
	{"sqlite", newFile, copiedFile},
	{"postgres", pgtest.URL, copiedDatabase},
}

func newFile(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

func copiedFile(t testing.TB, migrations fs.FS) string {
	t.Helper()
	url := newFile(t)
	if migrations == nil {
		return url
	}
	from := templateOf(t, data.SQLite, migrations, func(have *template) {
		made := newFile(t)
		migrate(t, made, migrations)
		var err error
		if have.file, err = os.ReadFile(strings.TrimPrefix(made, "sqlite:")); err != nil {
			t.Fatalf("datatest: %v", err)
		}
	})
	if err := os.WriteFile(strings.TrimPrefix(url, "sqlite:"), from.file, 0o600); err != nil {
		t.Fatalf("datatest: %v", err)
	}
	return url
}

func copiedDatabase(t testing.TB, migrations fs.FS) string {
	t.Helper()
	if migrations == nil {
		return pgtest.URL(t)
	}
	from := templateOf(t, data.Postgres, migrations, func(have *template) {
		if made, ok := pgtest.Template(t); ok {
			migrate(t, made, migrations)
			have.database = pgtest.Name(made)
		}
	})
	if from.database == "" { // on a server that is not ours each test migrates its own
		return pgtest.URL(t)
	}
	return pgtest.Copy(t, from.database)
}

// template is a database that has been migrated and is copied, so that migrations run
// but once in a test binary.
type template struct {
	sync.Mutex
	made     bool
	file     []byte // SQLite's, which leaves nothing behind in memory
	database string // PostgreSQL's
}

// The templates of this test binary. A test has no other place for what all tests share.
var templates sync.Map // templateKey → *template

type templateKey struct {
	engine     data.Engine
	migrations string
}

// templateOf gives the template for these migrations, made if it is missing. A test that
// ends while it makes one leaves it to the next.
func templateOf(t testing.TB, engine data.Engine, migrations fs.FS, make func(*template)) *template {
	t.Helper()
	found, _ := templates.LoadOrStore(templateKey{engine, fingerprint(t, migrations)}, new(template))
	from := found.(*template)
	from.Lock()
	defer from.Unlock()
	if !from.made {
		make(from)
		from.made = true
	}
	return from
}

// fingerprint tells migrations from others by all they have.
func fingerprint(t testing.TB, migrations fs.FS) string {
	t.Helper()
	sum := sha256.New()
	err := fs.WalkDir(migrations, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(migrations, path)
		fmt.Fprintf(sum, "%q %q\n", path, text)
		return err
	})
	if err != nil {
		t.Fatalf("datatest: the migrations cannot be read: %v", err)
	}
	return string(sum.Sum(nil))
}

// migrate brings a database up to date, and leaves it.
func migrate(t testing.TB, url string, migrations fs.FS) {
	t.Helper()
	stop := start(t, &data.Repo{URL: url, Migrations: migrations})
	if err := stop(); err != nil {
		t.Fatalf("datatest: %v", err)
	}
}
