package supervisor_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

func TestHowServeEnds(t *testing.T) {
	ends := map[string]struct {
		serve func(ctx context.Context) error
		clean bool
	}{
		"nil":      {func(context.Context) error { return nil }, true},
		"normal":   {func(context.Context) error { return process.Normal }, true},
		"shutdown": {func(context.Context) error { return process.Shutdown }, true},
		"error":    {func(context.Context) error { return errCrash }, false},
		"canceled": {func(context.Context) error { return context.Canceled }, false}, // it was not asked to stop
		"panic":    {func(context.Context) error { panic("boom") }, false},
		"goexit":   {func(context.Context) error { runtime.Goexit(); return nil }, false},
	}
	for name, end := range ends {
		for _, restart := range []supervisor.Restart{supervisor.Permanent, supervisor.Transient, supervisor.Temporary} {
			t.Run(name+" "+restart.String(), func(t *testing.T) {
				bubble(t, func(w *world) {
					s := &service{w: w, name: "s", serve: func(ctx context.Context) error {
						time.Sleep(10 * time.Second)
						return end.serve(ctx)
					}}
					root := w.start(supervisor.Child{Name: "s", Run: s, Restart: restart})
					w.expect("+s")
					w.after(10 * time.Second)
					again := restart == supervisor.Permanent || restart == supervisor.Transient && !end.clean
					if got := w.read() == "+s"; got != again {
						t.Errorf("restarted: %v, want %v", got, again)
					}
					if n := w.count("process.crashes"); (n == 0) != end.clean {
						t.Errorf("%d crashes", n)
					}
					root.Stop()
					w.after(time.Minute)
				})
			})
		}
	}
}

func TestServeMayFailWhileItStops(t *testing.T) {
	for name, err := range map[string]error{"nil": nil, "ctx": context.Canceled, "wrapped": errors.Join(context.Canceled), "other": errCrash} {
		bubble(t, func(w *world) {
			logged := &capture{}
			w.ctx = process.NewNode(telemetry.WithLogger(w.ctx, slog.New(logged))).Context(w.Context())
			root := w.start(supervisor.Child{Name: "s", Run: supervisor.Func(func(ctx context.Context) error {
				<-ctx.Done()
				return err
			})})
			root.Stop()
			if got := len(logged.read()) > 0; got != (name == "other") {
				t.Errorf("%s: logged: %v", name, got)
			}
		})
	}
}

// capture keeps what is logged.
type capture struct {
	slog.Handler
	journal
}

func (c *capture) Enabled(context.Context, slog.Level) bool { return true }
func (c *capture) Handle(_ context.Context, r slog.Record) error {
	c.note(r.Message)
	return nil
}
func (c *capture) WithAttrs([]slog.Attr) slog.Handler { return c }

func TestServeMayCrashFourTimes(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(w.service("before"), supervisor.Child{Name: "s", Run: &service{w: w, name: "s", serve: func(context.Context) error { return errCrash }}})
		w.expect("+before +s +s +s +s -before")
		err, _ := w.ended(root)
		isErr(t, err, supervisor.ErrGaveUp)
	})
}

func TestStartFailsAtARestart(t *testing.T) {
	bubble(t, func(w *world) {
		n := 0
		s := &service{w: w, name: "s",
			ready: func(context.Context) error { n++; return fail(n == 2 || n == 3) },
			serve: func(ctx context.Context) error {
				if n == 1 {
					return errCrash
				}
				<-ctx.Done()
				return ctx.Err()
			},
		}
		root := w.start(supervisor.Child{Name: "s", Run: s})
		w.expect("+s xs xs +s")
		root.Stop()
	})
}

func TestStartFailsAtFirst(t *testing.T) {
	for name, ready := range map[string]func(context.Context) error{
		"error": func(context.Context) error { return errCrash },
		"panic": func(context.Context) error { panic(errCrash) },
	} {
		bubble(t, func(w *world) {
			_, err := supervisor.Tree{Children: []supervisor.Child{w.service("a"), {Name: "s", Run: &service{w: w, name: "s", ready: ready}}}}.Start(w.ctx)
			isErr(t, err, errCrash)
			w.settle()
			if got := w.read(); got != "+a -a" && got != "+a xs -a" {
				t.Errorf("%s: %s", name, got)
			}
		})
	}
}

func TestAServiceIsOutside(t *testing.T) {
	bubble(t, func(w *world) {
		var root *supervisor.Root
		try := func(ctx context.Context) error {
			if _, err := process.NodeOf(ctx); err != nil {
				t.Error(err)
			}
			if self := process.Self[worker](ctx); self != (process.Ref[worker]{}) {
				t.Errorf("Self is %v", self)
			}
			_, err := process.After(ctx, time.Second, (*worker).Crash)
			isErr(t, err, process.ErrNotHere)
			_, err = process.Monitor(ctx, A, (*watcher).down)
			isErr(t, err, process.ErrNotHere)
			isErr(t, process.Go(ctx, func(context.Context) error { return nil }), process.ErrNotHere)
			isErr(t, process.Stop(ctx, nil), process.ErrNotHere)
			_, err = process.Ask(ctx, A, (*worker).Life)
			return err
		}
		s := &service{w: w, name: "s", ready: try, serve: func(ctx context.Context) error {
			if err := try(ctx); err != nil {
				t.Error(err)
			}
			// A process that asks the service's tree while the service asks it is no cycle.
			if err := process.Run(ctx, Boots, (*booter).Look); err != nil {
				t.Error(err)
			}
			// A cast waits for room, as from outside.
			if err := process.Cast(ctx, B, (*worker).Rest, time.Second); err != nil {
				t.Error(err)
			}
			for range 3 {
				if err := process.Cast(ctx, B, (*worker).Rest, time.Second); err != nil {
					t.Error(err)
				}
			}
			w.note("served")
			<-ctx.Done()
			return ctx.Err()
		}}
		root = w.start(
			supervisor.Child{Run: w.worker(A)},
			supervisor.Child{Run: supervisor.Process(B, w.open("b"), process.Mailbox{Size: 1})},
			supervisor.Child{Run: supervisor.Process(Boots, func(context.Context) (*booter, error) { return &booter{w}, nil })},
			supervisor.Child{Name: "s", Run: s},
		)
		w.after(5 * time.Second)
		w.expect("+a +b +s served")
		root.Stop()
	})
}

func (b *booter) Look(ctx context.Context) error {
	_, err := supervisor.StatusOf(ctx, "root")
	return err
}

func TestAnAbandonedServiceGoesOnAlone(t *testing.T) {
	bubble(t, func(w *world) {
		release := make(chan struct{})
		n := 0
		s := &service{w: w, name: "s", serve: func(ctx context.Context) error {
			if n++; n > 1 {
				<-ctx.Done()
				return nil
			}
			<-release
			return errCrash
		}}
		root := w.start(w.service("before"), supervisor.Child{Name: "s", Run: s})
		w.expect("+before +s")
		// Somebody ends it by name; it does not care, is abandoned, and has a successor.
		if err := process.Exit(w.ctx, process.Name[any]("root/s"), process.Shutdown); err == nil {
			t.Error("a service is a process of a type of its own")
		}
		root.Stop()
		w.expect("-before")
		if n := w.count("process.abandoned"); n != 1 {
			t.Errorf("%d abandoned", n)
		}
		close(release)
		w.settle()
		w.expect("")
	})
}
