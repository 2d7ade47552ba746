package supervisor_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

// busybody owes an answer, or has a helper, for as long as it is told.
type busybody struct{ reply process.Reply[string] }

func (b *busybody) Owe(ctx context.Context) (_ string, err error) {
	if b.reply, err = process.Defer[string](ctx); err != nil {
		return "", err
	}
	return "", process.Deferred
}

func (b *busybody) Pay(context.Context) error {
	b.reply.Send("paid", nil)
	return nil
}

func (b *busybody) Help(ctx context.Context, d time.Duration) error {
	return process.Go(ctx, func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

func TestWhoOwesOrHasHelpersStaysAwake(t *testing.T) {
	bubble(t, func(w *world) {
		const Bodies process.Family[busybody] = "bodies"
		open := func(context.Context) (*busybody, error) { return new(busybody), nil }
		root := w.start(supervisor.Child{Run: supervisor.Family(Bodies, open, process.Idle(time.Minute))})
		awake := func(want bool) {
			t.Helper()
			synctest.Wait()
			if got := w.node.Count() == 3; got != want { // the tree, the family, the member
				t.Errorf("awake: %v, want %v", got, want)
			}
		}
		m := Bodies.Of("k")

		answer := make(chan string, 1)
		go func() {
			ctx, cancel := context.WithTimeout(w.ctx, 10*time.Hour)
			defer cancel()
			s, err := process.Ask(ctx, m, (*busybody).Owe)
			if err != nil {
				s = err.Error()
			}
			answer <- s
		}()
		time.Sleep(time.Hour)
		awake(true)
		if err := process.Run(w.ctx, m, (*busybody).Pay); err != nil {
			t.Error(err)
		}
		if got := <-answer; got != "paid" {
			t.Errorf("the answer is %q", got)
		}
		time.Sleep(2 * time.Minute)
		awake(false)

		if err := process.Do(w.ctx, m, (*busybody).Help, time.Hour); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour - 1)
		awake(true)
		time.Sleep(2 * time.Minute)
		awake(false)
		root.Stop()
	})
}

func TestARefusalAtARestartIsFinal(t *testing.T) {
	for _, refusal := range []error{fault.NotFound, fault.Forbidden, process.Ignore} {
		bubble(t, func(w *world) {
			root := w.start(supervisor.Child{
				Run: supervisor.Family(Workers, w.member(func(_ context.Context, life int) error {
					if life == 2 {
						return refusal
					}
					return nil
				})),
				Backoff: supervisor.Backoff{First: time.Second},
			})
			w.life(Workers.Of("k"))
			w.crash(Workers.Of("k"))
			_, err := process.Ask(w.ctx, Workers.Of("k"), (*worker).Life)
			if !errors.Is(err, refusal) {
				t.Errorf("who waited got %v, want %v", err, refusal)
			}
			if n := w.life(Workers.Of("k")); n != 3 { // nothing stayed: it is tried anew
				t.Errorf("it is in life %d, want 3", n)
			}
			root.Stop()
		})
	}
}
