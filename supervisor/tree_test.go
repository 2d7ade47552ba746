package supervisor_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

func TestChildrenStartInOrderAndStopInReverse(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(
			supervisor.Child{Run: w.worker(A)},
			w.service("s"),
			supervisor.Child{Run: supervisor.Tree{Name: "sub", Children: []supervisor.Child{{Run: w.worker(B)}, w.service("s")}}},
			supervisor.Child{Run: w.worker(C)},
		)
		w.expect("+a +s +b +s +c")
		root.Stop()
		w.expect("-c -s -b -s -a")
	})
}

func TestAChildIsReadyBeforeTheNextStarts(t *testing.T) {
	bubble(t, func(w *world) {
		slow := func(context.Context, int) error { time.Sleep(time.Second); return nil }
		usesA := func(ctx context.Context, _ int) error {
			_, err := process.Ask(ctx, A, (*worker).Life)
			return err
		}
		s := &service{w: w, name: "s", ready: func(ctx context.Context) error {
			time.Sleep(time.Second)
			return usesA(ctx, 1)
		}}
		began := time.Now()
		root := w.start(
			supervisor.Child{Run: w.worker(A, slow)},
			supervisor.Child{Name: "s", Run: s},
			supervisor.Child{Run: w.worker(B, usesA)},
		)
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		w.expect("+a +s +b")
		root.Stop()
	})
}

func TestAChildThatFailsToStartStopsThoseBefore(t *testing.T) {
	for name, c := range map[string]struct {
		open func(context.Context, int) error
		want string
	}{
		"error":  {func(context.Context, int) error { return errCrash }, `shop: "sub" failed to start: shop/sub: "c" failed to start: crash`},
		"panic":  {func(context.Context, int) error { panic("boom") }, `shop: "sub" failed to start: shop/sub: "c" failed to start: panic: boom`},
		"goexit": {func(context.Context, int) error { runtime.Goexit(); return nil }, `shop: "sub" failed to start: shop/sub: "c" failed to start: runtime.Goexit was called`},
		"stop":   {func(ctx context.Context, _ int) error { process.Stop(ctx, nil); return fault.Unavailable }, `shop: "sub" failed to start: shop/sub: "c" failed to start: unavailable`},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				_, err := supervisor.Tree{Name: "shop", Children: []supervisor.Child{
					{Run: w.worker(A)},
					{Run: supervisor.Tree{Name: "sub", Children: []supervisor.Child{{Run: w.worker(B)}, {Run: w.worker(C, c.open)}, {Run: w.worker(D)}}}},
				}}.Start(w.ctx)
				if err == nil || err.Error() != c.want {
					t.Errorf("got %v, want %s", err, c.want)
				}
				w.settle()
				if got := strings.ReplaceAll(w.read(), " xc", ""); got != "+a +b -b -a" {
					t.Errorf("got %s", got)
				}
			})
		})
	}
}

func TestAChildWithNothingToRunIsLeftOut(t *testing.T) {
	bubble(t, func(w *world) {
		ignore := func(context.Context, int) error { return process.Ignore }
		root := w.start(
			supervisor.Child{Run: w.worker(A, ignore)},
			supervisor.Child{Run: w.worker(B, ignore), Restart: supervisor.Temporary},
			supervisor.Child{Run: w.worker(C)},
		)
		w.expect("xa xb +c")
		s, err := supervisor.StatusOf(w.ctx, "root")
		if err != nil || len(s.Children) != 2 || s.Children[0].State != "ended" || !s.Up() {
			t.Errorf("got %+v, %v", s, err)
		}
		_, err = process.Ask(w.ctx, A, (*worker).Life)
		isErr(t, err, process.ErrNoProcess)
		root.Stop()
		w.expect("-c")
	})
}

func TestCheck(t *testing.T) {
	run := supervisor.Func(func(context.Context) error { return nil })
	for want, tree := range map[string]supervisor.Tree{
		"":                                     {Name: "t", Children: []supervisor.Child{{Name: "a", Run: run}, {Name: "b", Run: run}}},
		`"a" of "t" has nothing`:               {Name: "t", Children: []supervisor.Child{{Name: "a"}}},
		`of "t" (supervisor.Func) has no name`: {Name: "t", Children: []supervisor.Child{{Run: run}}},
		`"t" has two children named "a"`:       {Name: "t", Children: []supervisor.Child{{Name: "a", Run: run}, {Name: "a", Run: run}}},
		`"sub" has two children named "x"`:     {Name: "t", Children: []supervisor.Child{{Run: supervisor.Tree{Name: "sub", Children: []supervisor.Child{{Name: "x", Run: run}, {Name: "x", Run: run}}}}}},
		`"ptr" has two children named "x"`:     {Name: "t", Children: []supervisor.Child{{Run: &supervisor.Tree{Name: "ptr", Children: []supervisor.Child{{Name: "x", Run: run}, {Name: "x", Run: run}}}}}},
		`has no name`:                          {Name: "t", Children: []supervisor.Child{{Run: supervisor.Tree{}}}},
		`below zero`:                           {Name: "t", Children: []supervisor.Child{{Name: "a", Run: run, Backoff: supervisor.Backoff{Min: -1}}}},
		`Period of "t" is below`:               {Name: "t", Period: -1},
		`no such restart type`:                 {Name: "t", Children: []supervisor.Child{{Name: "a", Run: run, Restart: 7}}},
	} {
		err := tree.Check()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if want != "" {
			if _, err := tree.Start(t.Context()); err == nil {
				t.Errorf("it starts, which should fail with %s", want)
			}
		}
	}
	_, err := supervisor.Tree{}.Start(t.Context())
	isErr(t, err, process.ErrNoNode)
}

func TestNamesAreFreeAfterTheTree(t *testing.T) {
	bubble(t, func(w *world) {
		tree := supervisor.Tree{Name: "t", Children: []supervisor.Child{{Run: w.worker(A)}, w.service("s"), {Run: supervisor.Family(Workers, w.member())}}}
		for range 3 {
			root := w.startTree(tree)
			_, err := tree.Start(w.ctx)
			isErr(t, err, fault.Conflict)
			w.life(A)
			root.Stop()
			w.expect("+a +s -s -a")
			_, err = process.Ask(w.ctx, A, (*worker).Life)
			isErr(t, err, process.ErrNoProcess)
		}
	})
}

func TestTwoTreesMayNameTheirChildrenAlike(t *testing.T) {
	bubble(t, func(w *world) {
		one := w.startTree(supervisor.Tree{Name: "one", Children: []supervisor.Child{w.service("s"), {Name: "p", Run: w.worker(A)}}})
		two := w.startTree(supervisor.Tree{Name: "two", Children: []supervisor.Child{w.service("s"), {Name: "p", Run: w.worker(B)}}})
		_, err := supervisor.Tree{Name: "three", Children: []supervisor.Child{w.service("s"), {Run: w.worker(A)}}}.Start(w.ctx)
		isErr(t, err, fault.Conflict)
		if !strings.Contains(err.Error(), `three: "a" failed to start`) {
			t.Error(err)
		}
		w.expect("+s +a +s +b +s -s")
		one.Stop()
		two.Stop()
		w.expect("-a -s -b -s")
	})
}

func TestStartEndsWithItsContext(t *testing.T) {
	bubble(t, func(w *world) {
		obeys := func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }
		ignores := func(context.Context, int) error { time.Sleep(time.Minute); return nil }
		for name, c := range map[string]struct {
			open func(context.Context, int) error
			took time.Duration
			want string
		}{
			"obeys":   {obeys, time.Second, "+a +b xc -b -a"},
			"ignores": {ignores, 6 * time.Second, "+a +b -b -a"},
		} {
			ctx, cancel := context.WithTimeout(w.ctx, time.Second)
			began := time.Now()
			_, err := supervisor.Tree{Children: []supervisor.Child{
				{Run: w.worker(A)},
				{Run: supervisor.Tree{Name: "sub", Children: []supervisor.Child{{Run: w.worker(B)}, {Run: w.worker(C, c.open)}, {Run: w.worker(D)}}}},
			}}.Start(ctx)
			cancel()
			isErr(t, err, context.DeadlineExceeded)
			if took := time.Since(began); took != c.took {
				t.Errorf("%s: took %v, want %v", name, took, c.took)
			}
			w.expect(c.want)
			w.after(time.Minute)
			w.read()
		}
	})
}

func TestRootWait(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.startTree(supervisor.Tree{Intensity: supervisor.NoRestarts, Children: []supervisor.Child{{Run: w.worker(A)}}})
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		isErr(t, root.Wait(ctx), context.DeadlineExceeded)
		go func() {
			time.Sleep(time.Second)
			_ = process.Signal(w.ctx, A, (*worker).Crash)
		}()
		isErr(t, root.Wait(w.ctx), supervisor.ErrGaveUp, process.Shutdown)
		isErr(t, root.Wait(w.ctx), supervisor.ErrGaveUp)
		root.Stop()
		root.Stop()
		isErr(t, root.Wait(w.ctx), supervisor.ErrGaveUp)

		root = w.start(supervisor.Child{Run: w.worker(A)})
		root.Stop()
		if err := root.Wait(w.ctx); err != process.Shutdown {
			t.Errorf("got %v", err)
		}
	})
}

func TestServe(t *testing.T) {
	bubble(t, func(w *world) {
		for name, s := range map[string]supervisor.Service{
			"tree":    supervisor.Tree{Name: "x", Children: []supervisor.Child{{Run: w.worker(A)}}},
			"process": w.worker(A),
			"family":  supervisor.Family(Workers, w.member()),
			"func":    supervisor.Func(func(ctx context.Context) error { <-ctx.Done(); return nil }),
		} {
			ctx, cancel := context.WithCancel(w.ctx)
			done := make(chan error, 1)
			go func() { done <- s.Serve(ctx) }()
			w.settle()
			switch name {
			case "tree", "process":
				w.life(A)
			case "family":
				w.life(Workers.Of("1"))
			}
			cancel()
			if err := <-done; err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if n := w.node.Count(); n != 0 {
				t.Errorf("%s: %d processes are left", name, n)
			}
		}
		fails := w.worker(A, func(context.Context, int) error { return errCrash })
		isErr(t, fails.Serve(w.ctx), errCrash)
		crashes := w.worker(A, func(ctx context.Context, _ int) error {
			return process.Go(ctx, func(context.Context) error { return errCrash })
		})
		isErr(t, crashes.Serve(w.ctx), supervisor.ErrGaveUp)
		isErr(t, supervisor.Tree{}.Serve(t.Context()), process.ErrNoNode)
	})
}

func TestATreeStartedByAHandler(t *testing.T) {
	bubble(t, func(w *world) {
		// The handler waits for the tree; a child that asks it is told so at once.
		root := w.start(supervisor.Child{Run: supervisor.Process(Boots, func(context.Context) (*booter, error) { return &booter{w}, nil })})
		err := process.Run(w.ctx, Boots, (*booter).Boot)
		isErr(t, err, process.ErrCycle)
		w.expect("xa")
		root.Stop()
	})
}

const Boots process.Name[booter] = "boots"

type booter struct{ w *world }

func (b *booter) Hello(context.Context) error { return nil }

func (b *booter) Boot(ctx context.Context) error {
	_, err := supervisor.Tree{Name: "late", Children: []supervisor.Child{{Run: b.w.worker(A, func(ctx context.Context, _ int) error {
		return process.Run(ctx, Boots, (*booter).Hello)
	})}}}.Start(ctx)
	if err == nil {
		err = errors.New("it started")
	}
	return err
}
