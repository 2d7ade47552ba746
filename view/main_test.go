package view_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/view"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tree makes files of name, text, name, text…
func tree(files ...string) fstest.MapFS {
	fsys := make(fstest.MapFS)
	for i := 0; i < len(files); i += 2 {
		fsys[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return fsys
}

func load(t testing.TB, fsys fstest.MapFS, funcs ...view.Funcs) context.Context {
	t.Helper()
	templates, err := view.Load(fsys, funcs...)
	if err != nil {
		t.Fatal(err)
	}
	return view.With(t.Context(), templates)
}

func render(t testing.TB, ctx context.Context, f view.Filled) string {
	t.Helper()
	var b strings.Builder
	if err := f.Render(ctx, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func refused(t testing.TB, ctx context.Context, f view.Filled) error {
	t.Helper()
	var b strings.Builder
	err := f.Render(ctx, &b)
	if err == nil {
		t.Fatalf("it was rendered: %s", b.String())
	}
	if b.Len() > 0 {
		t.Errorf("half a page was sent: %q", b.String())
	}
	return err
}

func want(t testing.TB, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func contains(t testing.TB, got string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("%q is not in\n%s", part, got)
		}
	}
}
