package process_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

// courier is a process that hands numbers on.
type courier struct {
	to   process.Ref[courier]
	seen []int
}

func (c *courier) Pass(ctx context.Context, n int) error {
	if c.seen = append(c.seen, n); c.to == (process.Ref[courier]{}) {
		return nil
	}
	return process.Cast(ctx, c.to, (*courier).Pass, n)
}

func (c *courier) Seen(context.Context) ([]int, error) { return c.seen, nil }

// What one sender sends to one receiver stays in order on its way through many goroutines.
func TestOrderOfHandedOnMessages(t *testing.T) {
	const hops, lanes, each = 8, 4, 500
	ctx := processtest.Node(t)
	open := func(to process.Ref[courier]) process.Ref[courier] {
		return spawn(t, ctx, func(context.Context) (*courier, error) { return &courier{to: to}, nil }, process.Mailbox{Size: lanes * each})
	}
	ends := make([]process.Ref[courier], lanes)
	var wg sync.WaitGroup
	for lane := range lanes {
		at := open(process.Ref[courier]{})
		ends[lane] = at
		for range hops {
			at = open(at)
		}
		wg.Go(func() {
			for i := range each {
				is(t, process.Cast(ctx, at, (*courier).Pass, i))
				if i%7 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	for _, end := range ends {
		var seen []int
		for deadline := time.Now().Add(5 * time.Second); len(seen) < each && time.Now().Before(deadline); runtime.Gosched() {
			var err error
			seen, err = process.Ask(ctx, end, (*courier).Seen)
			is(t, err)
			seen = slices.Clone(seen)
		}
		if len(seen) != each || !slices.IsSorted(seen) {
			t.Errorf("%d of %d arrived, in order: %v", len(seen), each, slices.IsSorted(seen))
		}
	}
}

// tape is a process that notes numbers, and does with some what a test says.
type tape struct{ *reel }

type reel struct {
	mu    sync.Mutex
	lines []string
	act   map[int]func(ctx context.Context) error
	lives int
}

func (r *reel) open(context.Context) (*tape, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lives++
	return &tape{r}, nil
}

func (t *tape) Play(ctx context.Context, n int) error {
	t.mu.Lock()
	life := t.lives
	act := t.act[n]
	t.mu.Unlock()
	if act != nil {
		if err := act(ctx); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, fmt.Sprintf("%d/%d", life, n))
	return nil
}

func (r *reel) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

const theTape process.Name[tape] = "tape"

// queueBehind queues casts of the numbers, so that they make batches.
func queueBehind(t testing.TB, ctx context.Context, numbers int) (release func()) {
	t.Helper()
	free := make(chan struct{})
	fling(t, ctx, theTape, func(context.Context) error { <-free; return nil })
	synctest.Wait()
	for n := range numbers {
		is(t, process.Cast(ctx, theTape, (*tape).Play, n))
	}
	return func() { close(free) }
}

// lives gives the lines of numbers where the life of one ends with each of ends, which are
// left out.
func livesOf(numbers int, ends ...int) (want []string) {
	life := 1
	for n := range numbers {
		if slices.Contains(ends, n) {
			life++
			continue
		}
		want = append(want, fmt.Sprintf("%d/%d", life, n))
	}
	return want
}

// A crash anywhere in a batch takes its own message with it and no other.
func TestCrashInABatch(t *testing.T) {
	const numbers = 150 // three batches
	for name, crash := range map[string]func(context.Context) error{
		"error":  func(context.Context) error { return errSour },
		"panic":  func(context.Context) error { panic(errSour) },
		"Goexit": func(context.Context) error { runtime.Goexit(); return nil },
		"stop":   func(ctx context.Context) error { _ = process.Stop(ctx, errSour); return errSour },
	} {
		for _, ends := range [][]int{{0}, {62}, {63}, {64}, {65}, {149}, {3, 4, 5}, {0, 63, 64, 128}} {
			t.Run(fmt.Sprint(name, ends), func(t *testing.T) {
				bubble(t, func(t *testing.T, ctx context.Context) {
					r := &reel{act: map[int]func(context.Context) error{}}
					for _, n := range ends {
						r.act[n] = crash
					}
					k := keep(t, ctx, theTape, r.open)
					queueBehind(t, ctx, numbers)()
					processtest.Settle(t, ctx, theTape)
					synctest.Wait()
					equal(t, r.all(), livesOf(numbers, ends...)...)
					if i := k.slot.Info(); i.Restarts != len(ends) || i.Handled != numbers+2 || i.Waiting != 0 {
						t.Errorf("%d restarts, %d handled, %d wait; want %d, %d and none", i.Restarts, i.Handled, i.Waiting, len(ends), numbers+2)
					}
				})
			})
		}
	}
}

// Where a handler is abandoned in a batch its successor has the rest, each once.
func TestAbandonedInABatch(t *testing.T) {
	const numbers = 150
	for _, at := range []int{0, 1, 63, 64, 149} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			roughBubble(t, func(t *testing.T, ctx context.Context, abandoned func() int64) {
				free := make(chan struct{})
				r := &reel{act: map[int]func(context.Context) error{at: func(context.Context) error { <-free; return errors.New("zombie") }}}
				k := keep(t, ctx, theTape, r.open, process.ShutdownTime(time.Second))
				queueBehind(t, ctx, numbers)()
				synctest.Wait()
				if i := k.slot.Info(); i.Waiting != numbers-at-1 || i.Handled != uint64(at)+1 {
					t.Errorf("%d wait, %d handled, want %d and %d", i.Waiting, i.Handled, numbers-at-1, at+1)
				}
				is(t, process.Exit(ctx, theTape, errSour))
				processtest.Settle(t, ctx, theTape)
				close(free) // the zombie goes on, and may do nothing
				synctest.Wait()
				processtest.Settle(t, ctx, theTape)
				equal(t, r.all(), livesOf(numbers, at)...)
				if abandoned() != 1 {
					t.Errorf("%d abandoned, want 1", abandoned())
				}
			})
		})
	}
}

// A zombie's panic or Goexit ends nothing but itself.
func TestZombieUnwinds(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("zombie") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			roughBubble(t, func(t *testing.T, ctx context.Context, _ func() int64) {
				free := make(chan struct{})
				behind := newBox(t, ctx)
				r := &reel{act: map[int]func(context.Context) error{1: func(ctx context.Context) error {
					is(t, process.Cast(ctx, behind, (*box).Note, "in line"))
					<-free
					end()
					return nil
				}}}
				keep(t, ctx, theTape, r.open, process.ShutdownTime(0))
				queueBehind(t, ctx, 5)()
				synctest.Wait()
				is(t, process.Exit(ctx, theTape, errSour))
				processtest.Settle(t, ctx, theTape)
				close(free)
				synctest.Wait()
				processtest.Settle(t, ctx, theTape)
				equal(t, r.all(), livesOf(5, 1)...)
				equal(t, notes(t, ctx, behind), "in line")
			})
		})
	}
}

// late gives a method that says how long after start it ran.
func late(start time.Time, worst *atomic.Int64, ran *atomic.Int64) func(*box, context.Context) error {
	return func(*box, context.Context) error {
		ran.Add(1)
		for d := int64(time.Since(start)); ; {
			if w := worst.Load(); d <= w || worst.CompareAndSwap(w, d) {
				return nil
			}
		}
	}
}

const foreman = time.Millisecond // no line stands for longer

// Who is in line behind a handler that takes long is not kept for long.
func TestLongHandlerDelaysNobody(t *testing.T) {
	for name, long := range map[string]func(context.Context){
		"sleep":   func(context.Context) { time.Sleep(time.Hour) },
		"channel": func(context.Context) { <-time.After(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				worst, ran := inLineBehind(t, ctx, 10, long)
				time.Sleep(2 * time.Hour)
				if ran.Load() != 10 || worst.Load() > int64(foreman) {
					t.Errorf("%d ran, the last after %v, want 10 within %v", ran.Load(), time.Duration(worst.Load()), foreman)
				}
			})
		})
	}
}

// inLineBehind puts n processes into line behind a handler that does what then says, and
// gives how long they wait.
func inLineBehind(t testing.TB, ctx context.Context, n int, then func(context.Context)) (worst, ran *atomic.Int64) {
	t.Helper()
	worst, ran = new(atomic.Int64), new(atomic.Int64)
	first := newBox(t, ctx)
	quick := make([]process.Ref[box], n)
	for i := range quick {
		quick[i] = newBox(t, ctx)
	}
	fling(t, ctx, first, func(ctx context.Context) error {
		start := time.Now()
		for _, to := range quick {
			is(t, process.Signal(ctx, to, late(start, worst, ran)))
		}
		then(ctx)
		return nil
	})
	return worst, ran
}

// Who is in line behind a handler that waits by the means of this package is not kept at all.
func TestWaitingHandlerDelaysNobody(t *testing.T) {
	for name, wait := range map[string]func(t *testing.T, ctx context.Context, slow process.Ref[box], full process.Ref[box]){
		"Call": func(t *testing.T, ctx context.Context, slow, _ process.Ref[box]) {
			_, err := process.Call(ctx, slow, (*box).Echo, 1)
			is(t, err, process.ErrTimeout)
		},
		"Do": func(t *testing.T, ctx context.Context, slow, _ process.Ref[box]) {
			is(t, process.Do(ctx, slow, (*box).Note, "x"), process.ErrTimeout)
		},
		"a derived context": func(t *testing.T, ctx context.Context, slow, _ process.Ref[box]) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			is(t, process.Do(ctx, slow, (*box).Note, "x"), process.ErrTimeout)
		},
		"Wait": func(t *testing.T, ctx context.Context, slow, _ process.Ref[box]) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := process.Wait(ctx, slow)
			is(t, err, context.DeadlineExceeded)
		},
		"Spawn": func(t *testing.T, ctx context.Context, _, _ process.Ref[box]) {
			spawn(t, ctx, func(context.Context) (*box, error) { time.Sleep(time.Second); return &box{new(record)}, nil })
		},
		"Compute": func(t *testing.T, ctx context.Context, _, _ process.Ref[box]) {
			_, err := process.Compute(ctx, func(context.Context) (int, error) { time.Sleep(time.Second); return 0, nil })
			is(t, err)
		},
		"State": func(t *testing.T, ctx context.Context, slow, _ process.Ref[box]) {
			_, err := process.State(ctx, slow)
			is(t, err, process.ErrTimeout)
		},
		"Restart": func(t *testing.T, ctx context.Context, slow, _ process.Ref[box]) {
			is(t, process.Restart(ctx, slow), process.ErrTimeout)
		},
		"full mailbox": func(t *testing.T, ctx context.Context, _, full process.Ref[box]) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			is(t, process.Do(ctx, full, (*box).Note, "x"), process.ErrTimeout)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				slow, full := newBox(t, ctx), newBox(t, ctx, process.Mailbox{Size: 1})
				release, drain := block(t, ctx, slow), block(t, ctx, full)
				is(t, process.Cast(ctx, full, (*box).Note, ""))
				worst, ran := inLineBehind(t, ctx, 10, func(ctx context.Context) { wait(t, ctx, slow, full) })
				time.Sleep(10 * time.Second)
				if ran.Load() != 10 || worst.Load() != 0 {
					t.Errorf("%d ran, the last after %v, want 10 at once", ran.Load(), time.Duration(worst.Load()))
				}
				release()
				drain()
			})
		})
	}
}

// Slot.Stop does not know whose handler waits in it: the foreman sees to its line.
func TestStoppingHandlerDelaysNobody(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		k := keep(t, ctx, "staged", (&staged{term: func(context.Context, process.Reason) { time.Sleep(time.Second) }}).start)
		worst, ran := inLineBehind(t, ctx, 10, func(context.Context) { k.slot.Stop(process.Shutdown, time.Minute) })
		time.Sleep(time.Minute)
		if ran.Load() != 10 || worst.Load() > int64(foreman) {
			t.Errorf("%d ran, the last after %v, want 10 within %v", ran.Load(), time.Duration(worst.Load()), foreman)
		}
	})
}

// Goexit in a handler takes nobody of its line along.
func TestGoexitWithOthersInLine(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		for _, n := range []int{1, 10, 1000} {
			worst, ran := inLineBehind(t, ctx, n, func(context.Context) { runtime.Goexit() })
			synctest.Wait()
			if ran.Load() != int64(n) || worst.Load() != 0 {
				t.Errorf("%d of %d ran, the last after %v", ran.Load(), n, time.Duration(worst.Load()))
			}
		}
	})
}

// Many that are sent to by one handler are shared among goroutines, and each runs once.
func TestFanOut(t *testing.T) {
	const many, times = 10_000, 3
	ctx := processtest.Node(t)
	var ran atomic.Int64
	refs := make([]process.Ref[box], many)
	for i := range refs {
		refs[i] = newBox(t, ctx)
	}
	from := newBox(t, ctx)
	for range times {
		is(t, do(ctx, from, func(ctx context.Context) error {
			for _, to := range refs {
				is(t, process.Signal(ctx, to, func(*box, context.Context) error { ran.Add(1); return nil }))
			}
			return nil
		}))
	}
	for _, to := range refs {
		processtest.Settle(t, ctx, to)
	}
	if ran.Load() != many*times {
		t.Errorf("%d ran, want %d", ran.Load(), many*times)
	}
}

// A process with much mail lets those in line have their turn after each batch.
func TestBatchesTakeTurns(t *testing.T) {
	ctx := processtest.Node(t)
	greedy := newBox(t, ctx)
	other := newBox(t, ctx)
	var before, left atomic.Int64
	free := make(chan struct{})
	fling(t, ctx, greedy, func(context.Context) error { <-free; return nil })
	is(t, process.Signal(ctx, greedy, func(_ *box, ctx context.Context) error {
		return process.Signal(ctx, other, func(*box, context.Context) error { before.Store(left.Load()); return nil })
	}))
	for range 1000 {
		is(t, process.Signal(ctx, greedy, func(*box, context.Context) error { left.Add(1); return nil }))
	}
	close(free)
	processtest.Settle(t, ctx, greedy)
	processtest.Settle(t, ctx, other)
	if n := before.Load(); n > 64 {
		t.Errorf("the other ran after %d messages, want its turn within 64", n)
	}
}
