package process_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

func link(t testing.TB, ctx context.Context, from process.Address[box], to process.Target) {
	t.Helper()
	is(t, do(ctx, from, func(ctx context.Context) error { return process.Link(ctx, to) }))
}

func (b *box) Exited(_ context.Context, e process.Exited) error {
	b.note(fmt.Sprint("exited ", e.From, " ", e.Reason))
	return nil
}

func trap(t testing.TB, ctx context.Context, ref process.Address[box]) {
	t.Helper()
	is(t, do(ctx, ref, func(ctx context.Context) error { return process.Trap(ctx, (*box).Exited) }))
}

// ends is every way to end, and the reason that others see.
var ends = []struct {
	name string
	end  func(t *testing.T, ctx context.Context, ref process.Ref[box])
	want process.Reason // nil: a Panic
}{
	{"normal", func(t *testing.T, ctx context.Context, ref process.Ref[box]) {
		is(t, process.Exit(ctx, ref, process.Normal))
	}, process.Normal},
	{"returned normal", func(t *testing.T, ctx context.Context, ref process.Ref[box]) {
		fling(t, ctx, ref, func(context.Context) error { return fmt.Errorf("%w: done", process.Normal) })
	}, process.Normal},
	{"shutdown", func(t *testing.T, ctx context.Context, ref process.Ref[box]) {
		is(t, process.Exit(ctx, ref, process.Shutdown))
	}, process.Shutdown},
	{"error", func(t *testing.T, ctx context.Context, ref process.Ref[box]) {
		fling(t, ctx, ref, func(context.Context) error { return errSour })
	}, errSour},
	{"panic", func(t *testing.T, ctx context.Context, ref process.Ref[box]) {
		fling(t, ctx, ref, func(context.Context) error { panic(1) })
	}, nil},
	{"Goexit", func(t *testing.T, ctx context.Context, ref process.Ref[box]) {
		fling(t, ctx, ref, func(context.Context) error { runtime.Goexit(); return nil })
	}, nil},
	{"kill", func(t *testing.T, ctx context.Context, ref process.Ref[box]) {
		is(t, process.Exit(ctx, ref, process.Kill))
	}, process.Killed},
	{"own kill", func(t *testing.T, ctx context.Context, ref process.Ref[box]) {
		fling(t, ctx, ref, func(ctx context.Context) error { return process.Stop(ctx, process.Kill) })
	}, process.Killed},
}

func sameEnd(got, want process.Reason) bool {
	if want == nil {
		var p *process.Panic
		return errors.As(got, &p)
	}
	return errors.Is(got, want)
}

// A reason spreads over links in both directions; a normal one does not.
func TestLinkSpreads(t *testing.T) {
	for _, c := range ends {
		for _, back := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, back), func(t *testing.T) {
				bubble(t, func(t *testing.T, ctx context.Context) {
					var terminated process.Reason
					a := newBox(t, ctx)
					b := spawn(t, ctx, (&staged{term: func(_ context.Context, r process.Reason) { terminated = r }}).start)
					if back {
						is(t, do(ctx, b, func(ctx context.Context) error { return process.Link(ctx, a) }))
					} else {
						link(t, ctx, a, b)
					}
					c.end(t, ctx, a)
					synctest.Wait()
					if c.want == process.Normal {
						if !process.Alive(ctx, b) {
							t.Error("a normal end spreads")
						}
						return
					}
					reason, err := process.Wait(ctx, b)
					is(t, err)
					if !sameEnd(reason, c.want) || !sameEnd(terminated, c.want) {
						t.Errorf("ended with %v, Terminate got %v, want %v", reason, terminated, c.want)
					}
				})
			})
		}
	}
}

// Who traps gets them all, also the normal ones, and lives.
func TestTrap(t *testing.T) {
	for _, c := range ends {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				a, b := newBox(t, ctx), newBox(t, ctx)
				trap(t, ctx, b)
				link(t, ctx, b, a)
				c.end(t, ctx, a)
				reason, err := process.Wait(ctx, a)
				is(t, err)
				synctest.Wait()
				equal(t, notes(t, ctx, b), fmt.Sprint("exited ", a, " ", reason))
				if !sameEnd(reason, c.want) {
					t.Errorf("ended with %v", reason)
				}
			})
		})
	}
}

// A kill cannot be trapped by whom it is sent to; one that comes by a link is a reason like
// any other.
func TestKillIsNotTrapped(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		victim := newBox(t, ctx)
		trap(t, ctx, victim)
		var got process.Reason
		neighbour := spawn(t, ctx, (&staged{term: func(_ context.Context, r process.Reason) { got = r }}).start)
		is(t, do(ctx, neighbour, func(ctx context.Context) error { return process.Link(ctx, victim) }))
		is(t, process.Exit(ctx, victim, process.Kill))
		for _, to := range []process.Target{victim, neighbour} {
			reason, err := process.Wait(ctx, to)
			is(t, err)
			is(t, reason, process.Killed)
		}
		is(t, got, process.Killed) // Terminate ran

		// Kill as a reason of one's own is ordinary for the others.
		odd, peer, trapping := newBox(t, ctx), newBox(t, ctx), newBox(t, ctx)
		trap(t, ctx, trapping)
		link(t, ctx, odd, peer)
		link(t, ctx, odd, trapping)
		fling(t, ctx, odd, func(context.Context) error { return process.Kill })
		reason, err := process.Wait(ctx, peer)
		is(t, err)
		is(t, reason, process.Kill)
		equal(t, notes(t, ctx, trapping), fmt.Sprint("exited ", odd, " kill"))
	})
}

func TestLinkIsIdempotent(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		a, b := newBox(t, ctx), newBox(t, ctx)
		trap(t, ctx, b)
		for range 3 {
			link(t, ctx, b, a)
			link(t, ctx, a, b)
		}
		link(t, ctx, a, a) // to oneself: nothing
		is(t, process.Exit(ctx, a, errSour))
		synctest.Wait()
		equal(t, notes(t, ctx, b), fmt.Sprint("exited ", a, " sour"))
	})
}

// One Unlink takes them all back, from either side.
func TestUnlink(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		for _, byOther := range []bool{false, true} {
			a, b := newBox(t, ctx), newBox(t, ctx)
			link(t, ctx, a, b)
			link(t, ctx, b, a)
			from, to := a, b
			if byOther {
				from, to = b, a
			}
			for range 2 {
				is(t, do(ctx, from, func(ctx context.Context) error { return process.Unlink(ctx, to) }))
			}
			is(t, process.Exit(ctx, a, errSour))
			synctest.Wait()
			processtest.Settle(t, ctx, b)
		}
		ref := newBox(t, ctx)
		is(t, do(ctx, ref, func(ctx context.Context) error { return process.Unlink(ctx, process.Name[box]("nobody")) }))
		is(t, process.Link(ctx, ref), process.ErrNotHere)
		is(t, process.Unlink(ctx, ref), process.ErrNotHere)
		is(t, process.Trap(ctx, (*box).Exited), process.ErrNotHere)
	})
}

// A link to what does not run is one to a process that ended with ErrNoProcess.
func TestLinkToTheDead(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		dead := newBox(t, ctx)
		is(t, process.Exit(ctx, dead, process.Normal))
		synctest.Wait()
		for _, to := range []process.Target{dead, process.Name[box]("nobody"), process.Ref[box]{}} {
			trapping, plain := newBox(t, ctx), newBox(t, ctx)
			trap(t, ctx, trapping)
			link(t, ctx, trapping, to)
			lines := notes(t, ctx, trapping)
			if len(lines) != 1 {
				t.Errorf("%v: it heard %q", to, lines)
			}
			link(t, ctx, plain, to)
			reason, err := process.Wait(ctx, plain)
			is(t, err)
			is(t, reason, process.ErrNoProcess)
		}
	})
}

// Links are to the incarnation: after a restart there is none.
func TestLinkToARestartedProcess(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		keep(t, ctx, theBox, new(record).open)
		a := newBox(t, ctx)
		trap(t, ctx, a)
		link(t, ctx, a, theBox)
		for range 2 {
			fling(t, ctx, theBox, func(context.Context) error { return errSour })
			processtest.Settle(t, ctx, theBox)
		}
		equal(t, notes(t, ctx, a), "exited box sour")
		// Nor does the next incarnation hear of its peers.
		is(t, process.Exit(ctx, a, errors.New("other")))
		synctest.Wait()
		processtest.Settle(t, ctx, theBox)
		// One that ends it, is a crash for its owner.
		b := newBox(t, ctx)
		link(t, ctx, b, theBox)
		is(t, process.Exit(ctx, b, errSour))
		synctest.Wait()
		if i := slotInfo(t, ctx, theBox); i.Restarts != 3 {
			t.Errorf("%d restarts, want 3", i.Restarts)
		}
	})
}

func TestLinkedSpawn(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		var child process.Ref[box]
		parent := func() process.Ref[box] {
			ref := newBox(t, ctx)
			is(t, do(ctx, ref, func(ctx context.Context) error {
				child = spawn(t, ctx, new(record).open, process.Linked)
				return nil
			}))
			return ref
		}
		ref := parent()
		fling(t, ctx, child, func(context.Context) error { return errSour })
		reason, err := process.Wait(ctx, ref)
		is(t, err)
		is(t, reason, errSour)

		ref = parent()
		trap(t, ctx, ref)
		is(t, process.Exit(ctx, child, process.Kill))
		synctest.Wait()
		equal(t, notes(t, ctx, ref), fmt.Sprint("exited ", child, " killed"))

		ref = parent()
		is(t, process.Exit(ctx, child, process.Normal))
		synctest.Wait()
		processtest.Settle(t, ctx, ref)

		_, err = process.Spawn(ctx, new(record).open, process.Linked)
		is(t, err, process.ErrNotHere)
		_, err = process.Launch(ctx, new(record).open, process.Linked)
		is(t, err, process.ErrNotHere)
		n, err := process.NodeOf(ctx)
		is(t, err)
		if n.Count() != 2 { // the two that trap and are fine
			t.Errorf("%d processes are left, want 2", n.Count())
		}
	})
}

// Whoever starts a process has its constructor's error, and is not ended by it too.
func TestLinkedSpawnFails(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		for _, bad := range []func(context.Context) (*box, error){
			func(context.Context) (*box, error) { return nil, errSour },
			func(context.Context) (*box, error) { panic(errSour) },
			func(ctx context.Context) (*box, error) { return nil, errors.Join(errSour, process.Stop(ctx, errSour)) },
		} {
			ref := newBox(t, ctx)
			is(t, do(ctx, ref, func(ctx context.Context) error {
				_, err := process.Spawn(ctx, bad, process.Linked)
				is(t, err, errSour)
				return nil
			}))
			synctest.Wait()
			processtest.Settle(t, ctx, ref)
		}
	})
}

// A constructor can link, and hears of an end once it has started.
func TestLinkInConstructor(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		a := newBox(t, ctx)
		b := spawn(t, ctx, func(ctx context.Context) (*box, error) {
			is(t, process.Link(ctx, a))
			is(t, process.Exit(ctx, a, errSour))
			time.Sleep(time.Second)
			is(t, ctx.Err(), context.Canceled)
			return &box{new(record)}, nil
		})
		reason, err := process.Wait(ctx, b)
		is(t, err)
		is(t, reason, errSour)
	})
}

// A ring of linked processes ends with one of them.
func TestRing(t *testing.T) {
	const size = 1000
	ring := func(t *testing.T, ctx context.Context) {
		refs := make([]process.Ref[box], size)
		for i := range refs {
			refs[i] = newBox(t, ctx)
		}
		for i, ref := range refs {
			link(t, ctx, ref, refs[(i+1)%size])
		}
		fling(t, ctx, refs[size/3], func(context.Context) error { return errSour })
		for _, ref := range refs {
			reason, err := process.Wait(ctx, ref)
			is(t, err)
			is(t, reason, errSour)
		}
		n, err := process.NodeOf(ctx)
		is(t, err)
		if n.Count() != 0 {
			t.Errorf("%d are left", n.Count())
		}
		if c := count(ctx, "process.crashes"); c != 1 {
			t.Errorf("%d crashes, want 1: the others were told to end", c)
		}
	}
	ring(t, processtest.Node(t))
	bubble(t, ring)
}

// Processes that link, unlink and end at the same time: nobody hangs, and none is told of
// more than one end.
func TestLinksMeetEnds(t *testing.T) {
	ctx := processtest.Node(t)
	for range 200 {
		rec := new(record)
		a := spawn(t, ctx, rec.open)
		trap(t, ctx, a)
		b := newBox(t, ctx)
		fling(t, ctx, a, func(ctx context.Context) error { return process.Link(ctx, b) })
		fling(t, ctx, b, func(ctx context.Context) error { return process.Link(ctx, a) })
		is(t, process.Exit(ctx, b, errSour))
		_, err := process.Wait(ctx, b)
		is(t, err)
		for deadline := time.Now().Add(time.Second); len(notes(t, ctx, a)) == 0 && time.Now().Before(deadline); {
			runtime.Gosched()
		}
		processtest.Settle(t, ctx, a)
		if lines := rec.all(); len(lines) != 1 && len(lines) != 2 {
			t.Errorf("it heard %q", lines)
		}
		is(t, process.Exit(ctx, a, process.Normal))
	}
}

// A restart on request is an end: the links of that incarnation go with it.
func TestLinkAndRestartOnRequest(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		keep(t, ctx, theBox, new(record).open)
		plain, trapping := newBox(t, ctx), newBox(t, ctx)
		trap(t, ctx, trapping)
		link(t, ctx, plain, theBox)
		link(t, ctx, trapping, theBox)
		is(t, process.Restart(ctx, theBox))
		reason, err := process.Wait(ctx, plain)
		is(t, err)
		is(t, reason, process.Shutdown)
		equal(t, notes(t, ctx, trapping), "exited box shutdown: restarted on request")
	})
}
