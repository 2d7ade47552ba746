package process_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// fighter is a process of the melee. It crashes, waits, postpones, links and computes as it
// is told.
type fighter struct {
	of    func(n int) *atomic.Int64 // of the ledger, which a State must not look into
	index int
	shut  bool // postpones
}

const (
	fighters                        = 5
	arena    process.Group[fighter] = "arena"
	champion process.Name[fighter]  = "champion"
)

func fighterName(i int) process.Name[fighter] { return process.Name[fighter](fmt.Sprint("fighter", i)) }

func (f *fighter) Hit(_ context.Context, n int) error {
	if f.shut && n%3 == 0 {
		return process.Postpone
	}
	f.of(n).Add(1)
	return nil
}

func (f *fighter) Parry(ctx context.Context, n int) (int, error) { return n, f.Hit(ctx, n) }

func (f *fighter) Shut(context.Context) error     { f.shut = true; return nil }
func (f *fighter) Open(ctx context.Context) error { f.shut = false; return process.Replay(ctx) }

func (f *fighter) Snapshot(context.Context) ([]byte, error) {
	return strconv.AppendInt(nil, int64(f.index), 10), nil
}

func (f *fighter) Restore(_ context.Context, b []byte) error {
	if string(b) != strconv.Itoa(f.index) {
		return errors.New("the snapshot of another")
	}
	return nil
}

func (f *fighter) Rest(ctx context.Context) error {
	_, err := process.WhenIdle(ctx, time.Millisecond, (*fighter).Rest)
	return err
}

func (f *fighter) Heard(context.Context, process.Exited) error { return nil }
func (f *fighter) Down(context.Context, process.Down) error    { return nil }

// move makes the fighter do what the number says, in its own process.
func (f *fighter) move(ctx context.Context, n int) error {
	peer := fighterName((f.index + 1 + n/100%(fighters-1)) % fighters)
	switch n % 16 {
	case 0:
		return errSour
	case 1:
		panic("melee")
	case 2:
		runtime.Goexit()
	case 3:
		return process.Stop(ctx, process.Shutdown)
	case 4:
		return ignore(process.Link(ctx, peer))
	case 5:
		return ignore(process.Trap(ctx, (*fighter).Heard))
	case 6:
		_, err := process.Monitor(ctx, peer, (*fighter).Down)
		return ignore(err)
	case 7:
		_, err := process.Compute(ctx, func(context.Context) (int, error) { runtime.Gosched(); return 0, nil })
		return ignore(err)
	case 8:
		for i := range 5 {
			if err := process.Next(ctx, func(*fighter, context.Context, int) error { return nil }, i); err != nil {
				return ignore(err)
			}
		}
	case 9:
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		_, err := process.Call(short, peer, (*fighter).Parry, -1-n)
		return ignore(err)
	case 10:
		_, err := process.Spawn(ctx, func(context.Context) (*box, error) { return &box{new(record)}, nil }, process.Linked)
		return ignore(err)
	case 11:
		_, err := process.Launch(ctx, func(context.Context) (*box, error) { return nil, errSour })
		return ignore(err)
	case 12:
		return process.Go(ctx, func(ctx context.Context) error {
			return ignore(process.Cast(process.NoWait(ctx), peer, (*fighter).Hit, -1-n))
		})
	case 13:
		_, err := process.After(ctx, 100*time.Microsecond, (*fighter).Open)
		return err
	case 14:
		_, err := process.Register(ctx, champion)
		return ignore(err)
	case 15:
		time.Sleep(200 * time.Microsecond)
	}
	return nil
}

// ignore takes the errors for granted that a melee makes.
func ignore(err error) error {
	for _, known := range []error{process.ErrDead, process.ErrNoProcess, process.ErrFull, process.ErrTimeout, process.ErrCycle, fault.Conflict, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return nil
		}
	}
	return err
}

// Everything that this package can do, at random and at the same time. A call that is
// answered, and a cast that a mailbox which drops nothing has taken, is handled once, but
// for the one that an abandoned process was at; nothing is handled twice; every question
// has an end; and nothing is left.
func TestMelee(t *testing.T) {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	const senders = 8
	ctx := telemetry.WithLogger(t.Context(), slog.New(slog.DiscardHandler))
	node := process.NewNode(ctx)
	ctx = node.Context(ctx)
	book := new(ledger)
	mailboxes := [fighters]process.Mailbox{
		{}, {Size: 8}, {Size: 16, Overflow: process.Fail},
		{Size: 8, Overflow: process.DropOldest}, {Size: 8, Overflow: process.DropNewest},
	}
	spawn(t, ctx, func(ctx context.Context) (*pool, error) {
		port, err := process.Bind(ctx, (*pool).down)
		p := new(pool)
		for i := 0; i < fighters && err == nil; i++ {
			var s *process.Slot
			s, err = process.NewSlot(ctx, port, fighterName(i), func(ctx context.Context) (*fighter, error) {
				f := &fighter{of: book.of, index: i}
				if _, err := process.Join(ctx, arena); err != nil {
					return nil, err
				}
				if _, err := process.Every(ctx, 5*time.Millisecond, (*fighter).Open); err != nil {
					return nil, err
				}
				return f, f.Rest(ctx)
			}, mailboxes[i])
			if err == nil {
				err = s.Start(ctx)
				p.slots = append(p.slots, s)
			}
		}
		return p, err
	})
	var accepted sync.Map // number → true
	var numbers atomic.Int64
	until := time.Now().Add(time.Second)
	var wg sync.WaitGroup
	for sender := range senders {
		rng := rand.New(rand.NewSource(seed + int64(sender)))
		wg.Go(func() {
			for time.Now().Before(until) {
				i := rng.Intn(fighters)
				to, n := fighterName(i), int(numbers.Add(1))
				short, cancel := context.WithTimeout(ctx, time.Duration(1+rng.Intn(20))*time.Millisecond)
				var err error
				switch k := rng.Intn(100); {
				case k < 30:
					if err = process.Cast(ctx, to, (*fighter).Hit, n); err == nil && i < 3 {
						accepted.Store(n, true)
					}
				case k < 50:
					address := process.Address[fighter](to)
					switch rng.Intn(3) {
					case 0:
						address = arena.Any()
					case 1:
						address = arena.For(strconv.Itoa(n % 50))
					}
					var out int
					if out, err = process.Call(short, address, (*fighter).Parry, n); err == nil {
						accepted.Store(n, true)
						if out != n {
							t.Errorf("the answer to %d is %d", n, out)
						}
					}
				case k < 53:
					err = process.CastAll(ctx, arena, (*fighter).move, 7+rng.Intn(2))
				case k < 75:
					err = process.Cast(process.NoWait(ctx), to, (*fighter).move, rng.Intn(1600))
				case k < 80:
					err = process.Signal(process.NoWait(ctx), to, (*fighter).Shut)
				case k < 84:
					err = process.Exit(ctx, to, []process.Reason{process.Normal, process.Shutdown, errSour, process.Kill}[rng.Intn(4)])
				case k < 87:
					if err = process.Suspend(ctx, to); err == nil {
						runtime.Gosched()
						err = process.Resume(ctx, to)
					}
				case k < 90:
					err = process.Restart(short, to)
				case k < 93:
					_, err = process.State(short, to)
				case k < 95:
					var stop func()
					if stop, err = process.Trace(ctx, to, func(process.Event) {}); err == nil {
						runtime.Gosched()
						stop()
					}
				case k < 97:
					stop, e := process.Inject(ctx, to, func(process.Event) process.Fault { return process.Fault{Delay: 10 * time.Microsecond} })
					if err = e; err == nil {
						runtime.Gosched()
						stop()
					}
				case k < 99:
					_, err = process.Wait(short, to)
				default:
					_ = node.Processes()
					_, err = process.LastCrash(ctx, to)
					if errors.Is(err, fault.NotFound) {
						err = nil
					}
				}
				cancel()
				if ignore(err) != nil {
					t.Errorf("sender %d, message %d: %v", sender, n, err)
				}
			}
		})
	}
	wg.Wait()
	for i := range fighters { // behind all that was sent
		to := fighterName(i)
		for range 3 {
			for {
				err := process.Run(ctx, to, (*fighter).Open)
				if err == nil {
					break
				}
				if !errors.Is(err, process.ErrFull) && !errors.Is(err, process.ErrDead) {
					t.Fatalf("%s does not answer: %v", to, err)
				}
			}
		}
		for s := slotInfo(t, ctx, to); s.Waiting > 0; s = slotInfo(t, ctx, to) {
			time.Sleep(time.Millisecond)
		}
	}
	taken, missed, restarts := 0, 0, 0
	accepted.Range(func(n, _ any) bool {
		taken++
		switch c := book.of(n.(int)).Load(); {
		case c == 0:
			missed++
		case c > 1:
			t.Errorf("message %d was accepted and handled %d times", n, c)
		}
		return true
	})
	if n := count(ctx, "process.abandoned"); missed > int(n) { // each was at one message
		t.Errorf("%d messages were accepted and not handled, %d processes abandoned", missed, n)
	}
	book.handled.Range(func(n, c any) bool {
		if c := c.(*atomic.Int64).Load(); n.(int) > 0 && c > 1 {
			t.Errorf("message %d was handled %d times", n, c)
		}
		return true
	})
	for i := range fighters {
		restarts += slotInfo(t, ctx, fighterName(i)).Restarts
	}
	t.Logf("%d messages accepted of %d, %d missed, %d restarts, %d abandoned, %d lost", taken, numbers.Load(), missed, restarts,
		count(ctx, "process.abandoned"), count(ctx, "process.messages.lost"))
	node.Close()
	if left := node.Processes(); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}
