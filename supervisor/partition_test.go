package supervisor_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

const Shards process.Family[worker] = "shards"

// shards makes an entry run n workers named as their index.
func (w *world) shards(n int, entry supervisor.Child, opens ...func(ctx context.Context, life int) error) supervisor.Child {
	entry.Run = supervisor.Partition(Shards, n, w.member(opens...))
	return entry
}

// shard asks which copy a key leads to.
func (w *world) shard(key string) string {
	w.Helper()
	name, err := process.Ask(w.ctx, Shards.Of(key), (*worker).Name)
	if err != nil {
		w.Error(err)
	}
	return name
}

func TestPartitionStartsItsCopiesInOrder(t *testing.T) {
	bubble(t, func(w *world) {
		slow := func(context.Context, int) error { time.Sleep(time.Second); return nil }
		root := w.start(supervisor.Child{Run: w.worker(A)}, w.shards(3, supervisor.Child{}, slow), supervisor.Child{Run: w.worker(B)})
		w.expect("+a +0 +1 +2 +b")
		s := w.status("root").Children[1]
		if s.Kind != "partition" || s.Strategy != "one_for_one" || s.Restart != "permanent" || len(s.Children) != 3 || s.Children[2].Name != "2" {
			t.Errorf("got %+v", s)
		}
		root.Stop()
		w.expect("-b -2 -1 -0 -a")
	})
}

func TestPartitionHasAsManyCopiesAsProcessors(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(w.shards(0, supervisor.Child{}))
		n, err := supervisor.CountChildren(w.ctx, "root/shards")
		must(t, err)
		if cpus := runtime.GOMAXPROCS(0); n != (supervisor.Counts{Specs: cpus, Active: cpus, Workers: cpus}) {
			t.Errorf("got %+v", n)
		}
		root.Stop()
	})
	tree := supervisor.Tree{Children: []supervisor.Child{{Run: supervisor.Partition(Shards, -1, func(context.Context) (*worker, error) { return nil, nil })}}}
	isErr(t, tree.Check(), fault.Invalid)
}

func TestPartitionRoutesByKey(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(w.shards(7, supervisor.Child{}))
		for key, want := range map[string]string{
			"0": "0", "6": "6", "7": "0", "8": "1", "-8": "1", "-0": "0", "007": "0", "700000000000000000000000000000000003": "3",
		} {
			if got := w.shard(key); got != want {
				t.Errorf("%q is at %s, want %s", key, got, want)
			}
		}
		for _, key := range []string{"", "-", "user:42", "1.5", "1e3", "+1", "٣", "a", "--1"} {
			want := w.shard(key)
			w.crash(Shards.Of(key))
			for range 3 {
				if got := w.shard(key); got != want {
					t.Errorf("%q is at %s, then at %s", key, want, got)
				}
			}
			w.after(time.Minute)
		}
		count := map[string]int{}
		for i := range 7000 {
			count[w.shard(fmt.Sprint("user:", i))]++
		}
		for name, n := range count {
			if n < 900 || n > 1100 {
				t.Errorf("copy %s has %d of 7000 keys", name, n)
			}
		}
		root.Stop()
	})
}

func TestPartitionCopiesKnowTheirIndex(t *testing.T) {
	bubble(t, func(w *world) {
		var mu sync.Mutex
		var keys []string
		root := w.start(supervisor.Child{Run: supervisor.Partition(Shards, 3, func(ctx context.Context) (*worker, error) {
			mu.Lock()
			defer mu.Unlock()
			keys = append(keys, process.Self[worker](ctx).Key())
			return new(worker), nil
		})})
		if fmt.Sprint(keys) != "[0 1 2]" {
			t.Error(keys)
		}
		root.Stop()
	})
}

func TestPartitionIsOneForOneWithABudget(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A)}, w.shards(3, supervisor.Child{}))
		w.settle()
		w.read()
		for _, key := range []string{"0", "2", "2"} {
			w.crash(Shards.Of(key))
		}
		w.expect("!0 +0 !2 +2 !2 +2")
		w.crash(Shards.Of("1")) // the fourth within 5 s: it gives up, and is restarted as a whole
		w.expect("!1 -2 -0 +0 +1 +2")
		w.runs(root)
		root.Stop()
	})
}

func TestPartitionEntryIsItsCopies(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(w.shards(2, supervisor.Child{Restart: supervisor.Transient, Backoff: supervisor.Backoff{First: time.Second}, Shutdown: 2 * time.Second, Lifetime: time.Hour}))
		w.end(Shards.Of("0"))
		w.crash(Shards.Of("1"))
		w.after(2 * time.Second)
		w.expect("+0 +1 -0 !1 +1")
		_, err := process.Ask(w.ctx, Shards.Of("0"), (*worker).Life)
		isErr(t, err, process.ErrDead)
		must(t, supervisor.RestartChild(w.ctx, "root/shards", "0"))
		if w.shard("0") != "0" {
			t.Error("it should be back")
		}
		must(t, supervisor.TerminateChild(w.ctx, "root/shards", "0"))
		w.expect("+0 -0")
		w.after(time.Hour)
		w.expect("-1")
		must(t, supervisor.RestartChild(w.ctx, "root/shards", "1"))
		stuck := make(chan struct{})
		must(t, process.Cast(w.ctx, Shards.Of("1"), (*worker).Wait, stuck))
		w.settle()
		began := time.Now()
		root.Stop()
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		close(stuck)
	})
}

func TestPartitionChildrenAreFixed(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(w.shards(2, supervisor.Child{}))
		must(t, supervisor.StartChild(w.ctx, "root/shards", supervisor.Child{Run: w.worker(A)}), fault.Invalid)
		must(t, supervisor.TerminateChild(w.ctx, "root/shards", "1"))
		must(t, supervisor.DeleteChild(w.ctx, "root/shards", "1"), fault.Invalid)
		must(t, supervisor.RestartChild(w.ctx, "root/shards", "1"))
		root.Stop()
	})
}

func TestPartitionResize(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(w.shards(4, supervisor.Child{}))
		w.expect("+0 +1 +2 +3")
		must(t, supervisor.Resize(w.ctx, "root/shards", 2))
		w.expect("-3 -2")
		for i := range 8 {
			if got, want := w.shard(strconv.Itoa(i)), strconv.Itoa(i%2); got != want {
				t.Errorf("%d is at %s, want %s", i, got, want)
			}
		}
		must(t, supervisor.Resize(w.ctx, "root/shards", 3))
		w.expect("+2")
		if got := w.shard("2"); got != "2" {
			t.Error(got)
		}
		must(t, supervisor.Resize(w.ctx, "root/shards", 0))
		w.expect("-2 -1 -0")
		_, err := process.Ask(w.ctx, Shards.Of("x"), (*worker).Life)
		isErr(t, err, process.ErrNoProcess)
		must(t, supervisor.Resize(w.ctx, "root/shards", 4))
		w.expect("+0 +1 +2 +3")
		for _, n := range []int{-1, 5} {
			must(t, supervisor.Resize(w.ctx, "root/shards", n), fault.Invalid)
		}
		must(t, supervisor.Resize(w.ctx, "root", 1), fault.Invalid)
		root.Stop()
	})
}

func TestPartitionResizeOfTemporaryOrFailingCopies(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(w.shards(3, supervisor.Child{Restart: supervisor.Temporary}, func(ctx context.Context, life int) error {
			return fail(life == 2 && process.Self[worker](ctx).Key() == "2")
		}))
		must(t, supervisor.Resize(w.ctx, "root/shards", 1))
		must(t, supervisor.Resize(w.ctx, "root/shards", 3), errCrash)
		w.expect("+0 +1 +2 -2 -1 +1 x2")
		if got := w.shard("3"); got != "1" {
			t.Errorf("two are in use, but 3 is at %s", got)
		}
		must(t, supervisor.Resize(w.ctx, "root/shards", 3))
		w.expect("+2")
		root.Stop()
	})
}

func TestPartitionOwnsItsFamily(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(w.shards(2, supervisor.Child{}))
		must(t, w.startChild(supervisor.Child{Name: "x", Run: supervisor.Family(Shards, w.member())}), fault.Conflict)
		must(t, supervisor.KillTree(w.ctx, "root/shards"))
		w.settle()
		if w.shard("5") != "1" {
			t.Error("it should be back")
		}
		root.Stop()
		_, err := process.Ask(w.ctx, Shards.Of("1"), (*worker).Life)
		isErr(t, err, process.ErrNoProcess)
		// One that fails to start gives the family back.
		_, err = supervisor.Tree{Children: []supervisor.Child{w.shards(2, supervisor.Child{}, func(ctx context.Context, _ int) error {
			return fail(process.Self[worker](ctx).Key() == "1")
		})}}.Start(w.ctx)
		isErr(t, err, errCrash)
		root = w.start(w.shards(2, supervisor.Child{}))
		root.Stop()
	})
}

// A copy may speak to those that started before it, and not yet to those after.
func TestPartitionCopiesSpeakToEachOther(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(w.shards(3, supervisor.Child{}, func(ctx context.Context, _ int) error {
			i, err := strconv.Atoi(process.Self[worker](ctx).Key())
			if err != nil {
				return err
			}
			if i > 0 {
				if _, err := process.Ask(ctx, Shards.Of(strconv.Itoa(i-1)), (*worker).Life); err != nil {
					return err
				}
			}
			if i < 2 {
				_, err := process.Ask(ctx, Shards.Of(strconv.Itoa(i+1)), (*worker).Life)
				isErr(w, err, process.ErrNoProcess)
			}
			return nil
		}))
		root.Stop()
	})
}
