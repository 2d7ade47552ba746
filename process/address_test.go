package process_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

func TestNames(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		name := process.Name[box]("box")
		is(t, process.Do(ctx, name, (*box).Note, ""), process.ErrNoProcess, fault.Unavailable)
		k := keep(t, ctx, name, new(record).open)
		is(t, process.Do(ctx, name, (*box).Note, ""))
		// The same text is the same entry, whatever its type.
		other := process.Name[desk]("box")
		_, err := process.Call(ctx, other, (*desk).Later, 1)
		is(t, err, fault.Conflict)
		_, err = process.NewSlot(ctx, process.Port[process.Down]{}, name, new(record).open)
		is(t, err, fault.Conflict)
		_, err = process.NewSlot(ctx, process.Port[process.Down]{}, other, openDesk)
		is(t, err, fault.Conflict)
		_, err = process.RefOf[desk](k.slot)
		is(t, err, fault.Conflict)
		ref, err := process.RefOf[box](k.slot)
		is(t, err)
		if ref.String() != "box" || ref.Key() != "" || k.slot.Key() != "" || name.String() != "box" {
			t.Errorf("the process of %q is called %q", name, ref)
		}
		// A crash keeps the name, the end frees it.
		fling(t, ctx, name, func(context.Context) error { return errSour })
		is(t, process.Do(ctx, ref, (*box).Note, ""))
		is(t, process.Exit(ctx, name, process.Normal))
		synctest.Wait()
		is(t, process.Do(ctx, ref, (*box).Note, ""), process.ErrDead)
		is(t, process.Do(ctx, name, (*box).Note, ""), process.ErrNoProcess)
		keep(t, ctx, other, openDesk)
	})
}

func TestEmptyRef(t *testing.T) {
	ctx := processtest.Node(t)
	var ref process.Ref[box]
	is(t, process.Do(ctx, ref, (*box).Note, ""), process.ErrNoProcess)
	is(t, process.Cast(ctx, ref, (*box).Note, ""), process.ErrNoProcess)
	if ref.String() != "nowhere" || ref.Key() != "" {
		t.Errorf("the empty Ref is %q", ref)
	}
	if a, b := newBox(t, ctx), newBox(t, ctx); a.String() == b.String() {
		t.Errorf("two processes are called %q", a)
	}
}

// host is the smallest owner of a family: its members fall asleep when they end.
type host struct {
	make func(context.Context, process.Port[process.Down], string) (*process.Slot, error)
	port process.Port[process.Down]
	node context.Context

	mu    sync.Mutex
	slots map[string]*process.Slot
	made  int
}

func (h *host) Member(ctx context.Context, key string, wake bool) (*process.Slot, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.slots[key]; s != nil || !wake {
		return s, nil
	}
	s, err := h.make(h.node, h.port, key)
	if err != nil {
		return nil, err
	}
	h.made++
	h.slots[key] = s
	s.Restart(ctx)
	return s, nil
}

func (h *host) ended(_ context.Context, d process.Down) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	slot := d.Target.(*process.Slot)
	switch {
	case h.slots[slot.Key()] != slot:
	case !d.Started:
		delete(h.slots, slot.Key())
		slot.Refuse(d.Reason)
	case slot.RetireIdle(d.Reason):
		delete(h.slots, slot.Key())
	default:
		slot.Restart(h.node)
	}
	return nil
}

func (h *host) Terminate(context.Context, process.Reason) {
	h.mu.Lock()
	slots := h.slots
	h.slots = nil
	h.mu.Unlock()
	for _, s := range slots {
		s.Stop(process.Shutdown, process.DefaultShutdown)
		s.Retire(process.Shutdown)
	}
}

const boxes process.Family[box] = "box"

func newHost(t testing.TB, ctx context.Context, open func(context.Context) (*box, error), opts ...process.Option) *host {
	t.Helper()
	h := &host{node: ctx, slots: map[string]*process.Slot{}}
	spawn(t, ctx, func(ctx context.Context) (_ *host, err error) {
		if h.port, err = process.Bind(ctx, (*host).ended); err != nil {
			return nil, err
		}
		if h.make, err = process.Members(boxes, open, opts...); err != nil {
			return nil, err
		}
		release, err := process.Adopt(ctx, boxes, h)
		if err != nil {
			return nil, err
		}
		_, err = h.port.OnEnd(release)
		return h, err
	})
	return h
}

func TestFamily(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		a := boxes.Of("a")
		is(t, process.Do(ctx, a, (*box).Note, ""), process.ErrNoProcess)
		h := newHost(t, ctx, func(ctx context.Context) (*box, error) {
			key := process.Self[box](ctx).Key()
			if key == "nobody" {
				return nil, fault.NotFound
			}
			b := &box{new(record)}
			b.note(key)
			return b, nil
		})
		is(t, process.Exit(ctx, a, process.Normal), process.ErrNoProcess) // does not wake it
		equal(t, notes(t, ctx, a), "a")
		equal(t, notes(t, ctx, boxes.Of("b")), "b")
		if i := slotInfo(t, ctx, a); i.Name != "box/a" || i.Type != "*process_test.box" {
			t.Errorf("info %+v", i)
		}
		_, err := process.Call(ctx, process.Family[desk]("box").Of("a"), (*desk).Later, 1)
		is(t, err, fault.Conflict)
		_, err = process.Adopt(ctx, boxes, h)
		is(t, err, fault.Conflict)
		is(t, process.Do(ctx, boxes.Of("nobody"), (*box).Note, ""), fault.NotFound)

		// Asleep, and woken again by the next message.
		is(t, process.Exit(ctx, a, process.Normal))
		synctest.Wait()
		_, err = process.Wait(ctx, a)
		is(t, err, process.ErrNoProcess)
		equal(t, notes(t, ctx, a), "a")
		_, err = process.Members(boxes, new(record).open, process.Mailbox{Size: -1})
		is(t, err, fault.Invalid)
	})
}

// A member that calls itself while it is being woken is seen.
func TestFamilyCycle(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		errs := make(chan error, 1)
		newHost(t, ctx, func(ctx context.Context) (*box, error) {
			errs <- do(ctx, ref, func(context.Context) error { return nil })
			return new(record).open(ctx)
		})
		is(t, do(ctx, ref, func(ctx context.Context) error {
			return process.Do(ctx, boxes.Of("a"), (*box).Note, "")
		}))
		is(t, <-errs, process.ErrCycle)
		is(t, do(ctx, ref, func(ctx context.Context) error { // a cast waits for nobody
			return process.Cast(ctx, boxes.Of("b"), (*box).Note, "")
		}))
		is(t, <-errs)
	})
}

// No message is lost between a member that falls asleep and one that wakes.
func TestFallingAsleep(t *testing.T) {
	ctx := processtest.Node(t)
	rec := new(record)
	h := newHost(t, ctx, rec.open, process.Mailbox{Size: 2})
	const senders, each = 4, 250
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for i := range each {
				var err error
				if i%2 == 0 {
					err = process.Do(ctx, boxes.Of("a"), (*box).Note, "x")
				} else {
					err = process.Cast(ctx, boxes.Of("a"), (*box).Note, "x")
				}
				is(t, err)
				if i%5 == 0 {
					err := process.Exit(ctx, boxes.Of("a"), process.Normal)
					if err != nil && !errors.Is(err, process.ErrNoProcess) {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	processtest.Settle(t, ctx, boxes.Of("a"))
	if n := len(rec.all()); n != senders*each {
		t.Errorf("%d messages handled, want %d", n, senders*each)
	}
	t.Logf("%d members were made", h.made)
}

func TestRegister(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		const alias, other process.Name[box] = "alias", "other"
		lives := 0
		k := keep(t, ctx, theBox, func(ctx context.Context) (*box, error) {
			if lives++; lives != 2 {
				if _, err := process.Register(ctx, alias); err != nil {
					return nil, err
				}
			}
			return &box{new(record)}, nil
		})
		ref, err := alias.Ref(ctx)
		is(t, err)
		own, err := theBox.Ref(ctx)
		is(t, err)
		if ref != own || ref.String() != "box" {
			t.Errorf("%v and %v are not one", ref, own)
		}
		for _, to := range []process.Name[box]{alias, theBox} {
			is(t, process.Do(ctx, to, (*box).Note, "x"))
			_, err := process.Spawn(ctx, func(ctx context.Context) (*box, error) {
				_, err := process.Register(ctx, to)
				return &box{new(record)}, err
			})
			is(t, err, fault.Conflict)
		}
		var release func()
		is(t, do(ctx, theBox, func(ctx context.Context) (err error) {
			_, err = process.Register(ctx, process.Name[desk]("desk"))
			is(t, err, process.ErrNotHere)
			_, err = process.Register(ctx, alias)
			is(t, err, fault.Conflict)
			release, err = process.Register(ctx, other)
			return err
		}))
		is(t, process.Do(ctx, other, (*box).Note, ""))
		for range 2 {
			release()
		}
		is(t, process.Do(ctx, other, (*box).Note, ""), process.ErrNoProcess)

		// It is of the incarnation: the second does not ask for it, the third does.
		for _, want := range []error{process.ErrNoProcess, nil} {
			fling(t, ctx, theBox, func(context.Context) error { return errSour })
			processtest.Settle(t, ctx, theBox)
			if err := process.Do(ctx, alias, (*box).Note, ""); !errors.Is(err, want) {
				t.Errorf("in life %d: %v, want %v", lives, err, want)
			}
		}
		k.slot.Retire(process.Normal)
		is(t, process.Do(ctx, alias, (*box).Note, ""), process.ErrNoProcess)
		_, err = alias.Ref(ctx)
		is(t, err, process.ErrNoProcess)
		_, err = process.Register(ctx, alias)
		is(t, err, process.ErrNotHere)
	})
}

// A name is free as soon as its process has ended, also for who waited for that end.
func TestNameIsFreeAtTheEnd(t *testing.T) {
	ctx := processtest.Node(t)
	const alias process.Name[box] = "alias"
	for range 200 {
		ref := spawn(t, ctx, func(ctx context.Context) (*box, error) {
			_, err := process.Register(ctx, alias)
			return &box{new(record)}, err
		})
		is(t, process.Exit(ctx, ref, process.Shutdown))
		_, err := process.Wait(ctx, ref)
		is(t, err)
	}
}
