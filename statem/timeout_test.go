package statem_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/statem"
)

// in sets a StateTimeout that notes a line.
func in(d time.Duration, line string) step {
	return func(r *rig, ctx context.Context) error { return statem.StateTimeout(ctx, r, d, noter(line)) }
}

// named sets a Timeout that notes its name.
func named(d time.Duration, name string) step {
	return func(r *rig, ctx context.Context) error { return statem.Timeout(ctx, r, name, d, noter(name)) }
}

// quiet sets an EventTimeout that notes a line.
func quiet(d time.Duration, line string) step {
	return func(r *rig, ctx context.Context) error { return statem.EventTimeout(ctx, r, d, noter(line)) }
}

func all(steps ...step) step {
	return func(r *rig, ctx context.Context) error {
		for _, s := range steps {
			if err := s(r, ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestStateTimeout(t *testing.T) {
	for name, c := range map[string]struct {
		do   []step // one a second
		want []string
	}{
		"comes":                {[]step{in(3*time.Second, "x")}, []string{"x@a"}},
		"is cancelled":         {[]step{in(3*time.Second, "x"), to("b")}, []string{"a>b"}},
		"stays in its state":   {[]step{in(3*time.Second, "x"), to("a"), (*rig).repeat}, []string{"a>a", "x@a"}},
		"does not come back":   {[]step{in(3*time.Second, "x"), to("b"), to("a")}, []string{"a>b", "b>a"}},
		"is replaced":          {[]step{in(3*time.Second, "x"), in(9*time.Second, "y"), noter("n"), noter("n")}, []string{"n@a", "n@a", "y@a"}},
		"of before the change": {[]step{all(in(3*time.Second, "x"), to("b"))}, []string{"a>b"}},
		"of after the change":  {[]step{all(to("b"), in(3*time.Second, "x"))}, []string{"a>b", "x@b"}},
		"cancelled by hand": {[]step{in(3*time.Second, "x"), func(r *rig, _ context.Context) error {
			if !statem.CancelState(r) || statem.CancelState(r) {
				return errSour
			}
			return nil
		}}, nil},
		"comes once": {[]step{in(0, "x"), func(r *rig, _ context.Context) error {
			if statem.CancelState(r) {
				return errSour
			}
			return nil
		}}, []string{"x@a"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				p := new(plan)
				ref := spawn(t, ctx, p)
				p.saw(t, "a>a")
				for _, s := range c.do {
					do(t, ctx, ref, nil, s)
					time.Sleep(time.Second)
				}
				time.Sleep(time.Hour)
				p.saw(t, c.want...)
			})
		})
	}
}

func (r *rig) repeat(ctx context.Context) error { return r.Repeat(ctx) }

// What Enter sets is of the new state; and what is in the mailbox already can be cancelled.
func TestStateTimeoutOfEnter(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := &plan{enter: func(ctx context.Context, r *rig) error { return in(3*time.Second, "of "+r.State())(r, ctx) }}
		ref := spawn(t, ctx, p)
		time.Sleep(2 * time.Second)
		do(t, ctx, ref, nil, to("b"))
		time.Sleep(2 * time.Second)
		p.saw(t, "a>a", "a>b")
		time.Sleep(2 * time.Second)
		p.saw(t, "of b@b")

		do(t, ctx, ref, nil, to("c"))
		is(t, process.Suspend(ctx, ref), nil)
		is(t, process.Signal(ctx, ref, to("a")), nil)
		time.Sleep(4 * time.Second)
		is(t, process.Resume(ctx, ref), nil)
		p.saw(t, "b>c", "c>a")
	})
}

func TestTimeout(t *testing.T) {
	update := func(r *rig, ctx context.Context) error { return statem.Update(ctx, r, "x", noter("updated")) }
	cancel := func(r *rig, ctx context.Context) error {
		if !statem.Cancel(r, "x") || statem.Cancel(r, "x") {
			return errSour
		}
		return nil
	}
	for name, c := range map[string]struct {
		do   []step // one a second
		want []string
	}{
		"survives a change":  {[]step{named(3*time.Second, "x"), to("b")}, []string{"a>b", "x@b"}},
		"any number":         {[]step{all(named(3*time.Second, "x"), named(2*time.Second, "y"), in(time.Minute, "state"), quiet(time.Hour, "never"))}, []string{"y@a", "x@a", "state@a"}},
		"is replaced":        {[]step{named(3*time.Second, "x"), named(5*time.Second, "x"), named(4500*time.Millisecond, "y")}, []string{"x@a", "y@a"}},
		"is cancelled":       {[]step{named(3*time.Second, "x"), cancel}, nil},
		"is updated":         {[]step{named(3*time.Second, "x"), all(update, named(1500*time.Millisecond, "y"))}, []string{"y@a", "updated@a"}},
		"update of none":     {[]step{update}, []string{"updated@a"}},
		"update when it was": {[]step{named(0, "x"), update}, []string{"x@a", "updated@a"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				p := new(plan)
				ref := spawn(t, ctx, p)
				p.saw(t, "a>a")
				for _, s := range c.do {
					do(t, ctx, ref, nil, s)
					time.Sleep(time.Second)
				}
				time.Sleep(10 * time.Hour)
				p.saw(t, c.want...)
			})
		})
	}
}

func TestEventTimeout(t *testing.T) {
	next := func(r *rig, ctx context.Context) error { return process.Next(ctx, (*rig).Note, "next") }
	waiting := func(r *rig, ctx context.Context) error {
		return process.Cast(ctx, process.Self[rig](ctx), (*rig).In, "b:1")
	}
	for name, c := range map[string]struct {
		do   []step // one a second
		want []string
	}{
		"comes":                   {[]step{quiet(3*time.Second, "x")}, []string{"x@a"}},
		"cancelled by a message":  {[]step{quiet(3*time.Second, "x"), noter("n")}, []string{"n@a"}},
		"by a postponed one":      {[]step{waiting, all(quiet(3*time.Second, "x"), to("b"))}, []string{"a>b", "b:1@b"}},
		"by an inserted one":      {[]step{all(quiet(3*time.Second, "x"), next)}, []string{"next@a"}},
		"by a time-out":           {[]step{all(quiet(3*time.Second, "x"), in(2*time.Second, "state"))}, []string{"state@a"}},
		"not by an enter call":    {[]step{all(quiet(3*time.Second, "x"), to("b"), (*rig).repeat)}, []string{"a>b", "b>b", "x@b"}},
		"nor by one cancelled":    {[]step{all(quiet(3*time.Second, "x"), in(2*time.Second, "state"), to("b"))}, []string{"a>b", "x@b"}},
		"nor by one of no time":   {[]step{all(in(0, "state"), quiet(3*time.Second, "x"), to("b"))}, []string{"a>b", "x@b"}},
		"set again":               {[]step{quiet(3*time.Second, "x"), quiet(3*time.Second, "y")}, []string{"y@a"}},
		"of no time":              {[]step{quiet(0, "x")}, []string{"x@a"}},
		"of no time, with others": {[]step{all(quiet(0, "x"), in(0, "state"))}, []string{"x@a", "state@a"}},
		"of no time, with next":   {[]step{all(quiet(0, "x"), next)}, []string{"next@a"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				p := new(plan)
				ref := spawn(t, ctx, p)
				p.saw(t, "a>a")
				for _, s := range c.do {
					do(t, ctx, ref, nil, s)
					time.Sleep(time.Second)
				}
				time.Sleep(time.Hour)
				p.saw(t, c.want...)
			})
		})
	}
}

func TestEventTimeoutOfTheStart(t *testing.T) {
	set := func(ctx context.Context, r *rig) error { return quiet(time.Second, "quiet")(r, ctx) }
	for name, p := range map[string]*plan{
		"constructor": {open: set},
		"continue":    {cont: set},
		"enter":       {enter: set},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				ref := spawn(t, ctx, p)
				time.Sleep(2 * time.Second)
				p.saw(t, "a>a", "quiet@a")
				do(t, ctx, ref, nil, func(_ *rig, ctx context.Context) error { return process.Stop(ctx, process.Normal) })

				ref = spawn(t, ctx, p)
				do(t, ctx, ref, nil, noter("n"))
				time.Sleep(2 * time.Second)
				p.saw(t, "a>a", "n@a")
			})
		})
	}
}

// A time-out of zero comes after what is queued, and before what comes later.
func TestTimeoutOfNoTime(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := new(plan)
		ref := spawn(t, ctx, p)
		note := func(line string) step {
			return func(_ *rig, ctx context.Context) error {
				return process.Cast(ctx, process.Self[rig](ctx), (*rig).Note, line)
			}
		}
		do(t, ctx, ref, nil, all(note("queued"), in(0, "of a"), to("b"), in(0, "replaced"), in(-1, "state"),
			named(0, "named"), named(0, "cancelled"), note("later"), func(r *rig, ctx context.Context) error {
				if !statem.Cancel(r, "cancelled") {
					return errSour
				}
				return process.Next(ctx, (*rig).Note, "next")
			}))
		p.saw(t, "a>a", "a>b", "next@b", "queued@b", "state@b", "named@b", "later@b")
	})
}

// It comes where the mailbox is full, too.
func TestTimeoutOfNoTimeAndRoom(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := new(plan)
		ref := spawn(t, ctx, p, process.Mailbox{Size: 1})
		is(t, process.Signal(ctx, ref, func(r *rig, ctx context.Context) error {
			is(t, process.Cast(ctx, process.Self[rig](ctx), (*rig).Note, "queued"), nil)
			is(t, process.Cast(ctx, process.Self[rig](ctx), (*rig).Note, "no room"), process.ErrFull)
			return in(0, "state")(r, ctx)
		}), nil)
		p.saw(t, "a>a", "queued@a", "state@a")
	})
}

// What has come and was postponed is a message as any other: nothing cancels it.
func TestTimeoutPostponed(t *testing.T) {
	for name, d := range map[string]time.Duration{"of no time": -1, "timed": time.Second} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				p := new(plan)
				ref := spawn(t, ctx, p)
				late := func(line string) step {
					return func(r *rig, ctx context.Context) error { return r.In(ctx, line) }
				}
				do(t, ctx, ref, nil, func(r *rig, ctx context.Context) error {
					return errors.Join(
						statem.StateTimeout(ctx, r, d, late("b:state")),
						statem.Timeout(ctx, r, "x", d+1, late("b:x")))
				})
				time.Sleep(time.Minute)
				do(t, ctx, ref, nil, func(r *rig, _ context.Context) error {
					if statem.Cancel(r, "x") || statem.CancelState(r) {
						return errSour
					}
					return nil
				})
				do(t, ctx, ref, nil, func(r *rig, ctx context.Context) error {
					return statem.EventTimeout(ctx, r, d, late("b:event"))
				})
				time.Sleep(time.Minute)
				do(t, ctx, ref, nil, to("c"))
				do(t, ctx, ref, nil, to("b"))
				p.saw(t, "a>a", "a>c", "c>b", "b:state@b", "b:x@b", "b:event@b")
			})
		})
	}
}

// A time-out whose tick is in the mailbox when it is cancelled is no event.
func TestTimeoutsAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := new(plan)
		ref := spawn(t, ctx, p)
		do(t, ctx, ref, nil, all(in(time.Second, "never"), named(time.Second-1, "first")))
		is(t, process.Suspend(ctx, ref), nil)
		is(t, process.Signal(ctx, ref, func(r *rig, ctx context.Context) error {
			if !statem.Cancel(r, "first") || !statem.CancelState(r) {
				return errSour
			}
			return quiet(time.Second, "quiet")(r, ctx)
		}), nil)
		time.Sleep(time.Second)
		is(t, process.Resume(ctx, ref), nil)
		time.Sleep(time.Hour)
		p.saw(t, "a>a", "quiet@a")
	})
}

// What is cancelled, or has come, leaves nothing behind.
func TestTimeoutsLeaveNothing(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := new(plan)
		ref := spawn(t, ctx, p)
		do(t, ctx, ref, nil, func(r *rig, ctx context.Context) error {
			for i := 1; i <= 100; i++ {
				name := fmt.Sprint(i)
				is(t, in(time.Minute, "never")(r, ctx), nil)
				is(t, quiet(time.Minute, "never")(r, ctx), nil)
				is(t, statem.Timeout(ctx, r, name, time.Duration(i)*time.Second, func(*rig, context.Context) error { return process.Deferred }), nil)
				if i%2 == 0 {
					statem.Cancel(r, name)
				}
			}
			return r.Goto(ctx, "b")
		})
		synctest.Wait()
		before, err := process.InfoOf(ctx, ref)
		is(t, err, nil)
		time.Sleep(time.Hour)
		after, err := process.InfoOf(ctx, ref)
		if is(t, err, nil); after.Handled != before.Handled+50+1 { // and the EventTimeout, in vain
			t.Errorf("it handled %d messages", after.Handled-before.Handled)
		}
		do(t, ctx, ref, nil, func(r *rig, _ context.Context) error {
			if n := statem.Named(r); n != 0 {
				t.Errorf("%d names are left", n)
			}
			return nil
		})
		p.saw(t, "a>a", "a>b")
	})
}

// The reason of a crash tells which time-out it was.
func TestTimeoutCrashes(t *testing.T) {
	for want, set := range map[string]func(context.Context, *rig, step) error{
		"state time-out: sour": func(ctx context.Context, r *rig, s step) error { return statem.StateTimeout(ctx, r, 0, s) },
		"time-out x: sour":     func(ctx context.Context, r *rig, s step) error { return statem.Timeout(ctx, r, "x", 1, s) },
		"event time-out: sour": func(ctx context.Context, r *rig, s step) error { return statem.EventTimeout(ctx, r, 0, s) },
	} {
		bubble(t, func(t *testing.T, ctx context.Context) {
			ref := spawn(t, ctx, new(plan))
			do(t, ctx, ref, nil, func(r *rig, ctx context.Context) error {
				return set(ctx, r, func(*rig, context.Context) error { return errSour })
			})
			time.Sleep(time.Second)
			crash, err := process.LastCrash(ctx, ref)
			if is(t, err, nil); crash.Reason.Error() != want {
				t.Errorf("%v, want %s", crash.Reason, want)
			}
			is(t, crash.Reason, errSour)
		})
	}
}

// A Down is an event as any other.
func TestDownCancelsEventTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := new(plan)
		ref, peer := spawn(t, ctx, p), spawn(t, ctx, new(plan))
		do(t, ctx, ref, nil, func(r *rig, ctx context.Context) error {
			_, err := process.Monitor(ctx, peer, func(r *rig, ctx context.Context, _ process.Down) error { return r.Note(ctx, "down") })
			is(t, err, nil)
			return quiet(2*time.Second, "never")(r, ctx)
		})
		time.Sleep(time.Second)
		is(t, process.Exit(ctx, peer, process.Normal), nil)
		time.Sleep(time.Hour)
		p.saw(t, "a>a", "down@a")
	})
}
