package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // failures on purpose would fill the screen
	goleak.VerifyTestMain(m)
}

// book is what a test's handlers log and count.
type book struct {
	counters telemetry.Counters
	mu       sync.Mutex
	out      bytes.Buffer
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.Write(p)
}

func (b *book) context(ctx context.Context, level slog.Level) context.Context {
	ctx = telemetry.WithCounters(ctx, &b.counters)
	return telemetry.WithLogger(ctx, slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: level})))
}

// lines is what has been logged with that message.
func (b *book) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []map[string]any
	for _, text := range bytes.Split(bytes.TrimSpace(b.out.Bytes()), []byte("\n")) {
		if len(text) == 0 {
			continue
		}
		line := make(map[string]any)
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if line["msg"] == message {
			found = append(found, line)
		}
	}
	return found
}

// guarded is a handler with what an endpoint puts before it, and its book.
func guarded(h http.Handler, level slog.Level) (http.Handler, *book) {
	b := new(book)
	h = web.Chain(h, web.RequestID, web.Log, web.Recover)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(b.context(r.Context(), level)))
	}), b
}

// mustPanic gives what f panics with.
func mustPanic(t *testing.T, what string, f func()) (text string) {
	t.Helper()
	defer func() {
		switch v := recover().(type) {
		case nil:
			t.Errorf("%s: no panic", what)
		case string:
			text = v
		default:
			t.Errorf("%s: panic with %v", what, v)
		}
	}()
	f()
	return ""
}

func say(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(text)) }
}
