// Package exampletest runs a test inside an Example, so that the example of a test kit shows
// what its user would write, and what a failure looks like.
package exampletest

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"
)

// Run runs a test as go test would, and prints how it fails.
func Run(test func(t testing.TB)) {
	t, done := new(printed), make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for i := range t.cleanups {
				t.cleanups[len(t.cleanups)-1-i]()
			}
		}()
		test(t)
	}()
	<-done
}

// printed stands for the *testing.T of a test.
type printed struct {
	testing.TB
	cleanups []func()
	failed   bool
}

func (*printed) Helper()                     {}
func (*printed) Name() string                { return "TestExample" }
func (*printed) Context() context.Context    { return context.Background() }
func (*printed) Output() io.Writer           { return io.Discard }
func (t *printed) Failed() bool              { return t.failed }
func (t *printed) Cleanup(do func())         { t.cleanups = append(t.cleanups, do) }
func (t *printed) Errorf(s string, a ...any) { t.failed = true; fmt.Printf(s+"\n", a...) }
func (t *printed) Fatalf(s string, a ...any) { t.Errorf(s, a...); runtime.Goexit() }
func (t *printed) Fatal(a ...any)            { t.Fatalf("%s", fmt.Sprint(a...)) }
