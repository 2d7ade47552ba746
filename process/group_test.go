package process_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

const crew process.Group[box] = "crew"

// join starts a member of the crew; leave takes one of its memberships back.
func join(t testing.TB, ctx context.Context, opts ...process.Option) (ref process.Ref[box], leave func()) {
	t.Helper()
	ref = spawn(t, ctx, func(ctx context.Context) (_ *box, err error) {
		leave, err = process.Join(ctx, crew)
		return &box{new(record)}, err
	}, opts...)
	return ref, leave
}

func members(t testing.TB, ctx context.Context) string {
	t.Helper()
	refs, err := crew.Refs(ctx)
	is(t, err)
	var names []string
	for _, r := range refs {
		names = append(names, r.String())
	}
	return strings.Join(names, " ")
}

func TestGroup(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		if m := members(t, ctx); m != "" {
			t.Errorf("members %q before anybody joined", m)
		}
		is(t, process.CastAll(ctx, crew, (*box).Note, "x"))
		is(t, process.Cast(ctx, crew.Any(), (*box).Note, "x"), process.ErrNoProcess, fault.Unavailable)
		is(t, process.Cast(ctx, crew.For("k"), (*box).Note, "x"), process.ErrNoProcess)
		a, leaveA := join(t, ctx)
		b, _ := join(t, ctx)
		if m, want := members(t, ctx), fmt.Sprint(a, " ", b); m != want {
			t.Errorf("members %q, want %q in the order in which they joined", m, want)
		}
		is(t, process.CastAll(ctx, crew, (*box).Note, "all"))
		equal(t, notes(t, ctx, a), "all")
		equal(t, notes(t, ctx, b), "all")
		for range 4 { // each in its turn
			is(t, process.Cast(ctx, crew.Any(), (*box).Note, "any"))
		}
		equal(t, notes(t, ctx, a), "all", "any", "any")
		equal(t, notes(t, ctx, b), "all", "any", "any")
		for range 2 {
			leaveA()
		}
		if m := members(t, ctx); m != b.String() {
			t.Errorf("members %q, want %v", m, b)
		}
		is(t, process.Exit(ctx, b, process.Normal))
		synctest.Wait()
		if m := members(t, ctx); m != "" {
			t.Errorf("members %q, want none", m)
		}
		is(t, process.Cast(ctx, crew.Any(), (*box).Note, "x"), process.ErrNoProcess)
		leaveA()
		if crew.String() != "crew" || crew.Any().String() != "crew" || crew.For("k").String() != "crew/k" {
			t.Errorf("it is called %v, %v, %v", crew, crew.Any(), crew.For("k"))
		}
	})
}

// Who joins twice is in it twice, and leaves once at a time.
func TestJoinTwice(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref, leave := join(t, ctx)
		var again func()
		is(t, do(ctx, ref, func(ctx context.Context) (err error) { again, err = process.Join(ctx, crew); return err }))
		if m, want := members(t, ctx), fmt.Sprint(ref, " ", ref); m != want {
			t.Errorf("members %q, want %q", m, want)
		}
		is(t, process.CastAll(ctx, crew, (*box).Note, "x"))
		equal(t, notes(t, ctx, ref), "x", "x")
		leave()
		leave() // the other membership stays
		if m := members(t, ctx); m != ref.String() {
			t.Errorf("members %q, want %v", m, ref)
		}
		again()
		if m := members(t, ctx); m != "" {
			t.Errorf("members %q, want none", m)
		}
	})
}

func TestJoinElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		_, err := process.Join(ctx, crew)
		is(t, err, process.ErrNotHere)
		_, err = crew.Refs(t.Context())
		is(t, err, process.ErrNoNode)
		ref, _ := join(t, ctx)
		var kept context.Context
		is(t, do(ctx, ref, func(ctx context.Context) error {
			kept = ctx
			_, err := process.Join(ctx, process.Group[desk]("crew"))
			is(t, err, process.ErrNotHere)
			return process.Stop(ctx, nil)
		}))
		synctest.Wait()
		_, err = process.Join(kept, crew)
		is(t, err, process.ErrDead)
		is(t, process.CastAll(kept, crew, (*box).Note, "x"), process.ErrDead)

		// The name is of one type.
		const desks process.Group[desk] = "crew"
		_, err = desks.Refs(ctx)
		is(t, err, fault.Conflict)
		is(t, process.CastAll(ctx, desks, func(*desk, context.Context, int) error { return nil }, 1), fault.Conflict)
		_, err = process.Call(ctx, desks.Any(), (*desk).Later, 1)
		is(t, err, fault.Conflict)
		_, err = process.Spawn(ctx, func(ctx context.Context) (*desk, error) {
			_, err := process.Join(ctx, desks)
			return new(desk), err
		})
		is(t, err, fault.Conflict)
	})
}

// A membership is of the incarnation; the next joins anew.
func TestMembershipEndsWithTheIncarnation(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		lives := 0
		k := keep(t, ctx, theBox, func(ctx context.Context) (*box, error) {
			if lives++; lives != 2 {
				if _, err := process.Join(ctx, crew); err != nil {
					return nil, err
				}
			}
			return &box{new(record)}, nil
		})
		for _, want := range []string{"box", "", "box"} {
			if m := members(t, ctx); m != want {
				t.Errorf("members %q in life %d, want %q", m, lives, want)
			}
			fling(t, ctx, theBox, func(context.Context) error { return errSour })
			processtest.Settle(t, ctx, theBox)
		}
		_ = k
		_, err := process.Spawn(ctx, func(ctx context.Context) (*box, error) {
			_, err := process.Join(ctx, crew)
			is(t, err)
			return nil, errSour
		})
		is(t, err, errSour)
		if m := members(t, ctx); m != "box" {
			t.Errorf("members %q, want the one whose start did not fail", m)
		}
	})
}

// Whoever has ended is never picked, while members come and go.
func TestCorpseIsNeverPicked(t *testing.T) {
	ctx := processtest.Node(t)
	stay, _ := join(t, ctx, process.Mailbox{Size: 1 << 20})
	var wg sync.WaitGroup
	var done atomic.Bool
	for range 2 {
		wg.Go(func() {
			for !done.Load() {
				ref, leave := join(t, ctx, process.Mailbox{Size: 1 << 20})
				if ref.String()[len(ref.String())-1]%2 == 0 {
					leave()
				}
				is(t, process.Exit(ctx, ref, process.Shutdown))
				_, err := process.Wait(ctx, ref)
				is(t, err)
				refs, err := crew.Refs(ctx)
				is(t, err)
				for _, r := range refs {
					if r == ref {
						t.Errorf("%v has ended and is a member", r)
					}
				}
			}
		})
	}
	for i := range 2000 {
		// One that ends between being picked and sent to does not count: then the next is.
		if err := process.Cast(ctx, crew.Any(), (*box).Note, "x"); err != nil {
			t.Error(err)
		}
		is(t, process.CastAll(ctx, crew, (*box).Note, "x"))
		if err := process.Cast(ctx, crew.For(fmt.Sprint(i)), (*box).Note, "x"); err != nil {
			t.Error(err)
		}
	}
	done.Store(true)
	wg.Wait()
	if m := members(t, ctx); m != stay.String() {
		t.Errorf("members %q, want %v", m, stay)
	}
}

// For gives the same member while nobody comes or goes, and moves few keys when one does.
func TestForIsStable(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		const size, keys = 8, 800
		owners := func() map[string]string {
			at := map[string]string{}
			for i := range keys {
				key := fmt.Sprint("key", i)
				name, err := process.Ask(ctx, crew.For(key), func(_ *box, ctx context.Context) (string, error) {
					return process.Self[box](ctx).String(), nil
				})
				is(t, err)
				at[key] = name
			}
			return at
		}
		var refs []process.Ref[box]
		for range size {
			ref, _ := join(t, ctx)
			refs = append(refs, ref)
		}
		before := owners()
		share := map[string]int{}
		for key, at := range owners() {
			if share[at]++; at != before[key] {
				t.Errorf("%s moved though nothing changed", key)
			}
		}
		for at, n := range share {
			if n < keys/size/2 || n > keys/size*2 {
				t.Errorf("%s has %d of %d keys", at, n, keys)
			}
		}
		gone := refs[3]
		is(t, process.Exit(ctx, gone, process.Normal))
		synctest.Wait()
		for key, at := range owners() {
			if before[key] != gone.String() && at != before[key] {
				t.Errorf("%s moved from %s, who is there", key, before[key])
			}
		}
		before = owners()
		join(t, ctx)
		moved := 0
		for key, at := range owners() {
			if at != before[key] {
				moved++
			}
		}
		if moved == 0 || moved > keys/size*2 {
			t.Errorf("%d of %d keys moved to the new one", moved, keys)
		}
	})
}

// CastAll waits for nobody: who has no room goes without, and it is told and counted.
func TestCastAllWithAFullMember(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		a, _ := join(t, ctx)
		full, _ := join(t, ctx, process.Mailbox{Size: 1})
		newest, _ := join(t, ctx, process.Mailbox{Size: 1, Overflow: process.DropNewest})
		c, _ := join(t, ctx)
		for _, ref := range []process.Ref[box]{full, newest} {
			defer block(t, ctx, ref)()
			is(t, process.Cast(ctx, ref, (*box).Note, "mail"))
		}
		start := time.Now()
		err := process.CastAll(ctx, crew, (*box).Note, "all")
		is(t, err, process.ErrFull, fault.Exhausted)
		if !strings.HasPrefix(err.Error(), "1 members of crew") {
			t.Errorf("got %q", err)
		}
		is(t, do(ctx, newBox(t, ctx), func(ctx context.Context) error {
			is(t, process.CastAll(ctx, crew, (*box).Note, "all"), process.ErrFull)
			return nil
		}))
		took(t, start, 0)
		equal(t, notes(t, ctx, a), "all", "all")
		equal(t, notes(t, ctx, c), "all", "all")
		if n := count(ctx, "process.messages.lost"); n != 4 {
			t.Errorf("%d lost, want 4", n)
		}
	})
}

// CastAll reaches many, and one that takes long holds nobody up.
func TestCastAllToMany(t *testing.T) {
	for _, inside := range []bool{false, true} {
		bubble(t, func(t *testing.T, ctx context.Context) {
			const size = 300
			for range size {
				join(t, ctx)
			}
			from := newBox(t, ctx)
			var ran atomic.Int64
			var worst atomic.Int64
			all := func(ctx context.Context) error {
				start := time.Now()
				return process.CastAll(ctx, crew, func(b *box, ctx context.Context, _ int) error { return late(start, &worst, &ran)(b, ctx) }, 1)
			}
			if inside {
				is(t, do(ctx, from, all))
			} else {
				is(t, all(ctx))
			}
			synctest.Wait()
			if ran.Load() != size || worst.Load() != 0 {
				t.Errorf("%d of %d ran, the last after %v", ran.Load(), size, time.Duration(worst.Load()))
			}
		})
	}
}

// A burst runs nobody before its end but what waits too long, and everybody after it.
func TestBurst(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		_, err := process.NewBurst(t.Context())
		is(t, err, process.ErrNoNode)
		const size = 40
		var ran atomic.Int64
		var ports []process.Port[int]
		for range size {
			is(t, do(ctx, newBox(t, ctx), func(ctx context.Context) error {
				port, err := process.Bind(ctx, func(*box, context.Context, int) error { ran.Add(1); return nil })
				ports = append(ports, port)
				return err
			}))
		}
		synctest.Wait()
		b, err := process.NewBurst(ctx)
		is(t, err)
		for _, p := range ports {
			is(t, p.SendIn(b, 1))
		}
		if n := ran.Load(); n != 0 {
			t.Errorf("%d ran before the end", n)
		}
		b.End()
		synctest.Wait()
		if n := ran.Load(); n != size {
			t.Errorf("%d ran, want %d", n, size)
		}
		// Who forgets End has the foreman do it.
		b, err = process.NewBurst(ctx)
		is(t, err)
		for _, p := range ports {
			is(t, p.SendIn(b, 1))
		}
		time.Sleep(2 * foreman)
		synctest.Wait()
		if n := ran.Load(); n != 2*size {
			t.Errorf("%d ran, want %d", n, 2*size)
		}
		b.End()
	})
}
