package main

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/bennu-go/bennu/process"
)

// counter is the process that most rows send to.
type counter struct{ n int }

func (c *counter) Add(_ context.Context, by int) error        { c.n += by; return nil }
func (c *counter) Sum(_ context.Context, by int) (int, error) { c.n += by; return c.n, nil }
func (c *counter) Total(context.Context) (int, error)         { return c.n, nil }

func castFrom1(ctx context.Context)   { cast(ctx, "cast_1", 1, 1_000_000) }
func castFrom100(ctx context.Context) { cast(ctx, "cast_100", 100, 10_000) }

func cast(ctx context.Context, row string, senders, each int) {
	to := start(ctx, new(counter))
	sent := 0
	rate(row, senders*each, func() {
		parallel(senders, func() {
			for range each {
				check(process.Cast(ctx, to, (*counter).Add, 1))
			}
		})
		sent += senders * each
		for handled := 0; handled < sent; {
			var err error
			handled, err = process.Ask(ctx, to, (*counter).Total)
			check(err)
		}
	})
}

func callFrom1(ctx context.Context)   { call(ctx, "call_1", 1, 300_000) }
func callFrom100(ctx context.Context) { call(ctx, "call_100", 100, 5_000) }

func call(ctx context.Context, row string, callers, each int) {
	to := start(ctx, new(counter))
	rate(row, callers*each, func() {
		parallel(callers, func() {
			for range each {
				_, err := process.Call(ctx, to, (*counter).Sum, 1)
				check(err)
			}
		})
	})
}

func parallel(n int, do func()) {
	if n == 1 {
		do()
		return
	}
	var wg sync.WaitGroup
	for range n {
		wg.Go(do)
	}
	wg.Wait()
}

// hopper passes what it gets on to the next, until it has been passed often enough.
type hopper struct {
	next process.Ref[hopper]
	done chan struct{}
}

func (h *hopper) Join(_ context.Context, next process.Ref[hopper]) error { h.next = next; return nil }

func (h *hopper) Hop(ctx context.Context, left int) error {
	if left == 0 {
		h.done <- struct{}{}
		return nil
	}
	return process.Cast(ctx, h.next, (*hopper).Hop, left-1)
}

// circle starts n hoppers in a circle.
func circle(ctx context.Context, n int) (first process.Ref[hopper], done chan struct{}) {
	done = make(chan struct{}, 1)
	first = start(ctx, &hopper{done: done})
	next := first
	for range n - 1 {
		next = start(ctx, &hopper{next: next, done: done})
	}
	check(process.Do(ctx, first, (*hopper).Join, next))
	return first, done
}

func pingPong(ctx context.Context) {
	const trips = 300_000
	first, done := circle(ctx, 2)
	rate("ping_pong", trips, func() {
		check(process.Cast(ctx, first, (*hopper).Hop, 2*trips))
		<-done
	})
}

func ring(ctx context.Context) {
	const hops = 1_000 * 1_000
	first, done := circle(ctx, 1_000)
	rate("ring", hops, func() {
		check(process.Cast(ctx, first, (*hopper).Hop, hops))
		<-done
	})
}

const members = 10_000

const everyone process.Group[member] = "everyone"

// member is one of a group. The last to hear of an event says so.
type member struct {
	heard *atomic.Int64
	all   chan struct{}
}

func (m *member) Event(context.Context, int) error {
	if m.heard.Add(1)%members == 0 {
		m.all <- struct{}{}
	}
	return nil
}

func group(ctx context.Context) {
	const events = 100
	var heard atomic.Int64
	all := make(chan struct{}, 1)
	for range members {
		_, err := process.Spawn(ctx, func(ctx context.Context) (*member, error) {
			_, err := process.Join(ctx, everyone)
			return &member{&heard, all}, err
		})
		check(err)
	}
	rate("group", events*members, func() {
		for i := range events {
			check(process.CastAll(ctx, everyone, (*member).Event, i))
			<-all
		}
	})
}

// lookUp asks for each of 1,000 names in turn.
func lookUp(ctx context.Context) {
	const looks = 2_000_000
	names := make([]process.Name[counter], 1_000)
	tree := named(names)
	root, err := tree.Start(ctx)
	check(err)
	defer root.Stop()
	rate("lookup", looks, func() {
		for i := range looks {
			_, err := names[i%len(names)].Ref(ctx)
			check(err)
		}
	})
}
