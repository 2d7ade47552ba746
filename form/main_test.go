package form_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/web"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // failures on purpose would fill the screen
	goleak.VerifyTestMain(m)
}

func render(t testing.TB, ctx context.Context, v web.View) string {
	t.Helper()
	var b strings.Builder
	if err := v.Render(ctx, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func want(t testing.TB, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func show(v web.View) http.Handler {
	return web.Action(func(c *web.Conn) error { return c.Render(v) })
}
