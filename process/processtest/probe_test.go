package processtest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/pubsub"
)

type (
	numbers = processtest.Probe[int]
	downs   = processtest.Probe[process.Down]
	exits   = processtest.Probe[process.Exited]
)

func send(t testing.TB, ctx context.Context, p *numbers, values ...int) {
	t.Helper()
	for _, v := range values {
		must(t, process.Cast(ctx, p.Ref(), (*numbers).Got, v))
	}
}

func TestExpect(t *testing.T) {
	ctx := processtest.Node(t)
	p := processtest.NewProbe[int](t, ctx)
	p.Expect()
	send(t, ctx, p, 1, 2, 3, 4)
	p.Expect(1)
	p.Expect(2, 3)
	if n := p.ExpectMatch(func(n int) bool { return n > 3 }); n != 4 {
		t.Errorf("it matched %d", n)
	}
	p.ExpectNone()
}

func TestExpectSaysWhatCame(t *testing.T) {
	for _, c := range []struct {
		name string
		send []int
		test func(p *numbers)
		want string
	}{
		{"other", []int{2}, func(p *numbers) { p.Expect(1) },
			"probe #1 got something else than expected (-):\n- 1\n+ 2"},
		{"in the middle", []int{1, 2, 7, 8}, func(p *numbers) { p.Expect(1); p.Expect(2, 3, 4) },
			"probe #1 got something else than expected (-):\n  2\n- 3\n- 4\n+ 7\n+ 8"},
		{"left out", []int{1, 3}, func(p *numbers) { p.Expect(1, 2, 3) },
			"probe #1 got something else than expected (-):\n  1\n- 2\n- 3\n+ 3"},
		{"twice", []int{1, 1}, func(p *numbers) { p.Expect(1, 2) },
			"probe #1 got something else than expected (-):\n  1\n- 2\n+ 1"},
		{"too few", []int{1}, func(p *numbers) { p.Expect(1, 2, 3) },
			"probe #1 got nothing in 5s; expected (-):\n  1\n- 2\n- 3"},
		{"many", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, func(p *numbers) { p.Expect(-1) },
			"probe #1 got something else than expected (-):\n- -1\n+ 0\n+ 1\n+ 2\n+ 3\n+ 4\n+ 5\n+ 6\n+ 7\n+ 8\n+ 9\n+ … and 2 more"},
		{"no match", []int{1, 2}, func(p *numbers) { p.ExpectMatch(func(n int) bool { return n == 2 }) },
			"probe #1 got what does not match:\n+ 1\n+ 2"},
		{"nothing to match", nil, func(p *numbers) { p.ExpectMatch(func(int) bool { return true }) },
			"probe #1 got nothing in 5s"},
		{"not none", []int{1, 2, 3}, func(p *numbers) { p.Expect(1); p.ExpectNone() },
			"probe #1 got what nobody expected:\n+ 2\n+ 3"},
		{"expect no values", []int{1}, func(p *numbers) { p.Expect() },
			"probe #1 got what nobody expected:\n+ 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fails(t, c.want, func(t testing.TB, ctx context.Context) {
					p := processtest.NewProbe[int](t, ctx)
					send(t, ctx, p, c.send...)
					synctest.Wait()
					c.test(p)
					t.Errorf("it went on")
				})
			})
		})
	}
}

func TestExpectWaitsFiveSeconds(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := processtest.NewProbe[int](t, ctx)
		time.AfterFunc(5*time.Second-1, func() { send(t, ctx, p, 1) })
		p.Expect(1)

		start := time.Now()
		fails(t, "probe #1 got nothing in 5s: it has ended (shutdown); expected (-):\n- 2", func(t testing.TB, ctx context.Context) {
			p := processtest.NewProbe[int](t, ctx)
			must(t, process.Exit(ctx, p.Ref(), process.Shutdown))
			p.Expect(2)
		})
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("it waited %v, want 5 s", d)
		}
	})
}

// Outside of a bubble ExpectNone waits for what was sent to the probe before.
func TestExpectNoneOutsideOfABubble(t *testing.T) {
	fails(t, "probe #1 got what nobody expected:\n+ 1", func(t testing.TB, ctx context.Context) {
		p := processtest.NewProbe[int](t, ctx)
		must(t, process.Signal(ctx, p.Ref(), func(*numbers, context.Context) error { time.Sleep(10 * time.Millisecond); return nil }))
		send(t, ctx, p, 1)
		p.ExpectNone()
	})
	ctx := processtest.Node(t)
	p := processtest.NewProbe[int](t, ctx)
	must(t, process.Exit(ctx, p.Ref(), process.Normal))
	_, err := process.Wait(ctx, p.Ref())
	must(t, err)
	p.ExpectNone() // it has ended
}

func TestWhatIsEqual(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		times := processtest.NewProbe[time.Time](t, ctx)
		now := time.Now()
		must(t, times.Got(ctx, now))
		times.Expect(now.UTC().Round(0))

		lists := processtest.NewProbe[[]string](t, ctx)
		must(t, lists.Got(ctx, []string{"a"}))
		lists.Expect([]string{"a"})

		fails(t, "probe #1 got something else than expected (-):\n- [secret]\n  (the next differs in what is not printed)\n+ [secret]",
			func(t testing.TB, ctx context.Context) {
				p := processtest.NewProbe[fault.Secret](t, ctx)
				must(t, p.Got(ctx, fault.NewSecret("abc")))
				p.Expect(fault.NewSecret("xyz"))
			})
	})
}

func TestProbeAsMonitorAndLink(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		target := spawn(t, ctx, openTally)
		monitor := processtest.NewProbe[process.Down](t, ctx)
		monitor.Run(func(ctx context.Context) error {
			_, err := process.Monitor(ctx, target, (*downs).Got)
			return err
		})
		link := processtest.NewProbe[process.Exited](t, ctx)
		link.Run(func(ctx context.Context) error {
			return errors.Join(process.Trap(ctx, (*exits).Got), process.Link(ctx, target))
		})
		monitor.ExpectNone()
		must(t, process.Signal(ctx, target, (*tally).Boom))
		monitor.Expect(process.Down{Target: target, Reason: errBoom, Started: true, Final: true})
		link.ExpectMatch(func(e process.Exited) bool { return e.From.String() == target.String() && e.Reason == errBoom })
		monitor.ExpectNone()
		link.ExpectNone()
	})
}

func TestProbeInAGroupAndATopic(t *testing.T) {
	const all process.Group[numbers] = "all"
	const news pubsub.Topic[int] = "news"
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := processtest.NewProbe[int](t, ctx)
		p.Run(func(ctx context.Context) error {
			_, err := process.Join(ctx, all)
			_, err2 := pubsub.Subscribe(ctx, news, (*numbers).Got)
			return errors.Join(err, err2)
		})
		must(t, process.CastAll(ctx, all, (*numbers).Got, 1))
		must(t, pubsub.Publish(ctx, news, 2))
		p.Expect(1, 2)
		p.ExpectNone()
	})
}

func TestProbeRunFails(t *testing.T) {
	fails(t, "in probe #1: boom", func(t testing.TB, ctx context.Context) {
		processtest.NewProbe[int](t, ctx).Run(func(context.Context) error { return errBoom })
	})
}

func TestProbeOptions(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := processtest.NewProbe[int](t, ctx, process.Mailbox{Size: 1, Overflow: process.DropNewest})
		resume := processtest.Pause(t, ctx, p.Ref())
		send(t, ctx, p, 1, 2)
		resume()
		p.Expect(1)
		p.ExpectNone()

		fails(t, "a probe does not start: process: a mailbox cannot hold -1 messages", func(t testing.TB, ctx context.Context) {
			processtest.NewProbe[int](t, ctx, process.Mailbox{Size: -1})
		})
	})
}
