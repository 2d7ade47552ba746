package data

import (
	"crypto/rand"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/bennu-go/bennu/fault"
)

// address is a parsed URL: a file, or a name in this process's memory.
type address struct {
	memory bool
	path   string
}

func parseURL(raw string) (address, error) {
	// The text itself stays out of errors: a URL may hold a password.
	scheme, path, _ := strings.Cut(raw, ":")
	switch {
	case scheme != "sqlite":
		return address{}, fault.Invalid.Errorf("the database URL is to be sqlite:PATH, sqlite::memory: or postgres://user:password@host:5432/database")
	case path == ":memory:":
		return address{memory: true, path: "/bennu-" + rand.Text()}, nil
	case path == "":
		return address{}, fault.Invalid.Errorf("the database URL names no file: write sqlite:PATH")
	case strings.ContainsRune(path, 0):
		return address{}, fault.Invalid.Errorf("the path of the database has a zero byte in it")
	case strings.HasPrefix(path, "//") && !strings.HasPrefix(path, "///"):
		return address{}, fault.Invalid.Errorf("a database file is on no host: write sqlite:PATH, without the //")
	}
	abs, err := filepath.Abs(path) // a later chdir must not change what is opened
	if err != nil {
		return address{}, fault.Unavailable.Wrap(err, "the working directory cannot be read")
	}
	return address{path: abs}, nil
}

// role is what a connection is for.
type role int

const (
	writing role = iota
	reading
	migrating // a writer that leaves foreign keys to the end
)

// dsn is how the driver is told. It is a URI, so that every character of a path
// can be written. The pragmas are in it because they belong to the connection, and
// the pool opens connections when it likes.
func (a address) dsn(as role) string {
	q := url.Values{
		"_busy_timeout": {"5000"}, // ms
		"_dqs":          {"0"},    // "x" is a name, never a text, as everywhere else
		"_error_rc":     {"1"},    // no messages left over from something else
	}
	if a.memory {
		q.Set("vfs", "memdb")
	}
	if as == reading {
		q.Set("_query_only", "1")
	} else {
		if as == writing && !a.memory {
			q.Set("_busy_timeout", "1") // see begin
		}
		// A transaction that takes its lock only at the first write fails at once
		// when it has to wait for it, whatever the time-out.
		q.Set("_txlock", "immediate")
		q.Set("_foreign_keys", map[role]string{writing: "1", migrating: "0"}[as])
		if !a.memory {
			q.Set("_journal_mode", "WAL")
			q.Set("_synchronous", "FULL") // in WAL mode, NORMAL may lose the last commits
		}
	}
	return fileURI(a.path, q)
}

func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// about puts the file's name in front of what went wrong with it.
func (a address) about(err error) error {
	if a.memory {
		return err
	}
	return about(err, "%s", a.path)
}

// onDiskURI names a file for a connection that may be to a database in memory, and would make
// the file there too.
func onDiskURI(path string) string {
	vfs := "unix"
	if runtime.GOOS == "windows" {
		vfs = "win32"
	}
	return fileURI(path, url.Values{"vfs": {vfs}})
}

func fileURI(path string, q url.Values) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/x
	}
	return "file://" + escapePath(path) + "?" + q.Encode()
}
