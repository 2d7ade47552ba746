package locale_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"
	"golang.org/x/text/language"

	"github.com/bennu-go/bennu/locale"
	"github.com/bennu-go/bennu/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func tag(name string) language.Tag { return language.MustParse(name) }

// files makes a file system of names and texts in turn.
func files(pairs ...string) fstest.MapFS {
	fsys := make(fstest.MapFS)
	for i := 0; i < len(pairs); i += 2 {
		fsys[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return fsys
}

func load(t testing.TB, pairs ...string) *locale.Catalogue {
	t.Helper()
	c, err := locale.Load(files(pairs...), locale.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// counting gives a context and its counters.
func counting(t testing.TB) (context.Context, *telemetry.Counters) {
	counters := new(telemetry.Counters)
	return telemetry.WithCounters(t.Context(), counters), counters
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// has wants every part in the text.
func has(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in:\n%s", p, text)
		}
	}
}
