package task

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/process"
)

// Option changes what Stream does.
type Option func(*options)

type options struct {
	concurrency int
	unordered   bool
	timeout     time.Duration
}

// Concurrency is how many items are worked on at a time; default GOMAXPROCS.
func Concurrency(n int) Option { return func(o *options) { o.concurrency = max(n, 1) } }

// Unordered gives results as they come, not in the order of the input.
func Unordered() Option { return func(o *options) { o.unordered = true } }

// Timeout is how long an item may take; default 5 s, zero or less: as long as it likes. Then
// its task is ended, and its error is process.ErrTimeout; one that does not heed the end of
// its context keeps its place until it is abandoned, 5 s later.
func Timeout(d time.Duration) Option { return func(o *options) { o.timeout = d } }

// Stream runs fn for each value of in, each in a task, and gives the results. It reads in
// while the results are ranged over, in the same goroutine, and no further ahead than it
// works: an item has its place until the loop has taken its result. A panic is the error of
// its item. Like Async, it belongs to the process of ctx.
//
// When the loop is left, or ctx ends, the tasks that still run are ended and waited for; an
// end of ctx is the last error that comes.
func Stream[In, Out any](ctx context.Context, in iter.Seq[In], fn func(context.Context, In) (Out, error), opts ...Option) iter.Seq2[Out, error] {
	o := options{concurrency: runtime.GOMAXPROCS(0), timeout: process.DefaultTimeout}
	for _, opt := range opts {
		opt(&o)
	}
	return func(yield func(Out, error) bool) {
		s := &stream[Out]{options: o, ready: make(chan *item[Out], o.concurrency)}
		defer s.end(ctx)
		for v := range in {
			s.start(ctx, func(ctx context.Context) (Out, error) { return fn(ctx, v) })
			if len(s.items) == o.concurrency && !s.give(ctx, yield) {
				return
			}
		}
		for len(s.items) > 0 && s.give(ctx, yield) {
		}
	}
}

// stream is a Stream that is ranged over.
type stream[Out any] struct {
	options
	items []*item[Out]    // in the order of the input
	ready chan *item[Out] // with room for all
}

type item[Out any] struct {
	*Task[Out]
	clock    *time.Timer
	late     atomic.Bool
	told     atomic.Bool // it is, or was, in ready
	finished bool
}

func (s *stream[Out]) start(ctx context.Context, fn func(context.Context) (Out, error)) {
	it := new(item[Out])
	s.items = append(s.items, it)
	it.Task = Async(ctx, func(ctx context.Context) (Out, error) {
		defer s.tell(it)
		return fn(ctx)
	})
	switch {
	case it.ref == process.Ref[work]{}: // it did not start
		s.tell(it)
	case s.timeout > 0:
		ctx := process.Outside(context.WithoutCancel(ctx))
		it.clock = time.AfterFunc(s.timeout, func() { s.expire(ctx, it) })
	}
}

func (s *stream[Out]) tell(it *item[Out]) {
	if it.told.CompareAndSwap(false, true) {
		s.ready <- it
	}
}

// expire ends an item whose time is over.
func (s *stream[Out]) expire(ctx context.Context, it *item[Out]) {
	if it.told.Load() {
		return
	}
	it.late.Store(true)
	_ = process.Exit(ctx, it.ref, process.ErrTimeout) // it is here: it cannot fail
	_, _ = process.Wait(ctx, it.ref)                  // likewise
	s.tell(it)
}

// give gives the next result, and reports whether there may be more.
func (s *stream[Out]) give(ctx context.Context, yield func(Out, error) bool) bool {
	it := s.next(ctx)
	if it == nil {
		var none Out
		yield(none, context.Cause(ctx))
		return false
	}
	return yield(it.result(ctx))
}

// next waits for the next item that has finished; nil: ctx has ended first.
func (s *stream[Out]) next(ctx context.Context) *item[Out] {
	for {
		if it := s.items[0]; it.finished && !s.unordered {
			s.items = s.items[1:]
			return it
		}
		select {
		case it := <-s.ready:
			it.finished = true
			if s.unordered {
				i := slices.Index(s.items, it)
				s.items = slices.Delete(s.items, i, i+1)
				return it
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// result waits for the end of the item's process, which is near.
func (it *item[Out]) result(ctx context.Context) (Out, error) {
	it.stop()
	out, err := it.Await(context.WithoutCancel(ctx))
	if it.late.Load() {
		return *new(Out), fmt.Errorf("%v: %w", it.ref, process.ErrTimeout)
	}
	return out, err
}

func (it *item[Out]) stop() {
	if it.clock != nil {
		it.clock.Stop()
	}
}

// end ends what still runs, all at once, and waits for it.
func (s *stream[Out]) end(ctx context.Context) {
	for _, it := range s.items {
		it.stop()
		_ = process.Exit(ctx, it.ref, process.Shutdown) // where it has ended, all the better
	}
	for _, it := range s.items {
		_, _ = process.Wait(context.WithoutCancel(ctx), it.ref) // likewise
		it.look()                                               // nobody wants to know
	}
}
