package supervisor_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

func TestCallsWaitThroughARestart(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{
			Run:     w.worker(A, func(_ context.Context, life int) error { time.Sleep(time.Duration(life-1) * time.Second); return nil }),
			Backoff: supervisor.Backoff{First: time.Second},
		})
		began := time.Now()
		w.crash(A)
		if life := w.life(A); life != 2 {
			t.Errorf("life %d", life)
		}
		if took := time.Since(began); took < 2*time.Second || took > 2300*time.Millisecond {
			t.Errorf("took %v", took)
		}
		root.Stop()
	})
}

func TestQueuedMessagesSurviveACrash(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A)})
		if err := process.Cast(w.ctx, A, (*worker).Rest, time.Second); err != nil {
			t.Fatal(err)
		}
		w.settle()
		answers := make(chan int, 5)
		crashed := make(chan error, 1)
		go func() { crashed <- process.Run(w.ctx, A, (*worker).Panic) }()
		w.settle()
		for range 5 {
			go func() { answers <- w.life(A) }()
		}
		if err := process.Cast(w.ctx, A, (*worker).Rest, time.Second); err != nil {
			t.Fatal(err)
		}
		isErr(t, <-crashed, process.ErrDead)
		for range 5 {
			if life := <-answers; life != 2 {
				t.Errorf("life %d answered", life)
			}
		}
		w.after(time.Second)
		w.expect("+a !a +a")
		root.Stop()
	})
}

func TestARefOutlivesRestarts(t *testing.T) {
	bubble(t, func(w *world) {
		var mu sync.Mutex
		var self process.Ref[worker]
		root := w.start(supervisor.Child{Run: w.worker(A, func(ctx context.Context, _ int) error {
			mu.Lock()
			defer mu.Unlock()
			self = process.Self[worker](ctx)
			return nil
		})})
		mu.Lock()
		first := self
		mu.Unlock()
		w.crash(A)
		if w.life(first) != 2 || first != self {
			t.Error("another Ref after the restart")
		}
		root.Stop()
		_, err := process.Ask(w.ctx, first, (*worker).Life)
		isErr(t, err, process.ErrDead)
	})
}

func TestAnEndedChildSaysSo(t *testing.T) {
	for _, restart := range []supervisor.Restart{supervisor.Transient, supervisor.Temporary} {
		bubble(t, func(w *world) {
			root := w.start(supervisor.Child{Run: w.worker(A), Restart: restart})
			if err := process.Cast(w.ctx, A, (*worker).Rest, time.Second); err != nil {
				t.Fatal(err)
			}
			if err := process.Cast(w.ctx, A, (*worker).End, nil); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, err := process.Ask(w.ctx, A, (*worker).Life) // it is in the queue when A ends
			isErr(t, err, process.ErrDead, process.Normal)
			_, err = process.Ask(w.ctx, A, (*worker).Life)
			isErr(t, err, process.ErrNoProcess)
			if took := time.Since(began); took != time.Second {
				t.Errorf("took %v", took)
			}
			root.Stop()
		})
	}
}

func TestMonitorsOfAChild(t *testing.T) {
	bubble(t, func(w *world) {
		watch := func(name string, opts ...process.MonitorOption) supervisor.Child {
			return supervisor.Child{Run: supervisor.Process(process.Name[watcher](name), func(ctx context.Context) (*watcher, error) {
				_, err := process.Monitor(ctx, A, (*watcher).down, opts...)
				return &watcher{w, name}, err
			})}
		}
		root := w.start(supervisor.Child{Run: w.worker(A), Restart: supervisor.Transient}, watch("once"), watch("always", process.Always))
		w.settle()
		w.read()
		w.crash(A)
		if got := w.read(); got != "!a once:crash always:crash +a" && got != "!a always:crash once:crash +a" &&
			got != "!a +a once:crash always:crash" && got != "!a +a always:crash once:crash" &&
			got != "!a once:crash +a always:crash" && got != "!a always:crash +a once:crash" {
			t.Errorf("got %s", got)
		}
		w.crash(A)
		w.settle()
		w.read()
		if err := process.Do(w.ctx, A, (*worker).End, nil); err != nil {
			t.Fatal(err)
		}
		w.expect("-a always:normal always:normal(final)")
		root.Stop()
	})
}

type watcher struct {
	w    *world
	name string
}

func (k *watcher) down(_ context.Context, d process.Down) error {
	line := k.name + ":" + d.Reason.Error()
	if d.Final {
		line += "(final)"
	}
	k.w.note(line)
	return nil
}

func TestChildOptions(t *testing.T) {
	bubble(t, func(w *world) {
		_, err := supervisor.Tree{Children: []supervisor.Child{{Run: supervisor.Process(A, w.open("a"), process.Mailbox{Size: -1})}}}.Start(w.ctx)
		if err == nil || err.Error() != `root: "a" failed to start: process: a mailbox cannot hold -1 messages` {
			t.Errorf("got %v", err)
		}
		_, err = supervisor.Tree{Children: []supervisor.Child{{Run: supervisor.Family(Workers, w.member(), process.Most(-1))}}}.Start(w.ctx)
		if err == nil {
			t.Error("a family of -1 starts")
		}
		root := w.start(supervisor.Child{Run: supervisor.Process(A, w.open("a"), process.Mailbox{Size: 1})})
		if err := process.Cast(w.ctx, A, (*worker).Rest, time.Hour); err != nil {
			t.Fatal(err)
		}
		w.settle()
		if err := process.Signal(w.ctx, A, (*worker).Crash); err != nil {
			t.Fatal(err)
		}
		isErr(t, process.Signal(w.ctx, A, (*worker).Crash), process.ErrTimeout)
		root.Stop()
		w.after(2 * time.Hour)
	})
}
