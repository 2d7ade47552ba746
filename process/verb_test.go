package process_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

// verbs is every verb that waits, each with a method that does fn.
var verbs = map[string]func(ctx context.Context, to process.Address[box], fn func() error) error{
	"Call": func(ctx context.Context, to process.Address[box], fn func() error) error {
		out, err := process.Call(ctx, to, func(_ *box, _ context.Context, in int) (int, error) { return in + 1, fn() }, 1)
		if err == nil && out != 2 {
			return errors.New("another answer")
		}
		return err
	},
	"Ask": func(ctx context.Context, to process.Address[box], fn func() error) error {
		out, err := process.Ask(ctx, to, func(*box, context.Context) (string, error) { return "out", fn() })
		if err == nil && out != "out" {
			return errors.New("another answer")
		}
		return err
	},
	"Do": func(ctx context.Context, to process.Address[box], fn func() error) error {
		return process.Do(ctx, to, func(_ *box, _ context.Context, in int) error {
			if in != 1 {
				return errors.New("another input")
			}
			return fn()
		}, 1)
	},
	"Run": func(ctx context.Context, to process.Address[box], fn func() error) error {
		return process.Run(ctx, to, func(*box, context.Context) error { return fn() })
	},
}

func TestVerbsThatWait(t *testing.T) {
	for name, verb := range verbs {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				ref := newBox(t, ctx)
				is(t, verb(ctx, ref, func() error { return nil }))
				if err := verb(ctx, ref, func() error { return errSour }); err != errSour {
					t.Errorf("got %v, want the method's own error", err)
				}
				is(t, verb(ctx, ref, func() error { return nil })) // an answer, no crash

				err := verb(ctx, ref, func() error { panic(errSour) })
				is(t, err, process.ErrDead, errSour, fault.Internal)
				var p *process.Panic
				if !errors.As(err, &p) || p.Value != errSour || fault.Of(err) != fault.Internal {
					t.Errorf("got %v, want a Panic with the value", err)
				}
				is(t, verb(ctx, ref, func() error { return nil }), process.ErrDead)

				ref = newBox(t, ctx)
				err = verb(ctx, ref, func() error { runtime.Goexit(); return nil })
				is(t, err, process.ErrDead, fault.Internal)
				if !errors.As(err, &p) || p.Value != nil {
					t.Errorf("got %v, want a Panic without a value", err)
				}
			})
		})
	}
}

// In the verbs that nobody waits for an error is a crash, and a clean reason an end.
func TestVerbsThatDoNotWait(t *testing.T) {
	verbs := map[string]func(ctx context.Context, ref process.Ref[box], fn func() error) error{
		"Cast": func(ctx context.Context, ref process.Ref[box], fn func() error) error {
			return process.Cast(ctx, ref, func(_ *box, _ context.Context, _ int) error { return fn() }, 1)
		},
		"Signal": func(ctx context.Context, ref process.Ref[box], fn func() error) error {
			return process.Signal(ctx, ref, func(*box, context.Context) error { return fn() })
		},
		"After": func(ctx context.Context, ref process.Ref[box], fn func() error) error {
			return do(ctx, ref, func(ctx context.Context) error {
				_, err := process.After(ctx, time.Second, func(*box, context.Context) error { return fn() })
				return err
			})
		},
		"Every": func(ctx context.Context, ref process.Ref[box], fn func() error) error {
			return do(ctx, ref, func(ctx context.Context) error {
				_, err := process.Every(ctx, time.Second, func(*box, context.Context) error { return fn() })
				return err
			})
		},
		"Bind": func(ctx context.Context, ref process.Ref[box], fn func() error) error {
			return do(ctx, ref, func(ctx context.Context) error {
				port, err := process.Bind(ctx, func(*box, context.Context, int) error { return fn() })
				if err != nil {
					return err
				}
				return port.Send(1)
			})
		},
		"Monitor": func(ctx context.Context, ref process.Ref[box], fn func() error) error {
			return do(ctx, ref, func(ctx context.Context) error {
				_, err := process.Monitor(ctx, process.Name[box]("nobody"), func(*box, context.Context, process.Down) error { return fn() })
				return err
			})
		},
		"Go": func(ctx context.Context, ref process.Ref[box], fn func() error) error {
			return do(ctx, ref, func(ctx context.Context) error {
				return process.Go(ctx, func(context.Context) error { return fn() })
			})
		},
	}
	for name, verb := range verbs {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				end := func(fn func() error) process.Reason {
					ref := newBox(t, ctx)
					is(t, verb(ctx, ref, fn))
					reason, err := process.Wait(ctx, ref)
					is(t, err)
					return reason
				}
				is(t, end(func() error { return errSour }), errSour)
				if n := count(ctx, "process.crashes"); n != 1 {
					t.Errorf("%d crashes, want 1", n)
				}
				var p *process.Panic
				if r := end(func() error { panic(1) }); !errors.As(r, &p) || p.Value != 1 {
					t.Errorf("ended with %v, want panic 1", r)
				}
				if r := end(func() error { runtime.Goexit(); return nil }); !errors.As(r, &p) || p.Value != nil {
					t.Errorf("ended with %v, want Goexit", r)
				}
				for _, clean := range []error{process.Normal, process.Shutdown} {
					if r := end(func() error { return clean }); r != clean {
						t.Errorf("ended with %v, want %v", r, clean)
					}
				}
				if n := count(ctx, "process.crashes"); n != 3 {
					t.Errorf("%d crashes, want 3: a clean reason is none", n)
				}

				ref, ok := newBox(t, ctx), false
				is(t, verb(ctx, ref, func() error { ok = true; return nil }))
				time.Sleep(1500 * time.Millisecond)
				synctest.Wait()
				if !ok {
					t.Error("it did not run")
				}
				processtest.Settle(t, ctx, ref)
			})
		})
	}
}

func TestOrderOfOneSender(t *testing.T) {
	ctx := processtest.Node(t)
	ref := newBox(t, ctx)
	for _, line := range []string{"a", "b", "c"} {
		is(t, process.Cast(ctx, ref, (*box).Note, line))
	}
	is(t, process.Do(ctx, ref, (*box).Note, "d"))
	lines, err := process.Ask(ctx, ref, (*box).Get)
	is(t, err)
	equal(t, lines, "a", "b", "c", "d")
}

func TestCallTimesOut(t *testing.T) {
	for _, c := range []struct {
		name    string
		timeout time.Duration // 0: none
		takes   time.Duration
		want    time.Duration
		err     error
	}{
		{"no deadline, just in time", 0, 5*time.Second - 1, 5*time.Second - 1, nil},
		{"no deadline, too late", 0, 5*time.Second + 1, 5 * time.Second, process.ErrTimeout},
		{"earlier deadline", time.Second, 2 * time.Second, time.Second, process.ErrTimeout},
		{"later deadline", time.Minute, 50 * time.Second, 50 * time.Second, nil},
		{"later deadline, too late", time.Minute, 2 * time.Minute, time.Minute, process.ErrTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				ref := newBox(t, ctx)
				call, timeout := ctx, process.DefaultTimeout
				if c.timeout > 0 {
					timeout = c.timeout
					var cancel context.CancelFunc
					call, cancel = context.WithTimeout(ctx, c.timeout)
					defer cancel()
				}
				start := time.Now()
				done := false
				err := do(call, ref, func(ctx context.Context) error {
					if d, ok := ctx.Deadline(); !ok || d != start.Add(timeout) {
						t.Errorf("the handler's deadline is %v after the start, %v", d.Sub(start), ok)
					}
					time.Sleep(c.takes)
					done = true
					return nil
				})
				took(t, start, c.want)
				if c.err == nil {
					is(t, err)
				} else {
					is(t, err, c.err, fault.Timeout, context.DeadlineExceeded)
				}
				time.Sleep(c.takes)
				synctest.Wait()
				if !done {
					t.Error("the method did not run to its end")
				}
				processtest.Settle(t, ctx, ref)
			})
		})
	}
}

func TestCallerLeaves(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		started, ended, queued := false, false, false
		call, cancel := context.WithCancel(ctx)
		errs := make(chan error, 2)
		go func() {
			errs <- do(call, ref, func(ctx context.Context) error {
				started = true
				time.Sleep(2 * time.Second)
				ended = ctx.Err() == nil
				return nil
			})
		}()
		synctest.Wait()
		go func() { errs <- do(call, ref, func(context.Context) error { queued = true; return nil }) }()
		synctest.Wait()
		cancel()
		is(t, <-errs, context.Canceled)
		is(t, <-errs, context.Canceled)
		processtest.Settle(t, ctx, ref)
		if !started || !ended {
			t.Error("the method that had started should run on, its context alive")
		}
		if queued {
			t.Error("the queued call ran though its caller had left")
		}
		if n := count(ctx, "process.calls.skipped"); n != 1 {
			t.Errorf("%d calls skipped, want 1", n)
		}
	})
}

func TestCallWithEndedContext(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		call, cancel := context.WithCancel(ctx)
		cancel()
		err := do(call, ref, func(context.Context) error { return nil })
		if err != nil {
			is(t, err, context.Canceled)
		}
		past, cancel := context.WithDeadline(ctx, time.Now())
		defer cancel()
		if err := do(past, ref, func(context.Context) error { return nil }); err != nil {
			is(t, err, process.ErrTimeout)
		}
	})
}

func TestStop(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		queued := make(chan error, 1)
		out, err := process.Call(ctx, ref, func(_ *box, own context.Context, in int) (int, error) {
			go func() { queued <- do(ctx, ref, func(context.Context) error { return nil }) }()
			time.Sleep(time.Millisecond)
			is(t, process.Stop(own, errSour))
			is(t, process.Stop(own, process.Normal)) // the first reason counts
			is(t, own.Err())
			return in, nil
		}, 7)
		if is(t, err); out != 7 {
			t.Errorf("got %d, want the running method's answer", out)
		}
		is(t, <-queued, process.ErrDead, errSour)
		reason, err := process.Wait(ctx, ref)
		is(t, err)
		is(t, reason, errSour)

		is(t, process.Stop(ctx, process.Normal), process.ErrNotHere)

		ref = newBox(t, ctx)
		is(t, do(ctx, ref, func(ctx context.Context) error { return process.Stop(ctx, nil) }))
		reason, _ = process.Wait(ctx, ref)
		is(t, reason, process.Normal)
	})
}

func TestStopFromHelper(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		is(t, do(ctx, ref, func(ctx context.Context) error {
			return process.Go(ctx, func(ctx context.Context) error { return process.Stop(ctx, errSour) })
		}))
		reason, err := process.Wait(ctx, ref)
		is(t, err)
		is(t, reason, errSour)
	})
}
