package process_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/telemetry"
)

// logged runs a test and gives what its node logged.
func logged(t *testing.T, test func(ctx context.Context)) string {
	var out bytes.Buffer
	ctx := telemetry.WithLogger(t.Context(), slog.New(slog.NewTextHandler(&out, nil)))
	n := process.NewNode(ctx)
	test(n.Context(ctx))
	n.Close()
	return out.String()
}

type badError struct{ text string }

func (e *badError) Error() string { return e.text }

const secret = "hunter2"

func TestReport(t *testing.T) {
	for _, c := range []struct {
		name  string
		crash func(ctx context.Context)
		want  []string
		not   string
	}{
		{"panic", func(ctx context.Context) {
			_ = process.Run(ctx, theBox, (*box).Burst)
		}, []string{`process=box`, `reason="panic: burst"`, "method=(*box).Burst", "process_test.(*box).Burst", "main_test.go:"}, ""},
		{"request", func(ctx context.Context) {
			_ = process.Run(telemetry.WithTrace(ctx, &telemetry.Trace{RequestID: "r-1"}), theBox, (*box).Burst)
		}, []string{"process=box", "request_id=r-1"}, ""},
		{"error", func(ctx context.Context) {
			is(t, process.Signal(ctx, theBox, (*box).Sour))
			processtest.Settle(t, ctx, theBox)
		}, []string{"process=box", "reason=sour", "method=(*box).Sour"}, "stack="},
		{"argument", func(ctx context.Context) {
			_ = process.Do(ctx, theBox, (*box).fail, secret)
			is(t, process.Cast(ctx, theBox, (*box).fail, secret))
			processtest.Settle(t, ctx, theBox)
		}, []string{"method=(*box).fail"}, secret},
		{"Terminate", func(ctx context.Context) {
			ref := spawn(t, ctx, (&staged{term: func(context.Context, process.Reason) { panic("late") }}).start)
			is(t, process.Exit(ctx, ref, process.Normal))
			_, err := process.Wait(ctx, ref)
			is(t, err)
		}, []string{`reason="in Terminate: panic: late"`, "stack=", "report_test.go"}, ""},
		{"helper", func(ctx context.Context) {
			ref := newBox(t, ctx)
			is(t, do(ctx, ref, func(ctx context.Context) error {
				return process.Go(ctx, func(context.Context) error { panic("helper") })
			}))
			_, err := process.Wait(ctx, ref)
			is(t, err)
		}, []string{`reason="panic: helper"`, "stack="}, "method="},
		{"error that panics", func(ctx context.Context) {
			is(t, process.Cast(ctx, theBox, func(*box, context.Context, int) error { return (*badError)(nil) }, 1))
			processtest.Settle(t, ctx, theBox)
		}, []string{"process=box", "reason=<nil>"}, ""},
		{"clean", func(ctx context.Context) {
			ref := newBox(t, ctx)
			fling(t, ctx, ref, func(context.Context) error { return process.Shutdown })
			_, err := process.Wait(ctx, ref)
			is(t, err)
		}, nil, "process crashed"},
		{"OnEnd", func(ctx context.Context) {
			ref := newBox(t, ctx)
			is(t, do(ctx, ref, func(ctx context.Context) error {
				port, err := process.Bind(ctx, (*box).Note)
				is(t, err)
				_, err = port.OnEnd(func() { panic("at the end") })
				return err
			}))
			is(t, process.Exit(ctx, ref, process.Normal))
			_, err := process.Wait(ctx, ref)
			is(t, err)
		}, []string{"at the end"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := logged(t, func(ctx context.Context) {
					keep(t, ctx, theBox, new(record).open)
					c.crash(ctx)
				})
				for _, want := range c.want {
					if !strings.Contains(out, want) {
						t.Errorf("%q is not in %s", want, out)
					}
				}
				if c.not != "" && strings.Contains(out, c.not) {
					t.Errorf("%q is in %s", c.not, out)
				}
			})
		})
	}
}

func (b *box) fail(_ context.Context, password string) error {
	if password == secret {
		return errSour
	}
	return nil
}

// A crash without a logger in the context goes to the default one.
func TestReportWithoutLogger(t *testing.T) {
	before := slog.Default()
	defer slog.SetDefault(before)
	var out bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	node := process.NewNode(context.Background())
	ctx := node.Context(context.Background())
	ref := newBox(t, ctx)
	is(t, process.Run(ctx, ref, (*box).Burst), process.ErrDead)
	node.Close()
	if !strings.Contains(out.String(), "panic: burst") {
		t.Errorf("logged %q", out.String())
	}
}

func TestListingHasNoArguments(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		free := make(chan struct{})
		is(t, process.Cast(ctx, ref, func(*box, context.Context, string) error { <-free; return nil }, secret))
		is(t, process.Cast(ctx, ref, (*box).Note, secret))
		synctest.Wait()
		node, err := process.NodeOf(ctx)
		is(t, err)
		all := node.Processes()
		if len(all) != 1 || node.Count() != 1 {
			t.Fatalf("%d processes, want 1", len(all))
		}
		i := all[0]
		if i.State != "running" || i.Waiting != 1 || i.Handled != 0 || i.Restarts != 0 || !strings.Contains(i.Method, "TestListingHasNoArguments") {
			t.Errorf("info %+v", i)
		}
		if strings.Contains(fmt.Sprintf("%+v", all), secret) {
			t.Error("an argument is in the listing")
		}
		close(free)
	})
}

// slowLog is a log handler that holds everything up.
type slowLog struct {
	slog.Handler
	free chan struct{}
	mu   sync.Mutex
	seen []string
}

func (h *slowLog) Handle(_ context.Context, r slog.Record) error {
	<-h.free
	h.mu.Lock()
	defer h.mu.Unlock()
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "left_out" {
			line += " " + a.Value.String()
		}
		return true
	})
	h.seen = append(h.seen, line)
	return nil
}

// A storm of crashes takes bounded room, and says how much it left out.
func TestCrashStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &slowLog{Handler: slog.NewTextHandler(t.Output(), nil), free: make(chan struct{})}
		var counters telemetry.Counters
		ctx := telemetry.WithLogger(telemetry.WithCounters(t.Context(), &counters), slog.New(h))
		n := process.NewNode(ctx)
		ctx = n.Context(ctx)
		const crashes = 1000
		crash := func() { is(t, process.Run(ctx, newBox(t, ctx), (*box).Burst), process.ErrDead) }
		crash()
		synctest.Wait() // the writer has the first one, and hangs
		for range crashes - 1 {
			crash()
		}
		close(h.free)
		n.Close()
		if got := counters.Counter("process.crashes").Value(); got != crashes {
			t.Errorf("%d crashes counted, want %d", got, crashes)
		}
		if len(h.seen) != 1+256+1 || h.seen[257] != "more processes crashed than could be reported 743" {
			t.Errorf("%d lines, the last one %q", len(h.seen), h.seen[len(h.seen)-1])
		}
	})
}

func TestNodeClose(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		node, err := process.NodeOf(ctx)
		is(t, err)
		for range 10 {
			ref := newBox(t, ctx)
			is(t, do(ctx, ref, func(ctx context.Context) error { newBox(t, ctx); return nil }))
		}
		if n := node.Count(); n != 20 {
			t.Errorf("%d processes, want 20", n)
		}
		node.Close()
		if n := node.Count(); n != 0 {
			t.Errorf("%d processes, want none", n)
		}
		node.Close()
	})
}

func TestPart(t *testing.T) {
	node := process.NewNode(t.Context())
	defer node.Close()
	var mu sync.Mutex
	made := 0
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			r := process.Part(node, func() *record {
				mu.Lock()
				defer mu.Unlock()
				made++
				return new(record)
			})
			r.note("x")
		})
	}
	wg.Wait()
	if n := len(process.Part(node, func() *record { return nil }).all()); n != 20 || made != 1 {
		t.Errorf("made %d times, %d notes, want one with 20", made, n)
	}
	if process.Part(node, func() *box { return new(box) }) == nil {
		t.Error("another type is another part")
	}
}

// roaring is a log handler that panics.
type roaring struct{ slog.Handler }

func (roaring) Enabled(context.Context, slog.Level) bool  { return true }
func (roaring) Handle(context.Context, slog.Record) error { panic("the log is broken") }
func (r roaring) WithAttrs([]slog.Attr) slog.Handler      { return r }
func (r roaring) WithGroup(string) slog.Handler           { return r }

func TestReportSurvivesItsLogger(t *testing.T) {
	ctx := telemetry.WithLogger(t.Context(), slog.New(roaring{slog.DiscardHandler}))
	n := process.NewNode(ctx)
	ctx = n.Context(ctx)
	for range 2 {
		ref := newBox(t, ctx)
		is(t, process.Run(ctx, ref, (*box).Burst), process.ErrDead)
	}
	n.Close() // waits for the reports
}
