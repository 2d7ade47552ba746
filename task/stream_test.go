package task_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/task"
	"github.com/bennu-go/bennu/telemetry"
)

func TestStreamInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		var running, most atomic.Int64
		square := func(_ context.Context, n int) (int, error) {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			time.Sleep(time.Duration(10-n) * time.Second / 4)
			return n * n, nil
		}
		var got []int
		start := time.Now()
		for out, err := range task.Stream(ctx, slices.Values([]int{1, 2, 3, 4, 5}), square, task.Concurrency(3)) {
			is(t, err, nil)
			got = append(got, out)
		}
		if fmt.Sprint(got) != "[1 4 9 16 25]" || most.Load() != 3 {
			t.Errorf("got %v, %d at a time", got, most.Load())
		}
		if d := time.Since(start); d != 9*time.Second/4+6*time.Second/4 {
			t.Errorf("it took %v", d)
		}
	})
}

func TestStreamUnordered(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		sleep := func(_ context.Context, n int) (int, error) { time.Sleep(time.Duration(n) * time.Second); return n, nil }
		var got []int
		for out, err := range task.Stream(ctx, slices.Values([]int{3, 1, 2}), sleep, task.Concurrency(3), task.Unordered()) {
			is(t, err, nil)
			got = append(got, out)
		}
		if fmt.Sprint(got) != "[1 2 3]" {
			t.Errorf("got %v", got)
		}
	})
}

func TestStreamTimeout(t *testing.T) {
	rough(t, func(t *testing.T, ctx context.Context) {
		sleep := func(_ context.Context, n int) (int, error) { time.Sleep(time.Duration(n) * time.Second); return n, nil }
		for _, order := range [][]task.Option{nil, {task.Unordered()}} {
			got := map[string]int{}
			for out, err := range task.Stream(ctx, slices.Values([]int{7, 1, 6, 2}), sleep, append(order, task.Concurrency(2))...) {
				if err != nil {
					is(t, err, process.ErrTimeout)
				}
				got[fmt.Sprint(out, err != nil)]++
			}
			if got["0 true"] != 2 || got["1 false"] != 1 || got["2 false"] != 1 {
				t.Errorf("got %v", got)
			}
		}
		count := 0
		for range task.Stream(ctx, slices.Values([]int{60}), sleep, task.Timeout(0)) {
			count++
		}
		time.Sleep(time.Minute)
		if count != 1 {
			t.Errorf("%d results", count)
		}
	})
}

// An item that heeds its context is not abandoned at its time.
func TestLateItemThatStops(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		for _, err := range task.Stream(ctx, slices.Values([]int{1}), func(ctx context.Context, _ int) (int, error) { return after(time.Hour, 0, nil)(ctx) }) {
			is(t, err, process.ErrTimeout)
		}
		if n := telemetry.CountersOf(ctx).Counter("process.abandoned").Value(); n != 0 {
			t.Errorf("%d abandoned", n)
		}
	})
}

// An item is ended at its time, whatever the loop does meanwhile.
func TestStreamEndsLateItems(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		var ended atomic.Int64
		start := time.Now()
		fn := func(ctx context.Context, n int) (int, error) {
			if n == 0 {
				return 0, nil
			}
			<-ctx.Done()
			ended.Store(int64(time.Since(start)))
			return 0, ctx.Err()
		}
		for range task.Stream(ctx, slices.Values([]int{0, 1}), fn, task.Concurrency(2)) {
			time.Sleep(20 * time.Second)
		}
		synctest.Wait()
		if d := time.Duration(ended.Load()); d != 5*time.Second {
			t.Errorf("the item was ended after %v, want 5s", d)
		}
	})
}

// What has finished in its time is not late, however slow the loop is.
func TestStreamSlowLoop(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		quick := func(_ context.Context, n int) (int, error) { time.Sleep(time.Second); return n, nil }
		late, n := 0, 0
		for _, err := range task.Stream(ctx, slices.Values(make([]int, 40)), quick, task.Concurrency(4)) {
			if err != nil {
				late++
			}
			n++
			time.Sleep(10 * time.Second)
		}
		if late > 0 || n != 40 {
			t.Errorf("%d of %d items that took 1 s are late", late, n)
		}
	})
}

func TestStreamErrorsAndPanics(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		odd := func(_ context.Context, n int) (int, error) {
			switch n {
			case 1:
				return 0, errSour
			case 2:
				panic("burst")
			}
			return n, nil
		}
		var got []fault.Kind
		for _, err := range task.Stream(ctx, slices.Values([]int{1, 2, 3}), odd) {
			var p *process.Panic
			if errors.As(err, &p) {
				got = append(got, fault.Conflict)
			} else if err != nil {
				got = append(got, fault.Of(err))
			}
		}
		if fmt.Sprint(got) != fmt.Sprint([]fault.Kind{fault.Internal, fault.Conflict}) {
			t.Errorf("got %v", got)
		}
	})
}

// It reads no further ahead than it works, and leaving the loop ends what runs.
func TestStreamBreaks(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		read := 0
		var began, ended atomic.Int64
		endless := iter.Seq[int](func(yield func(int) bool) {
			for read = 1; yield(read); read++ {
			}
		})
		slow := func(ctx context.Context, n int) (int, error) {
			if n == 1 {
				return n, nil
			}
			began.Add(1)
			<-ctx.Done()
			ended.Add(1)
			return 0, ctx.Err()
		}
		for range task.Stream(ctx, endless, slow, task.Concurrency(3)) {
			break
		}
		synctest.Wait()
		if read != 3 || ended.Load() != began.Load() {
			t.Errorf("it has read %d, and of %d that began %d were ended", read, began.Load(), ended.Load())
		}
	})
}

// When the loop has been left, what ran in it has ended.
func TestStreamLeftHasEnded(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		var running atomic.Int64
		fn := func(ctx context.Context, n int) (int, error) {
			if n == 0 {
				time.Sleep(time.Millisecond)
				return 0, nil
			}
			running.Add(1)
			defer running.Add(-1)
			<-ctx.Done()
			time.Sleep(time.Second) // puts things in order
			return 0, ctx.Err()
		}
		for range task.Stream(ctx, slices.Values([]int{0, 1, 2}), fn, task.Concurrency(3)) {
			break
		}
		if n := running.Load(); n != 0 {
			t.Errorf("%d still run", n)
		}
	})
}

func TestStreamEndsWithContext(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		var last error
		n := 0
		for _, err := range task.Stream(short, slices.Values([]int{1, 2}), func(ctx context.Context, _ int) (int, error) { return after(time.Hour, 0, nil)(ctx) }) {
			last = err
			n++
		}
		is(t, last, context.DeadlineExceeded)
		if n != 1 {
			t.Errorf("%d results", n)
		}
	})
}

// A handler that waits for results does not wait for a turn.
func TestStreamInHandler(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := spawn(t, ctx)
		start := time.Now()
		n := 0
		err := process.Do(ctx, ref, (*owner).Do, func(ctx context.Context, _ *owner) error {
			for range task.Stream(ctx, slices.Values(make([]int, 100)), func(context.Context, int) (int, error) { return 1, nil }) {
				n++
			}
			return nil
		})
		is(t, err, nil)
		if d := time.Since(start); d != 0 || n != 100 {
			t.Errorf("%d items that take no time took %v", n, d)
		}
	})
}

func TestStreamWithoutNode(t *testing.T) {
	n := 0
	for _, err := range task.Stream(t.Context(), slices.Values([]int{1, 2}), func(context.Context, int) (int, error) { return 1, nil }) {
		is(t, err, process.ErrNoNode)
		n++
	}
	if n != 2 {
		t.Error(n)
	}
}

// A panic of the loop, or of the input, goes its way, and leaves nothing.
func TestStreamPanicsOutside(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		endless := func(yield func(int) bool) {
			for n := 0; yield(n); n++ {
				if n == 5 {
					panic("input")
				}
			}
		}
		wait := func(ctx context.Context, n int) (int, error) {
			if n == 0 {
				return 0, nil
			}
			<-ctx.Done()
			return 0, ctx.Err()
		}
		for concurrency, want := range map[int]string{2: "loop", 10: "input"} {
			func() {
				defer func() {
					if got := recover(); got != want {
						t.Errorf("recovered %v, want %v", got, want)
					}
				}()
				for range task.Stream(ctx, endless, wait, task.Concurrency(concurrency)) {
					panic("loop")
				}
			}()
		}
		if n, err := process.NodeOf(ctx); err != nil || n.Count() != 0 {
			t.Errorf("%d processes are left", n.Count())
		}
	})
}
