package cert_test

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web/cert"
)

const (
	year  = 365 * 24 * time.Hour
	every = 10 * time.Second // between two looks at the files
)

// files makes a pair in a directory of its own, with its config and log.
func files(t *testing.T, valid time.Duration) (context.Context, cert.Files, *tls.Config, *book) {
	t.Helper()
	dir := t.TempDir()
	f := cert.Files{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	replace(t, f, "first", valid)
	log := new(book)
	ctx := log.context(t.Context())
	config, err := f.TLS(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return ctx, f, config, log
}

func replace(t *testing.T, f cert.Files, name string, valid time.Duration) {
	t.Helper()
	certificate, key := issue(t, name, valid)
	write(t, f.Cert, certificate)
	write(t, f.Key, key)
}

func TestFilesAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, f, config, log := files(t, year)
		replace(t, f, "second", year)
		for i, want := range []struct {
			wait time.Duration
			name string
		}{
			{0, "first"},
			{every - 1, "first"},
			{1, "first"},         // first look: somebody may be writing
			{every - 1, "first"}, // not yet
			{1, "second"},        // second look: it has settled
			{10 * every, "second"},
		} {
			time.Sleep(want.wait)
			if got := name(t, ctx, config); got != want.name {
				t.Errorf("step %d: %s, want %s", i, got, want.name)
			}
		}
		if n := log.count(t, "certificate in use"); n != 2 {
			t.Errorf("told %d times, want 2:\n%s", n, log.text())
		}
	})
}

// A certificate and its key change one after the other, and a look comes in between.
func TestHalfWrittenFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, f, config, log := files(t, year)
		certificate, key := issue(t, "second", year)
		for i, step := range []func(){
			func() { write(t, f.Cert, nil) },
			func() { write(t, f.Cert, certificate[:len(certificate)/2]) },
			func() { write(t, f.Cert, certificate) },
			func() { write(t, f.Key, key[:len(key)/2]) },
			func() { os.Remove(f.Key) },
			func() { write(t, f.Key, key) },
		} {
			step()
			time.Sleep(every)
			if got := name(t, ctx, config); got != "first" {
				t.Errorf("step %d: %s", i, got)
			}
		}
		time.Sleep(every)
		if got := name(t, ctx, config); got != "second" {
			t.Errorf("at the end: %s", got)
		}
		if n := log.count(t, "new certificate cannot be used"); n != 0 {
			t.Errorf("warned %d times:\n%s", n, log.text())
		}
	})
}

func TestBrokenFilesKeepTheOldPair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, f, config, log := files(t, year)
		_, secret := issue(t, "other", year)
		for i, breaks := range []func(){
			func() { write(t, f.Key, secret) }, // of another certificate
			func() { write(t, f.Key, []byte("no PEM")) },
			func() { os.Remove(f.Cert) },
		} {
			breaks()
			for range 5 {
				time.Sleep(every)
				if got := name(t, ctx, config); got != "first" {
					t.Errorf("%d: %s", i, got)
				}
			}
			if n := log.count(t, "new certificate cannot be used"); n != i+1 {
				t.Errorf("%d: warned %d times, want once each:\n%s", i, n, log.text())
			}
		}
		if line := strings.Split(string(secret), "\n")[1]; strings.Contains(log.text(), line[:20]) {
			t.Errorf("a key is in the log: %s", log.text())
		}
		replace(t, f, "second", year)
		for range 2 {
			time.Sleep(every)
			name(t, ctx, config)
		}
		if got := name(t, ctx, config); got != "second" {
			t.Errorf("after the repair: %s", got)
		}
	})
}

// As in Kubernetes: a directory's link is set to another directory.
func TestFilesBehindALink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege")
	}
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		for _, name := range []string{"first", "second"} {
			if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
				t.Fatal(err)
			}
			replace(t, cert.Files{Cert: filepath.Join(dir, name, "c"), Key: filepath.Join(dir, name, "k")}, name, year)
		}
		data, next := filepath.Join(dir, "data"), filepath.Join(dir, "next")
		if err := os.Symlink("first", data); err != nil {
			t.Fatal(err)
		}
		config, err := cert.Files{Cert: filepath.Join(data, "c"), Key: filepath.Join(data, "k")}.TLS(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Symlink("second", next), os.Rename(next, data)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			time.Sleep(every)
			name(t, t.Context(), config)
		}
		if got := name(t, t.Context(), config); got != "second" {
			t.Error(got)
		}
	})
}

func TestExpiry(t *testing.T) {
	const day = 24 * time.Hour
	for _, test := range []struct {
		valid, early time.Duration
	}{
		{year, 14 * day},
		{90 * day, 14 * day},
		{60 * day, 10*day + time.Second/6}, // a sixth; it began a second ago
		{12 * day, 2*day + time.Second/6},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, _, config, log := files(t, test.valid)
			check := func(wait time.Duration, soon, over int) {
				t.Helper()
				time.Sleep(wait)
				name(t, ctx, config)
				if n := log.count(t, "certificate expires soon"); n != soon {
					t.Errorf("%v, after %v: expires soon %d times, want %d", test.valid, wait, n, soon)
				}
				if n := log.count(t, "certificate has expired"); n != over {
					t.Errorf("%v, after %v: has expired %d times, want %d", test.valid, wait, n, over)
				}
			}
			// A certificate's times have no fraction of a second.
			check(test.valid-test.early-time.Second, 0, 0)
			check(2*time.Second, 1, 0)
			check(day-time.Second, 1, 0)
			check(2*time.Second, 2, 0)
			check(test.early, 2, 1)
			check(time.Hour, 2, 1)
			check(day, 2, 2)
		})
	}
}

func TestKeyReadableByOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such permissions")
	}
	for mode, want := range map[os.FileMode]int{0o600: 0, 0o640: 0, 0o644: 1, 0o604: 1} {
		synctest.Test(t, func(t *testing.T) {
			dir := t.TempDir()
			f := cert.Files{Cert: filepath.Join(dir, "c"), Key: filepath.Join(dir, "k")}
			replace(t, f, "first", year)
			if err := os.Chmod(f.Key, mode); err != nil {
				t.Fatal(err)
			}
			log := new(book)
			config, err := f.TLS(log.context(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				time.Sleep(every)
				name(t, log.context(t.Context()), config)
			}
			if n := log.count(t, "private key is readable by others"); n != want {
				t.Errorf("%o: warned %d times, want %d", mode, n, want)
			}
		})
	}
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	certificate, key := issue(t, "a", year)
	_, other := issue(t, "b", year)
	write(t, at("cert"), certificate)
	write(t, at("key"), key)
	write(t, at("other"), other)
	write(t, at("empty"), nil)
	for _, f := range []cert.Files{
		{},
		{Cert: at("cert")},
		{Key: at("key")},
		{Cert: at("cert"), Key: at("missing")},
		{Cert: at("missing"), Key: at("key")},
		{Cert: at("cert"), Key: at("other")},
		{Cert: at("cert"), Key: at("empty")},
		{Cert: at("key"), Key: at("cert")},
		{Cert: dir, Key: at("key")},
	} {
		if _, err := f.TLS(t.Context()); !errors.Is(err, fault.Invalid) {
			t.Errorf("%v: %v", f, err)
		}
	}
}

// Handshakes go on while the files change.
func TestFilesConcurrently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, f, config, _ := files(t, year)
		client := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 10 {
					if _, err := handshake(ctx, config, client); err != nil {
						t.Error(err)
					}
					time.Sleep(every)
				}
			})
		}
		for range 5 {
			time.Sleep(2 * every)
			replace(t, f, "next", year)
		}
		all.Wait()
		// The looks so far may each have met files half written: these two do not.
		time.Sleep(every)
		name(t, ctx, config)
		time.Sleep(every)
		if got := name(t, ctx, config); got != "next" {
			t.Error(got)
		}
	})
}
