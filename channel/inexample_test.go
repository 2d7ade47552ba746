package channel_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"
)

// inExample stands for the *testing.T of a test.
type inExample struct {
	testing.TB
	cleanups []func()
	failed   bool
}

func (*inExample) Helper()                     {}
func (*inExample) Name() string                { return "TestExample" }
func (*inExample) Context() context.Context    { return context.Background() }
func (*inExample) Output() io.Writer           { return io.Discard }
func (t *inExample) Failed() bool              { return t.failed }
func (t *inExample) Cleanup(do func())         { t.cleanups = append(t.cleanups, do) }
func (t *inExample) Errorf(s string, a ...any) { t.failed = true; fmt.Printf(s+"\n", a...) }
func (t *inExample) Fatalf(s string, a ...any) { t.Errorf(s, a...); runtime.Goexit() }
func (t *inExample) Fatal(a ...any)            { t.Fatalf("%s", fmt.Sprint(a...)) }

// test runs a test in an example, and prints how it fails.
func test(run func(t testing.TB)) {
	t, done := new(inExample), make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for i := range t.cleanups {
				t.cleanups[len(t.cleanups)-1-i]()
			}
		}()
		run(t)
	}()
	<-done
}
