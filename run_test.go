package bennu_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a child that writes down when it starts and stops.
type recorder struct {
	name string
	to   chan string
}

func (r *recorder) Start(context.Context) error {
	r.to <- "+" + r.name
	return nil
}

func (r *recorder) Serve(ctx context.Context) error {
	<-ctx.Done()
	r.to <- "-" + r.name
	return ctx.Err()
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// onStart calls a function when the app says that it has started.
type onStart struct {
	slog.Handler
	do func()
}

func (h onStart) Enabled(context.Context, slog.Level) bool { return true }

func (h onStart) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "started" {
		h.do()
	}
	return nil
}

func TestRunStartsInOrderAndStopsInReverse(t *testing.T) {
	for _, how := range []string{"context", "SIGTERM", "SIGINT"} {
		t.Run(how, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			stop := map[string]func(){
				"context": cancel,
				"SIGTERM": func() { syscall.Kill(syscall.Getpid(), syscall.SIGTERM) },
				"SIGINT":  func() { syscall.Kill(syscall.Getpid(), syscall.SIGINT) },
			}[how]
			to := make(chan string, 6)
			err := bennu.Run(ctx, bennu.App{Name: "app", Logger: slog.New(onStart{slog.DiscardHandler, stop}), Children: []supervisor.Child{
				{Name: "a", Run: &recorder{"a", to}},
				{Name: "b", Run: &recorder{"b", to}},
				{Name: "c", Run: &recorder{"c", to}},
			}})
			if err != nil {
				t.Fatal(err)
			}
			close(to)
			var order []string
			for s := range to {
				order = append(order, s)
			}
			if got, want := strings.Join(order, " "), "+a +b +c -c -b -a"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			cancel()
		})
	}
}

func TestRunSaysWhatFailedToStart(t *testing.T) {
	to := make(chan string, 2)
	broken := errors.New("port 4000 is taken")
	err := bennu.Run(t.Context(), bennu.App{Name: "shop", Logger: quiet(), Children: []supervisor.Child{
		{Name: "a", Run: &recorder{"a", to}},
		{Run: supervisor.Process(process.Name[recorder]("web"), func(context.Context) (*recorder, error) { return nil, broken })},
	}})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), `shop: "web" failed to start`) {
		t.Errorf("got %v", err)
	}
	if got := <-to + <-to; got != "+a-a" {
		t.Errorf("the child before it: %s", got)
	}
}

func TestRunTellsOfSpans(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var heard []string
	work := supervisor.Func(func(ctx context.Context) error {
		telemetry.Record(ctx, telemetry.Span{Name: "work"})
		stop()
		<-ctx.Done()
		return nil
	})
	err := bennu.Run(ctx, bennu.App{
		Logger:   quiet(),
		Children: []supervisor.Child{{Name: "work", Run: work}},
		Spans:    func(_ context.Context, s telemetry.Span) { heard = append(heard, s.Name) },
	})
	if err != nil || !slices.Equal(heard, []string{"work"}) {
		t.Errorf("heard of %q, %v", heard, err)
	}
}

func TestRunEndsWhenTheTreeGivesUp(t *testing.T) {
	crash := supervisor.Func(func(context.Context) error { return errors.New("no") })
	err := bennu.Run(t.Context(), bennu.App{Logger: quiet(), Children: []supervisor.Child{{Name: "crash", Run: crash}}})
	if !errors.Is(err, supervisor.ErrGaveUp) {
		t.Errorf("got %v", err)
	}
}

func TestRunDoesNotWaitForEver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	stuck := supervisor.Func(func(context.Context) error {
		<-release
		return nil
	})
	err := bennu.Run(ctx, bennu.App{Logger: slog.New(onStart{slog.DiscardHandler, cancel}), Shutdown: time.Millisecond, Children: []supervisor.Child{
		{Name: "stuck", Run: stuck, Shutdown: 10 * time.Millisecond},
	}})
	if err == nil || !strings.Contains(err.Error(), "did not stop within 1ms") {
		t.Errorf("got %v", err)
	}
}
