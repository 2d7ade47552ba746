package processtest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errBoom = errors.New("boom")

type tally struct{ n int }

func openTally(context.Context) (*tally, error) { return new(tally), nil }

func (c *tally) Add(_ context.Context, by int) error { c.n += by; return nil }
func (c *tally) Sub(_ context.Context, by int) error { c.n -= by; return nil }
func (c *tally) Sum(context.Context) (int, error)    { return c.n, nil }
func (c *tally) Boom(context.Context) error          { return errBoom }

func spawn[S any](t testing.TB, ctx context.Context, open func(context.Context) (*S, error), opts ...process.Option) process.Ref[S] {
	t.Helper()
	ref, err := process.Spawn(ctx, open, opts...)
	must(t, err)
	return ref
}

func add(t testing.TB, ctx context.Context, to process.Address[tally], by int) {
	t.Helper()
	must(t, process.Cast(ctx, to, (*tally).Add, by))
}

func sum(t testing.TB, ctx context.Context, of process.Address[tally]) int {
	t.Helper()
	n, err := process.Ask(ctx, of, (*tally).Sum)
	must(t, err)
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func bubble(t *testing.T, test func(t *testing.T, ctx context.Context)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, processtest.Node(t)) })
}

// fake is a test that may fail, and remembers what it said.
type fake struct {
	testing.TB
	ctx      context.Context
	said     []string
	cleanups []func()
}

func (f *fake) Helper()                   {}
func (f *fake) Context() context.Context  { return f.ctx }
func (f *fake) Cleanup(do func())         { f.cleanups = append(f.cleanups, do) }
func (f *fake) Failed() bool              { return len(f.said) > 0 }
func (f *fake) Errorf(s string, a ...any) { f.said = append(f.said, fmt.Sprintf(s, a...)) }
func (f *fake) Fatalf(s string, a ...any) { f.Errorf(s, a...); runtime.Goexit() }
func (f *fake) Fatal(a ...any)            { f.Fatalf("%s", fmt.Sprint(a...)) }

// pretend runs a test that may fail, and gives what it said.
func pretend(t testing.TB, test func(t testing.TB, ctx context.Context)) string {
	ctx, end := context.WithCancel(t.Context())
	f := &fake{TB: t, ctx: ctx}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			end()
			for len(f.cleanups) > 0 {
				last := len(f.cleanups) - 1
				do := f.cleanups[last]
				f.cleanups = f.cleanups[:last]
				do()
			}
		}()
		test(f, processtest.Node(f))
	}()
	<-done
	return strings.Join(f.said, "\n")
}

// fails wants of a test that it says this.
func fails(t testing.TB, want string, test func(t testing.TB, ctx context.Context)) {
	t.Helper()
	if got := pretend(t, test); got != want {
		t.Errorf("the test said:\n%s\n\nwant:\n%s", got, want)
	}
}
