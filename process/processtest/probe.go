package processtest

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// Probe is a process that takes values of T, for the test to expect them. Its method Got
// is for whatever wants a method of a process. A short name helps:
//
//	type downs = processtest.Probe[process.Down]
//
//	p := processtest.NewProbe[process.Down](t, ctx)
//	p.Run(func(ctx context.Context) error {
//		_, err := process.Monitor(ctx, Lobby, (*downs).Got)
//		return err
//	})
//
// Its methods but for Got are for the test's own goroutine. Where they fail they end the
// test, as t.Fatal does, and show what came instead.
type Probe[T any] struct {
	t   testing.TB
	ctx context.Context // lasts over the end of the test, for what is cleaned up then
	ref process.Ref[Probe[T]]
	in  inbox[T]
}

// NewProbe starts a probe. It ends with its node, or with the process whose context is
// given. Its mailbox has room for 1,000,000 messages if the options do not say otherwise.
func NewProbe[T any](t testing.TB, ctx context.Context, opts ...process.Option) *Probe[T] {
	t.Helper()
	p := &Probe[T]{t: t, ctx: context.WithoutCancel(ctx)}
	opts = append([]process.Option{process.Mailbox{Size: 1_000_000}}, opts...)
	var err error
	if p.ref, err = process.Spawn(ctx, func(context.Context) (*Probe[T], error) { return p, nil }, opts...); err != nil {
		t.Fatalf("a probe does not start: %v", err)
	}
	p.in = inbox[T]{
		t:    t,
		name: "probe " + p.ref.String(),
		show: func(v T) string { return fault.Inspect(v) },
		why:  p.ended,
		came: make(chan struct{}, 1),
	}
	return p
}

// Ref is the probe's address.
func (p *Probe[T]) Ref() process.Ref[Probe[T]] { return p.ref }

// Got takes one value.
func (p *Probe[T]) Got(_ context.Context, v T) error { p.in.put(v); return nil }

// Run runs fn in the probe's process, to Monitor, Link, Trap, Join or Subscribe there. It
// waits for fn, and fails the test if fn fails. What comes for the probe meanwhile waits.
func (p *Probe[T]) Run(fn func(ctx context.Context) error) {
	p.t.Helper()
	if err := process.Run(p.ctx, p.ref, func(_ *Probe[T], ctx context.Context) error { return fn(ctx) }); err != nil { //bennu:ok a test says what to run
		p.t.Fatalf("in %s: %v", p.in.name, err)
	}
}

// Expect takes the next values, which must be these, in this order. It waits up to 5 s
// for each. More may follow: see [Probe.ExpectNone], which is what Expect is without
// values.
//
// Values are equal by their method Equal, as that of [time.Time], or else by
// [reflect.DeepEqual]. For errors that are wrapped there is ExpectMatch, with errors.Is.
func (p *Probe[T]) Expect(want ...T) {
	p.t.Helper()
	if len(want) == 0 {
		p.ExpectNone()
	}
	expect(&p.in, want, equal, p.in.show)
}

// ExpectMatch takes the next value, which must be as ok says, and gives it. It waits up
// to 5 s for it.
func (p *Probe[T]) ExpectMatch(ok func(T) bool) T {
	p.t.Helper()
	return p.in.match(ok)
}

// ExpectNone fails if there is a value that was not expected yet. In a synctest bubble it
// is said after everything has happened that happens without time going on; elsewhere,
// after the probe has handled what was sent to it before, whoever sent it.
func (p *Probe[T]) ExpectNone() {
	p.t.Helper()
	if inBubble() {
		synctest.Wait()
	} else if process.Alive(p.ctx, p.ref) {
		Settle(p.t, p.ctx, p.ref)
	}
	p.in.none()
}

// ended says why nothing comes any more.
func (p *Probe[T]) ended() string {
	if process.Alive(p.ctx, p.ref) {
		return ""
	}
	reason, _ := process.Wait(p.ctx, p.ref) // a Ref is found even then
	return fmt.Sprintf("it has ended (%v)", reason)
}
