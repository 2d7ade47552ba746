package supervisor_test

import (
	"context"
	"testing"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

// within checks that A comes back after want, and up to a quarter more.
func (w *world) within(want time.Duration) {
	w.Helper()
	began := time.Now()
	w.crash(A)
	if err := process.Do(w.ctx, A, (*worker).Rest, 0); want < 4*time.Second && err != nil {
		w.Error(err)
	}
	took := time.Since(began)
	if took < want || took > want+want/4 {
		w.Errorf("back after %v, want %v", took, want)
	}
}

func TestAChildWithBackoff(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A), Backoff: supervisor.Backoff{Max: time.Second}}, supervisor.Child{Run: w.worker(B)})
		for _, want := range []time.Duration{0, 100, 200, 400, 800, 1000, 1000} {
			w.within(want * time.Millisecond)
		}
		w.after(time.Minute - 1)
		w.within(time.Second)
		w.after(time.Minute)
		w.within(0)
		w.within(100 * time.Millisecond)
		if w.life(B) != 1 {
			t.Error("its sibling was disturbed")
		}
		root.Stop()
	})
}

func TestBackoffDoesNotCountInTheTreesWindow(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.startTree(supervisor.Tree{Intensity: 1, Children: []supervisor.Child{
			{Run: w.worker(A), Backoff: supervisor.Backoff{Min: time.Millisecond, Max: time.Millisecond}},
			{Run: w.worker(B)},
		}})
		for range 50 {
			w.crash(A)
			w.after(2 * time.Millisecond)
		}
		w.crash(B)
		if w.life(B) != 2 || w.life(A) != 51 {
			t.Errorf("lives: %d, %d", w.life(A), w.life(B))
		}
		w.crash(B)
		err, _ := w.ended(root)
		isErr(t, err, supervisor.ErrGaveUp)
	})
}

func TestBackoffTriesAreTheTreesEnd(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(B)}, supervisor.Child{Run: w.worker(A), Backoff: supervisor.Backoff{Tries: 2}})
		w.crash(A)
		w.after(time.Second)
		w.crash(A)
		w.after(time.Second)
		w.expect("+b +a !a +a !a +a")
		w.crash(A)
		w.expect("!a -b")
		err, _ := w.ended(root)
		isErr(t, err, supervisor.ErrGaveUp)
	})
}

func TestAFailedStartIsRetriedWithTheSameWaits(t *testing.T) {
	bubble(t, func(w *world) {
		var tried []time.Duration
		var crashed time.Time
		root := w.start(supervisor.Child{
			Run: w.worker(A, func(_ context.Context, life int) error {
				if life > 1 {
					tried = append(tried, time.Since(crashed))
				}
				return fail(life > 1 && life < 6)
			}),
			Backoff: supervisor.Backoff{Max: time.Second},
		})
		crashed = time.Now()
		w.crash(A)
		w.after(time.Minute)
		want := time.Duration(0)
		for i, got := range tried {
			if got < want || got > want+want/4 {
				t.Errorf("try %d at %v, want %v", i, got, want)
			}
			want = []time.Duration{100, 300, 700, 1500, 0}[i] * time.Millisecond
		}
		w.expect("+a !a xa xa xa xa +a")
		root.Stop()
	})
}

func TestCleanEndsOfAPermanentChildWaitToo(t *testing.T) {
	bubble(t, func(w *world) {
		n := 0
		root := w.start(supervisor.Child{Name: "s", Backoff: supervisor.Backoff{Min: time.Second, Max: time.Second}, Run: supervisor.Func(func(context.Context) error {
			n++
			return nil
		})})
		w.after(time.Minute)
		if n < 48 || n > 61 {
			t.Errorf("it ran %d times in a minute", n)
		}
		root.Stop()
	})
}

// An exit that meets a child while its restart waits changes nothing.
func TestExitWhileARestartIsPending(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A), Backoff: supervisor.Backoff{First: time.Minute}})
		w.crash(A)
		for range 3 {
			if err := process.Exit(w.ctx, A, process.Shutdown); err != nil {
				t.Error(err)
			}
		}
		w.after(2 * time.Minute)
		w.expect("+a !a +a")
		root.Stop()
	})
}
