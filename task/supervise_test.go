package task_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/task"
	"github.com/bennu-go/bennu/telemetry"
)

const mail task.Supervisor = "mail"

func supervised(t *testing.T, ctx context.Context, child supervisor.Child) {
	t.Helper()
	root, err := supervisor.Tree{Children: []supervisor.Child{child}}.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(root.Stop)
}

func TestSupervisor(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		supervised(t, ctx, task.Supervise(mail, process.Most(1)))
		ref := spawn(t, ctx)
		var a *task.Task[int]
		is(t, process.Do(ctx, ref, (*owner).Do, func(ctx context.Context, _ *owner) error {
			a = task.AsyncIn(ctx, mail, after(time.Second, 7, nil))
			return nil
		}), nil)
		_, err := task.AsyncIn(ctx, mail, after(0, 1, nil)).Await(ctx)
		is(t, err, fault.Exhausted)
		is(t, task.Start(ctx, mail, func(context.Context) error { return nil }), fault.Exhausted)
		is(t, process.Exit(ctx, ref, process.Shutdown), nil) // it does not end with who started it
		if out, err := a.Await(ctx); out != 7 || err != nil {
			t.Errorf("got %d, %v", out, err)
		}
		synctest.Wait()
		ran := false
		is(t, task.Start(ctx, mail, func(context.Context) error { ran = true; return errSour }), nil)
		synctest.Wait()
		if crashes := telemetry.CountersOf(ctx).Counter("process.crashes").Value(); !ran || crashes != 1 {
			t.Errorf("it ran: %v, and %d crashes are reported, want 1", ran, crashes)
		}
	})
}

func TestTransientRunsAgain(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		child := task.Supervise(mail)
		child.Restart = supervisor.Transient
		supervised(t, ctx, child)
		tries := 0
		out, err := task.AsyncIn(ctx, mail, func(context.Context) (int, error) {
			if tries++; tries < 3 {
				panic("burst")
			}
			return tries, nil
		}).Await(ctx)
		if out != 3 || err != nil {
			t.Errorf("got %d, %v", out, err)
		}
	})
}

func TestListing(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		supervised(t, ctx, task.Supervise(mail))
		a, b := task.Async(ctx, after(time.Second, 1, nil)), task.AsyncIn(ctx, mail, after(time.Second, 1, nil))
		synctest.Wait()
		for _, x := range []struct {
			of   process.Target
			name string
		}{{a.Ref(), a.Ref().String()}, {b.Ref(), "mail/1"}} {
			info, err := process.InfoOf(ctx, x.of)
			if err != nil || info.Name != x.name || info.Type != "*task.work" || info.State != "running" {
				t.Errorf("got %+v, %v", info, err)
			}
		}
		for _, a := range []*task.Task[int]{a, b} {
			_, err := a.Await(ctx)
			is(t, err, nil)
		}
	})
}
