package process_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

// policies is every way to deal with overflow, and what becomes of one message too many.
var policies = map[process.Overflow]struct {
	name              string
	cast, call, topic error         // what its sender gets
	takes             time.Duration // after so long
	kept              string        // of 0, 1 and 2, where there is room for two
	lost              int64
}{
	process.Block:      {"Block", process.ErrTimeout, process.ErrTimeout, process.ErrFull, process.DefaultTimeout, "01", 0},
	process.Fail:       {"Fail", process.ErrFull, process.ErrFull, process.ErrFull, 0, "01", 0},
	process.DropOldest: {"DropOldest", nil, nil, nil, 0, "12", 1},
	process.DropNewest: {"DropNewest", nil, process.ErrFull, nil, 0, "01", 1},
}

// full gives a process whose mailbox of two is full.
func full(t testing.TB, ctx context.Context, rec *record, o process.Overflow) (process.Ref[box], func()) {
	t.Helper()
	ref := spawn(t, ctx, rec.open, process.Mailbox{Size: 2, Overflow: o})
	release := block(t, ctx, ref)
	for i := range 2 {
		is(t, process.Cast(ctx, ref, (*box).Note, fmt.Sprint(i)))
	}
	if i := slotInfo(t, ctx, ref); i.Lost != 0 || i.Waiting != 2 || i.Most != 2 {
		t.Errorf("up to its size: %+v", i)
	}
	return ref, release
}

func TestOverflow(t *testing.T) {
	senders := map[string]func(ctx context.Context, ref process.Ref[box]) error{
		"cast": func(ctx context.Context, ref process.Ref[box]) error { return process.Cast(ctx, ref, (*box).Note, "2") },
		"call": func(ctx context.Context, ref process.Ref[box]) error { return process.Do(ctx, ref, (*box).Note, "2") },
	}
	for o, want := range policies {
		for kind, send := range senders {
			for _, inside := range []bool{false, true} {
				t.Run(fmt.Sprint(want.name, "/", kind, "/", map[bool]string{false: "outside", true: "inside"}[inside]), func(t *testing.T) {
					bubble(t, func(t *testing.T, ctx context.Context) {
						rec := new(record)
						ref, release := full(t, ctx, rec, o)
						start, errs := time.Now(), make(chan error, 1)
						go func() {
							if !inside {
								errs <- send(ctx, ref)
								return
							}
							fling(t, ctx, newBox(t, ctx), func(ctx context.Context) error { errs <- send(ctx, ref); return nil })
						}()
						wait, takes := want.cast, want.takes
						switch {
						case kind == "call":
							wait = want.call
						case inside && o == process.Block: // a handler that casts never waits
							wait, takes = process.ErrFull, 0
						}
						if kind == "call" && wait == nil { // it is in the mailbox, and waits
							synctest.Wait()
							release()
						}
						if err := <-errs; wait == nil {
							is(t, err)
						} else {
							is(t, err, wait)
						}
						took(t, start, takes)
						i := slotInfo(t, ctx, ref)
						if i.Lost != uint64(want.lost) || i.Most != 2 || count(ctx, "process.messages.lost") != want.lost {
							t.Errorf("lost %d and %d in all, at most %d; want %d, and 2", i.Lost, count(ctx, "process.messages.lost"), i.Most, want.lost)
						}
						if kind != "call" || wait != nil {
							release()
						}
						synctest.Wait()
						equal(t, rec.all(), want.kept[:1], want.kept[1:])
					})
				})
			}
		}
	}
}

// A topic's message never waits, whatever the policy.
func TestOverflowOfAPort(t *testing.T) {
	for o, want := range policies {
		t.Run(want.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				rec := new(record)
				ref := spawn(t, ctx, rec.open, process.Mailbox{Size: 2, Overflow: o})
				var port process.Port[string]
				is(t, do(ctx, ref, func(ctx context.Context) (err error) { port, err = process.Bind(ctx, (*box).Note); return err }))
				release := block(t, ctx, ref)
				start := time.Now()
				is(t, port.Send("0"))
				is(t, port.Send("1"))
				if err := port.Send("2"); want.topic == nil {
					is(t, err)
				} else {
					is(t, err, want.topic)
				}
				took(t, start, 0)
				if n := slotInfo(t, ctx, ref).Lost; n != uint64(want.lost) {
					t.Errorf("lost %d, want %d", n, want.lost)
				}
				release()
				synctest.Wait()
				equal(t, rec.all(), want.kept[:1], want.kept[1:])
			})
		})
	}
}

// Whose question is dropped to make room for another gets ErrFull at once.
func TestDropOldestFailsTheCaller(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		rec := new(record)
		ref := spawn(t, ctx, rec.open, process.Mailbox{Size: 1, Overflow: process.DropOldest})
		release := block(t, ctx, ref)
		errs := make(chan error, 1)
		start := time.Now()
		go func() { errs <- process.Do(ctx, ref, (*box).Note, "call") }()
		synctest.Wait()
		is(t, process.Cast(ctx, ref, (*box).Note, "cast"))
		is(t, <-errs, process.ErrFull)
		took(t, start, 0)
		release()
		synctest.Wait()
		equal(t, rec.all(), "cast")
	})
}

// Ticks and downs have room in a full mailbox of any policy, and are never dropped.
func TestTicksAndDownsOverflowNothing(t *testing.T) {
	for o := process.Block; o <= process.Crash; o++ {
		t.Run(fmt.Sprint(o), func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				rec, target := new(record), newBox(t, ctx)
				ref := spawn(t, ctx, rec.open, process.Mailbox{Size: 1, Overflow: o})
				is(t, do(ctx, ref, func(ctx context.Context) error {
					_, err := process.After(ctx, time.Second, func(b *box, _ context.Context) error { b.note("tick"); return nil })
					is(t, err)
					_, err = process.Monitor(ctx, target, (*box).Down)
					return err
				}))
				release := block(t, ctx, ref)
				is(t, process.Cast(ctx, ref, (*box).Note, "mail"))
				time.Sleep(2 * time.Second)
				is(t, process.Exit(ctx, target, process.Normal))
				synctest.Wait()
				if i := slotInfo(t, ctx, ref); i.Lost != 0 || i.State != "running" {
					t.Errorf("info %+v", i)
				}
				if o == process.DropOldest { // the mail goes, the tick stays
					is(t, process.Cast(ctx, ref, (*box).Note, "new"))
				}
				release()
				synctest.Wait()
				switch o {
				case process.DropOldest:
					equal(t, rec.all(), "down normal", "tick", "new")
				default:
					equal(t, rec.all(), "down normal", "mail", "tick")
				}
			})
		})
	}
}

// Crash ends the process, and what waited is lost; it comes back as after any crash.
func TestOverflowCrashes(t *testing.T) {
	for _, kind := range []string{"cast", "call", "port"} {
		t.Run(kind, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				rec := new(record)
				k := keep(t, ctx, theBox, rec.open, process.Mailbox{Size: 2, Overflow: process.Crash})
				var port process.Port[string]
				is(t, do(ctx, theBox, func(ctx context.Context) (err error) { port, err = process.Bind(ctx, (*box).Note); return err }))
				fling(t, ctx, theBox, func(ctx context.Context) error { <-ctx.Done(); return nil })
				synctest.Wait()
				errs := make(chan error, 1)
				go func() { errs <- process.Do(ctx, theBox, (*box).Note, "call") }()
				synctest.Wait()
				is(t, process.Cast(ctx, theBox, (*box).Note, "cast"))
				start := time.Now()
				switch kind {
				case "cast":
					is(t, process.Cast(ctx, theBox, (*box).Note, "more"), process.ErrFull)
				case "call":
					is(t, process.Do(ctx, theBox, (*box).Note, "more"), process.ErrFull)
				case "port":
					is(t, port.Send("more"), process.ErrFull)
				}
				is(t, <-errs, process.ErrFull)
				took(t, start, 0)
				processtest.Settle(t, ctx, theBox)
				equal(t, rec.all())
				equal(t, k.all(), process.ErrOverflow.Error())
				if i := k.slot.Info(); i.Lost != 3 || count(ctx, "process.messages.lost") != 3 || i.Restarts != 1 || count(ctx, "process.crashes") != 1 {
					t.Errorf("info %+v, %d lost in all, %d crashes", i, count(ctx, "process.messages.lost"), count(ctx, "process.crashes"))
				}
			})
		})
	}
}

// With Fresh a crash loses what was queued, and its callers hear the reason; else it survives.
func TestFresh(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		t.Run(fmt.Sprint(fresh), func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				rec := new(record)
				keep(t, ctx, theBox, rec.open, process.Mailbox{Fresh: fresh, Size: 2})
				free := make(chan struct{})
				fling(t, ctx, theBox, func(context.Context) error { <-free; return errSour })
				synctest.Wait()
				errs := make(chan error, 2)
				is(t, process.Cast(ctx, theBox, (*box).Note, "cast"))
				for range 2 { // one in the mailbox, and one in line before it
					go func() { errs <- process.Do(ctx, theBox, (*box).Note, "call") }()
				}
				synctest.Wait()
				start := time.Now()
				close(free)
				if fresh {
					is(t, <-errs, process.ErrDead, errSour)
					is(t, <-errs, process.ErrDead, errSour)
				} else {
					is(t, <-errs)
					is(t, <-errs)
				}
				took(t, start, 0)
				processtest.Settle(t, ctx, theBox)
				if fresh {
					equal(t, rec.all())
				} else {
					equal(t, rec.all(), "cast", "call", "call")
				}
				if n := count(ctx, "process.messages.lost"); fresh && n != 1 || !fresh && n != 0 { // who called was told
					t.Errorf("%d lost", n)
				}
			})
		})
	}
}

// What the runtime asks of a process does not need room in its mailbox.
func TestSystemSignalsPassAFullMailbox(t *testing.T) {
	for o := process.Block; o <= process.Crash; o++ {
		t.Run(fmt.Sprint(o), func(t *testing.T) {
			roughBubble(t, func(t *testing.T, ctx context.Context, _ func() int64) {
				for name, signal := range map[string]func(ref process.Ref[box], release func()){
					"stop": func(ref process.Ref[box], release func()) {
						is(t, process.Exit(ctx, ref, errSour))
						release()
						reason, err := process.Wait(ctx, ref)
						is(t, err)
						is(t, reason, errSour)
					},
					"kill": func(ref process.Ref[box], release func()) {
						is(t, process.Exit(ctx, ref, process.Kill))
						reason, err := process.Wait(ctx, ref)
						is(t, err)
						is(t, reason, process.Killed)
						release()
					},
					"monitor": func(ref process.Ref[box], release func()) {
						_, downs := watch(t, ctx, newBox(t, ctx), ref)
						is(t, process.Exit(ctx, ref, process.Shutdown))
						release()
						heard(t, downs, process.Down{Target: ref, Reason: process.Shutdown, Final: true})
					},
					"link": func(ref process.Ref[box], release func()) {
						peer := newBox(t, ctx)
						is(t, do(ctx, peer, func(ctx context.Context) error { return process.Link(ctx, ref) }))
						is(t, process.Exit(ctx, peer, errSour))
						synctest.Wait()
						release()
						reason, err := process.Wait(ctx, ref)
						is(t, err)
						is(t, reason, errSour)
					},
					"state": func(ref process.Ref[box], release func()) {
						states := make(chan error, 1)
						go func() { _, err := process.State(ctx, ref); states <- err }()
						synctest.Wait()
						release()
						is(t, <-states)
						is(t, process.Exit(ctx, ref, process.Normal))
					},
					"restart": func(ref process.Ref[box], release func()) {
						errs := make(chan error, 1)
						go func() { errs <- process.Restart(ctx, ref) }()
						synctest.Wait()
						release()
						is(t, <-errs)
						is(t, process.Exit(ctx, ref, process.Normal))
					},
				} {
					start := time.Now()
					ref, release := full(t, ctx, new(record), o)
					signal(ref, release)
					synctest.Wait()
					if d := time.Since(start); d != 0 {
						t.Errorf("%s took %v", name, d)
					}
				}
			})
		})
	}
}
