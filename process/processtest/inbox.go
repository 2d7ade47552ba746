package processtest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// inbox is what has come, in order, for the test to take.
type inbox[T any] struct {
	t    testing.TB
	name string
	show func(T) string
	why  func() string // that nothing comes any more; "": it may

	mu   sync.Mutex
	here []T
	came chan struct{} // with room for one
}

func (b *inbox[T]) put(v T) {
	b.mu.Lock()
	b.here = append(b.here, v)
	b.mu.Unlock()
	select {
	case b.came <- struct{}{}:
	default:
	}
}

// next takes one, and waits for it.
func (b *inbox[T]) next() (v T, ok bool) {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		if v, ok = b.take(); ok {
			return v, true
		}
		select {
		case <-b.came:
		case <-late.C:
			return b.take()
		}
	}
}

func (b *inbox[T]) take() (v T, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.here) == 0 {
		return v, false
	}
	v, b.here = b.here[0], b.here[1:]
	return v, true
}

// all gives, and does not take.
func (b *inbox[T]) all() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.here)
}

// expect takes as many as there are wants, which are compared in order.
func expect[T, W any](b *inbox[T], wants []W, same func(T, W) bool, show func(W) string) {
	b.t.Helper()
	var lines []string
	for i, w := range wants {
		v, ok := b.next()
		if ok && same(v, w) {
			lines = append(lines, "  "+show(w))
			continue
		}
		for _, w := range wants[i:] {
			lines = append(lines, "- "+show(w))
		}
		if !ok {
			b.t.Fatalf("%s", b.missed(lines))
		}
		if b.show(v) == show(w) {
			lines = append(lines, "  (the next differs in what is not printed)")
		}
		b.t.Fatalf("%s got something else than expected (-):\n%s", b.name, b.report(lines, v))
	}
}

// match takes one.
func (b *inbox[T]) match(ok func(T) bool) T {
	b.t.Helper()
	v, came := b.next()
	if !came {
		b.t.Fatalf("%s", b.missed(nil))
	}
	if !ok(v) {
		b.t.Fatalf("%s got what does not match:\n%s", b.name, b.report(nil, v))
	}
	return v
}

// none takes all that is here.
func (b *inbox[T]) none() {
	b.t.Helper()
	b.mu.Lock()
	here := b.here
	b.here = nil
	b.mu.Unlock()
	if len(here) > 0 {
		b.t.Fatalf("%s got what nobody expected:\n%s", b.name, b.report(nil, here...))
	}
}

func (b *inbox[T]) missed(lines []string) string {
	text := fmt.Sprintf("%s got nothing in %v", b.name, patience)
	if why := b.why(); why != "" {
		text += ": " + why
	}
	if len(lines) > 0 {
		text += "; expected (-):\n" + strings.Join(lines, "\n")
	}
	return text
}

const most = 10 // lines of what came

// report adds what came, and what is there after it.
func (b *inbox[T]) report(lines []string, came ...T) string {
	came = append(came, b.all()...)
	for _, v := range came[:min(len(came), most)] {
		lines = append(lines, "+ "+b.show(v))
	}
	if more := len(came) - most; more > 0 {
		lines = append(lines, fmt.Sprintf("+ … and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// equal is as deep as it takes. A type may say itself what is equal, as time.Time does.
func equal[T any](a, b T) bool {
	if a, ok := any(a).(interface{ Equal(T) bool }); ok {
		return a.Equal(b)
	}
	return reflect.DeepEqual(a, b)
}
