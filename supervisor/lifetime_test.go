package supervisor_test

import (
	"context"
	"testing"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

func TestLifetimeEndsAndRestartsByType(t *testing.T) {
	for restart, want := range map[supervisor.Restart]string{
		supervisor.Permanent: " a b",
		supervisor.Transient: " a:ended b",
		supervisor.Temporary: " b",
	} {
		bubble(t, func(w *world) {
			root := w.start(supervisor.Child{Run: w.worker(A), Restart: restart, Lifetime: time.Hour}, supervisor.Child{Run: w.worker(B)})
			w.after(time.Hour - 1)
			w.expect("+a +b")
			w.after(1)
			if restart == supervisor.Permanent {
				w.expect("-a +a")
			} else {
				w.expect("-a")
			}
			w.expectNames(want)
			root.Stop()
		})
	}
}

func TestLifetimeDoesNotCountAsACrash(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.startTree(supervisor.Tree{Intensity: supervisor.NoRestarts, Children: []supervisor.Child{
			{Run: w.worker(A), Lifetime: time.Second},
			{Run: w.worker(B), Lifetime: time.Second, Backoff: supervisor.Backoff{First: time.Hour, Tries: 1}},
		}})
		for range 20 {
			w.after(time.Second)
		}
		if a, b := w.life(A), w.life(B); a != 21 || b != 21 {
			t.Errorf("lives %d and %d, want 21", a, b)
		}
		if s := w.status("root").Children[0]; s.Restarts != 20 || len(s.History) != 5 || s.History[4] != time.Now() {
			t.Errorf("got %+v", s)
		}
		w.crash(A) // this does
		w.gaveUp(root)
	})
}

func TestLifetimeBeginsAnewWithEachStart(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A), Lifetime: time.Minute})
		for range 10 {
			w.after(59 * time.Second)
			w.crash(A)
		}
		w.read()
		w.after(time.Minute - 1)
		w.expect("")
		w.after(1)
		w.expect("-a +a")
		must(t, w.terminate("a"))
		w.after(time.Hour)
		w.expect("-a")
		root.Stop()
	})
}

func TestLifetimeLetsTheRunningHandlerFinish(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A), Lifetime: time.Minute})
		w.after(time.Minute - time.Second)
		if err := process.Do(w.ctx, A, (*worker).Rest, 2*time.Second); err != nil {
			t.Error(err)
		}
		w.expect("+a -a +a")
		// One that ignores its context is abandoned, and restarted, which counts as no crash either.
		w.after(time.Minute - time.Second)
		stuck := make(chan struct{})
		if err := process.Cast(w.ctx, A, (*worker).Wait, stuck); err != nil {
			t.Error(err)
		}
		w.after(time.Second + process.DefaultShutdown)
		w.expect("+a")
		if n := w.count("process.abandoned"); n != 1 {
			t.Errorf("%d abandoned", n)
		}
		close(stuck)
		root.Stop()
	})
}

func TestLifetimeRestartsTheGroup(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.four(supervisor.RestForOne, func(t *supervisor.Tree) {
			t.Intensity = supervisor.NoRestarts
			t.Children[2].Lifetime = time.Hour
		})
		w.after(time.Hour)
		w.expect("-c -d +c +d")
		w.after(time.Hour)
		w.expect("-c -d +c +d")
		root.Stop()
	})
}

func TestLifetimeOfMembers(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: supervisor.Family(Workers, w.member(), process.Idle(0)), Lifetime: time.Hour})
		w.life(Workers.Of("k"))
		w.after(time.Hour)
		w.expect("+k -k") // it sleeps
		w.life(Workers.Of("k"))
		w.after(time.Hour - time.Second)
		answers := make(chan int, 2)
		if err := process.Cast(w.ctx, Workers.Of("k"), (*worker).Rest, 2*time.Second); err != nil {
			t.Error(err)
		}
		for range 2 {
			go func() { answers <- w.life(Workers.Of("k")) }()
		}
		if a, b := <-answers, <-answers; a != 3 || b != 3 { // the mail finds the next one
			t.Errorf("lives %d and %d answered, want 3", a, b)
		}
		root.Stop()
		w.expect("+k -k +k -k")
	})
	for restart, want := range map[supervisor.Restart]string{supervisor.Permanent: "+1 -1 +1", supervisor.Transient: "+1 -1", supervisor.Temporary: "+1 -1"} {
		bubble(t, func(w *world) {
			root := w.start(w.dynamic(supervisor.Child{Restart: restart, Lifetime: time.Hour, Backoff: supervisor.Backoff{First: time.Hour}}))
			_, err := Jobs.Start(w.ctx, "1")
			must(t, err)
			w.after(time.Hour)
			w.expect(want)
			root.Stop()
		})
	}
}

func TestLifetimeOfAService(t *testing.T) {
	bubble(t, func(w *world) {
		c := w.service("s")
		c.Lifetime = time.Minute
		root := w.start(c)
		w.after(time.Minute)
		w.expect("+s -s +s")
		root.Stop()
	})
	err := supervisor.Tree{Children: []supervisor.Child{{Name: "x", Lifetime: -1, Run: supervisor.Func(func(context.Context) error { return nil })}}}.Check()
	must(t, err, "Lifetime is below zero")
}
