package process_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// worker handles numbered messages; the ledger says how often each was handled.
type worker struct{ ledger *ledger }

type ledger struct {
	handled sync.Map // number → *atomic.Int64
}

func (l *ledger) of(n int) *atomic.Int64 {
	c, _ := l.handled.LoadOrStore(n, new(atomic.Int64))
	return c.(*atomic.Int64)
}

func (w *worker) Cast(_ context.Context, n int) error { w.ledger.of(n).Add(1); return nil }
func (w *worker) Call(_ context.Context, n int) (int, error) {
	w.ledger.of(n).Add(1)
	return n, nil
}
func (w *worker) Panic(context.Context) error { panic("storm") }
func (w *worker) Fail(context.Context) error  { return errSour }
func (w *worker) Nap(context.Context) error   { time.Sleep(50 * time.Microsecond); return nil }

// pool owns slots that it always restarts.
type pool struct{ slots []*process.Slot }

func (p *pool) down(ctx context.Context, d process.Down) error {
	d.Target.(*process.Slot).Restart(process.Outside(ctx))
	return nil
}

func (p *pool) Terminate(context.Context, process.Reason) {
	for _, s := range p.slots {
		s.Retire(process.Shutdown)
	}
}

// Processes that crash, stop and are killed at random, under senders that do not stop:
// each call gets one answer; each cast that a surviving slot took is handled once, and
// nothing is handled twice.
func TestStorm(t *testing.T) {
	const seed, slots, senders, each = 1, 4, 8, 400
	ctx := telemetry.WithLogger(t.Context(), slog.New(slog.DiscardHandler))
	node := process.NewNode(ctx)
	ctx = node.Context(ctx)
	book := new(ledger)
	open := func(context.Context) (*worker, error) { return &worker{book}, nil }
	spawn(t, ctx, func(ctx context.Context) (*pool, error) {
		port, err := process.Bind(ctx, (*pool).down)
		p := new(pool)
		for i := 0; i < slots && err == nil; i++ {
			var s *process.Slot
			s, err = process.NewSlot(ctx, port, process.Name[worker](fmt.Sprint("w", i)), open, process.Mailbox{Size: 1 + i*i})
			if err == nil {
				err = s.Start(ctx)
				p.slots = append(p.slots, s)
			}
		}
		return p, err
	})
	var accepted sync.Map // number → true: a cast
	var calls, answers atomic.Int64
	var wg sync.WaitGroup
	for sender := range senders {
		rng := rand.New(rand.NewSource(seed + int64(sender)))
		wg.Go(func() {
			unowned := spawn(t, ctx, open)
			for i := range each {
				n := sender*each + i
				to := process.Name[worker](fmt.Sprint("w", rng.Intn(slots)))
				switch k := rng.Intn(100); {
				case k < 40:
					is(t, process.Cast(ctx, to, (*worker).Cast, n))
					accepted.Store(n, true)
				case k < 70:
					calls.Add(1)
					out, err := process.Call(ctx, to, (*worker).Call, n)
					answers.Add(1)
					if err == nil && out != n {
						t.Errorf("the answer to %d is %d", n, out)
					}
					if err != nil && !errors.Is(err, process.ErrDead) {
						t.Errorf("call %d: %v", n, err)
					}
				case k < 76:
					is(t, process.Run(ctx, to, (*worker).Panic), process.ErrDead)
				case k < 82:
					is(t, process.Signal(ctx, to, (*worker).Fail))
				case k < 86:
					is(t, process.Exit(ctx, to, process.Shutdown))
				case k < 88:
					is(t, process.Signal(ctx, to, (*worker).Nap))
				case k < 92:
					short, cancel := context.WithTimeout(ctx, time.Duration(rng.Intn(100))*time.Microsecond)
					if _, err := process.Call(short, to, (*worker).Call, n); err == nil {
						accepted.Store(n, true)
					}
					cancel()
				default: // its own process, that nobody restarts
					if _, err := process.Call(ctx, unowned, (*worker).Call, n); err == nil {
						accepted.Store(n, true)
					} else {
						is(t, err, process.ErrDead)
						unowned = spawn(t, ctx, open)
					}
					if rng.Intn(2) == 0 {
						is(t, process.Exit(ctx, unowned, process.Kill))
					}
				}
			}
		})
	}
	wg.Wait()
	for i := range slots { // behind all that was cast
		to := process.Name[worker](fmt.Sprint("w", i))
		is(t, process.Run(ctx, to, (*worker).Nap))
	}
	accepted.Range(func(n, _ any) bool {
		if c := book.of(n.(int)).Load(); c != 1 {
			t.Errorf("message %d was accepted and handled %d times", n, c)
		}
		return true
	})
	book.handled.Range(func(n, c any) bool {
		if c := c.(*atomic.Int64).Load(); c > 1 {
			t.Errorf("message %d was handled %d times", n, c)
		}
		return true
	})
	if calls.Load() != answers.Load() {
		t.Errorf("%d calls, %d answers", calls.Load(), answers.Load())
	}
	node.Close()
	if left := node.Processes(); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}
