package data

import (
	"net/url"
	"path/filepath"
	"testing"

	"github.com/bennu-go/bennu/fault"
)

func FuzzURL(f *testing.F) {
	for _, seed := range []string{"sqlite:fleet.db", "sqlite:/a b?c#d%20e", "sqlite::memory:", "sqlite:///a", "mysql:x", "sqlite:\xff&mode=memory"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		at, err := parseURL(raw)
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Errorf("%q: %v", raw, err)
			}
			return
		}
		for _, as := range []role{writing, reading, migrating} {
			dsn, err := url.Parse(at.dsn(as))
			if err != nil || dsn.Path != filepath.ToSlash(at.path) || dsn.Fragment != "" {
				t.Errorf("%q opens %v, %v", at.path, dsn, err)
				continue
			}
			if q := dsn.Query(); q.Has("mode") || at.memory != (q.Get("vfs") == "memdb") {
				t.Errorf("%q: a path got into the options: %v", raw, q)
			}
		}
	})
}
