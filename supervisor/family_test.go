package supervisor_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

const Workers process.Family[worker] = "workers"

// member opens workers named as their key. life counts for each key.
func (w *world) member(opens ...func(ctx context.Context, life int) error) func(context.Context) (*worker, error) {
	var mu sync.Mutex
	byKey := map[string]func(context.Context) (*worker, error){}
	return func(ctx context.Context) (*worker, error) {
		key := process.Self[worker](ctx).Key()
		mu.Lock()
		open := byKey[key]
		if open == nil {
			open = w.open(key, opens...)
			byKey[key] = open
		}
		mu.Unlock()
		return open(ctx)
	}
}

func (w *world) family(opts ...process.Option) *supervisor.Root {
	w.Helper()
	return w.start(supervisor.Child{Run: supervisor.Family(Workers, w.member(), opts...)})
}

func TestTheFirstMessageStartsAMember(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.family()
		for _, verb := range []func(m process.Member[worker]) error{
			func(m process.Member[worker]) error { _, err := process.Ask(w.ctx, m, (*worker).Life); return err },
			func(m process.Member[worker]) error { return process.Do(w.ctx, m, (*worker).Rest, 0) },
			func(m process.Member[worker]) error { return process.Cast(w.ctx, m, (*worker).Rest, 0) },
		} {
			w.expect("")
			if err := verb(Workers.Of("k")); err != nil {
				t.Error(err)
			}
			w.expect("+k")
			if err := process.Exit(w.ctx, Workers.Of("k"), nil); err != nil {
				t.Error(err)
			}
			w.expect("-k")
		}
		name, err := process.Ask(w.ctx, Workers.Of("x/y"), (*worker).Name)
		if name != "x/y" || err != nil {
			t.Errorf("%q, %v", name, err)
		}
		root.Stop()
		_, err = process.Ask(w.ctx, Workers.Of("k"), (*worker).Life)
		isErr(t, err, process.ErrNoProcess)
	})
}

func TestARefusedMemberLeavesNothing(t *testing.T) {
	refusal := fault.NotFound.Errorf("there is no unit 42")
	for name, c := range map[string]struct {
		open func(context.Context, int) error
		want error
		text string
	}{
		"refusal": {func(context.Context, int) error { return refusal }, refusal, "there is no unit 42"},
		"panic":   {func(context.Context, int) error { panic(errCrash) }, errCrash, "internal error"},
		"goexit":  {func(context.Context, int) error { runtime.Goexit(); return nil }, nil, "internal error"},
		"ignore":  {func(context.Context, int) error { return process.Ignore }, process.Ignore, "internal error"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				slow := func(ctx context.Context, life int) error { time.Sleep(time.Second); return c.open(ctx, life) }
				root := w.start(supervisor.Child{Run: supervisor.Family(Workers, w.member(slow))})
				n := w.node.Count()
				var wg sync.WaitGroup
				for range 5 {
					wg.Go(func() {
						_, err := process.Ask(w.ctx, Workers.Of("42"), (*worker).Life)
						if err == nil || c.want != nil {
							isErr(t, err, c.want)
						}
						if got := fault.Detail(err); got != c.text {
							t.Errorf("the caller reads %q", got)
						}
					})
				}
				if err := process.Signal(w.ctx, Workers.Of("42"), (*worker).Crash); err != nil {
					t.Error(err)
				}
				wg.Wait()
				w.settle()
				if w.node.Count() != n || w.status("root").Children[0].Members != 0 {
					t.Errorf("something stays: %v", w.node.Processes())
				}
				if n := w.count("process.messages.lost"); n != 1 { // who called was told
					t.Errorf("%d messages lost, want 1", n)
				}
				root.Stop()
			})
		})
	}
}

func TestManyFirstMessagesStartOneMember(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: supervisor.Family(Workers, w.member(func(context.Context, int) error { time.Sleep(time.Second); return nil }))})
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if w.life(Workers.Of("k")) != 1 {
					t.Error("another life")
				}
			})
		}
		wg.Wait()
		w.expect("+k")
		root.Stop()
	})
}

func TestMostMembers(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.family(process.Most(2))
		w.life(Workers.Of("1"))
		w.life(Workers.Of("2"))
		for range 3 {
			_, err := process.Ask(w.ctx, Workers.Of("3"), (*worker).Life)
			isErr(t, err, fault.Exhausted)
		}
		w.life(Workers.Of("1"))
		w.crash(Workers.Of("1")) // one that restarts counts
		w.crash(Workers.Of("1"))
		_, err := process.Ask(w.ctx, Workers.Of("3"), (*worker).Life)
		isErr(t, err, fault.Exhausted)
		if err := process.Do(w.ctx, Workers.Of("2"), (*worker).End, nil); err != nil {
			t.Error(err)
		}
		w.settle()
		w.life(Workers.Of("3"))
		root.Stop()
	})
}

func TestAMemberThatCrashesWaitsLonger(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.family()
		m := Workers.Of("k")
		w.life(m)
		for i, want := range []time.Duration{0, 100, 200, 400, 800, 1600, 3200} {
			want *= time.Millisecond
			began := time.Now()
			w.crash(m)
			answers := make(chan int, 3)
			for range 3 {
				go func() { answers <- w.life(m) }() // they survive in the queue
			}
			for range 3 {
				if life := <-answers; life != i+2 {
					t.Errorf("life %d answered, want %d", life, i+2)
				}
			}
			if took := time.Since(began); took < want || took > want+want/4 {
				t.Errorf("back after %v, want %v", took, want)
			}
		}
		root.Stop()
	})
}

func TestAMemberWithTriesIsForgottenInTheEnd(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: supervisor.Family(Workers, w.member()), Backoff: supervisor.Backoff{Tries: 1}})
		m := Workers.Of("k")
		w.life(m)
		w.crash(m)
		if err := process.Cast(w.ctx, m, (*worker).Rest, time.Second); err != nil {
			t.Error(err)
		}
		w.settle()
		if err := process.Signal(w.ctx, m, (*worker).Crash); err != nil {
			t.Error(err)
		}
		_, err := process.Ask(w.ctx, m, (*worker).Life)
		isErr(t, err, process.ErrDead, errCrash)
		w.expect("+k !k +k !k")
		if w.life(m) != 3 {
			t.Error("it should begin anew")
		}
		w.crash(m)
		w.expect("+k !k +k")
		root.Stop()
	})
}

func TestAFailedRestartOfAMemberIsRetried(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: supervisor.Family(Workers, w.member(func(_ context.Context, life int) error {
			if life == 4 {
				panic("again")
			}
			return fail(life > 1 && life < 6)
		}))})
		w.life(Workers.Of("k"))
		w.crash(Workers.Of("k"))
		if w.life(Workers.Of("k")) != 6 {
			t.Error("it should be in its sixth life")
		}
		w.expect("+k !k xk xk xk +k") // the panic is silent here
		root.Stop()
	})
}

func TestCrashesOfOneMemberDoNotHoldUpAnother(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(
			supervisor.Child{Run: supervisor.Family(Workers, w.member()), Backoff: supervisor.Backoff{Min: time.Millisecond, Max: time.Millisecond}},
			supervisor.Child{Run: w.worker(A)},
		)
		began := time.Now()
		for range 250 {
			if err := process.Signal(w.ctx, Workers.Of("bad"), (*worker).Crash); err != nil {
				t.Fatal(err)
			}
			asked := time.Now()
			if w.life(Workers.Of("good")) != 1 || w.life(A) != 1 || time.Since(asked) > 0 {
				t.Fatal("the others were disturbed")
			}
			time.Sleep(20 * time.Millisecond)
		}
		if got := w.count("process.crashes"); got != 250 {
			t.Errorf("%d crashes in %v", got, time.Since(began))
		}
		root.Stop()
	})
}

func TestAMemberStopsItself(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.family()
		m := Workers.Of("k")
		if err := process.Do(w.ctx, m, (*worker).End, nil); err != nil {
			t.Error(err)
		}
		w.expect("+k -k")
		if n := w.status("root").Children[0].Members; n != 0 {
			t.Errorf("%d members", n)
		}
		// With mail it comes back, and the mail is answered.
		if err := process.Cast(w.ctx, m, (*worker).Rest, time.Second); err != nil {
			t.Error(err)
		}
		w.settle()
		if err := process.Cast(w.ctx, m, (*worker).End, process.Shutdown); err != nil {
			t.Error(err)
		}
		if life := w.life(m); life != 3 {
			t.Errorf("life %d", life)
		}
		w.expect("+k -k +k")
		root.Stop()
		w.expect("-k")
	})
}

func TestAFamilyStopsItsMembersInParallel(t *testing.T) {
	bubble(t, func(w *world) {
		const Sleepers process.Family[sleeper] = "sleepers"
		root := w.start(w.service("s"), supervisor.Child{Run: supervisor.Family(Sleepers, func(context.Context) (*sleeper, error) { return &sleeper{w, 4 * time.Second}, nil })})
		for i := range 100 {
			if err := process.Run(w.ctx, Sleepers.Of(fmt.Sprint(i)), (*sleeper).hello); err != nil {
				t.Error(err)
			}
		}
		w.expect("+s")
		began := time.Now()
		go func() {
			time.Sleep(time.Second)
			err := process.Run(w.ctx, Sleepers.Of("late"), (*sleeper).hello)
			isErr(t, err, process.ErrDead)
		}()
		root.Stop()
		if took := time.Since(began); took != 4*time.Second || w.count("process.abandoned") != 0 {
			t.Errorf("took %v, %d abandoned", took, w.count("process.abandoned"))
		}
		if got := w.read(); len(got) != 100*len("-sleeper ")+len("-s") {
			t.Errorf("got %s", got)
		}
	})
}

func TestAFamilyHasOneOwnerAndOneType(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.family()
		_, err := supervisor.Tree{Name: "other", Children: []supervisor.Child{{Run: supervisor.Family(Workers, w.member())}}}.Start(w.ctx)
		isErr(t, err, fault.Conflict)
		_, err = supervisor.Tree{Name: "other", Children: []supervisor.Child{{Run: supervisor.Family("workers", func(context.Context) (*sleeper, error) { return nil, nil })}}}.Start(w.ctx)
		isErr(t, err, fault.Conflict)
		err = process.Run(w.ctx, process.Family[sleeper]("workers").Of("k"), (*sleeper).hello)
		isErr(t, err, fault.Conflict)
		w.life(Workers.Of("k"))
		root.Stop()
		root = w.family()
		w.life(Workers.Of("k"))
		root.Stop()
	})
}

// The restart type of the entry is the members': a temporary one that crashes sleeps
// until the next message, and whoever waits learns of the crash.
func TestATemporaryMemberSleepsAfterACrash(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: supervisor.Family(Workers, w.member()), Restart: supervisor.Temporary})
		m := Workers.Of("k")
		w.life(m)
		if err := process.Cast(w.ctx, m, (*worker).Rest, time.Second); err != nil {
			t.Error(err)
		}
		w.settle()
		if err := process.Signal(w.ctx, m, (*worker).Crash); err != nil {
			t.Error(err)
		}
		_, err := process.Ask(w.ctx, m, (*worker).Life)
		isErr(t, err, process.ErrDead, errCrash)
		w.expect("+k !k")
		if s := w.status("root").Children[0]; s.Members != 0 || s.Restart != "permanent" {
			t.Errorf("got %+v", s)
		}
		if life := w.life(m); life != 2 {
			t.Errorf("it is in life %d", life)
		}
		must(t, supervisor.KillMembers[process.None](w.ctx, "root/workers"))
		w.settle()
		if life := w.life(m); life != 3 { // the family itself is permanent
			t.Errorf("it is in life %d", life)
		}
		root.Stop()
	})
}
