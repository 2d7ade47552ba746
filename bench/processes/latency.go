package main

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/process"
)

// worker works for a millisecond.
type worker struct{}

func (*worker) Work(context.Context) error {
	for began := time.Now(); time.Since(began) < time.Millisecond; {
	}
	return nil
}

func alone(ctx context.Context) { latency(ctx, "alone", 1_000) }

// latency is what the caller of a worker waits: the 99th percentile, and the worst.
func latency(ctx context.Context, beside string, calls int) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	to := start(ctx, new(worker))
	samples := make([]time.Duration, calls)
	for i := range samples {
		began := time.Now()
		check(process.Run(ctx, to, (*worker).Work))
		samples[i] = time.Since(began)
	}
	report("p99_"+beside, float64(percentile(samples, 99))/1e6, "ms")
	report("max_"+beside, float64(percentile(samples, 100))/1e6, "ms")
}

// reader blocks in a read.
type reader struct{ from net.Conn }

func (r *reader) Read(_ context.Context, begun *atomic.Int64) error {
	begun.Add(1)
	_, _ = r.from.Read(make([]byte, 1)) // until the other side closes
	return nil
}

func besideBlocked(ctx context.Context) {
	const n = 10_000
	var begun atomic.Int64
	for range n {
		here, there := net.Pipe()
		defer there.Close()
		check(process.Cast(ctx, start(ctx, &reader{here}), (*reader).Read, &begun))
	}
	settle(func() bool { return begun.Load() == n }, "not all came to read")
	latency(ctx, "blocked", 1_000)
}

// spinner computes without a pause.
type spinner struct{}

type spin struct {
	begun atomic.Int64
	end   atomic.Bool
}

func (*spinner) Spin(_ context.Context, s *spin) error {
	s.begun.Add(1)
	for !s.end.Load() {
	}
	return nil
}

// Compute spins in pieces of 10 ms, each behind the limit.
func (*spinner) Compute(ctx context.Context, s *spin) error {
	s.begun.Add(1)
	for !s.end.Load() {
		_, err := process.Compute(ctx, func(context.Context) (process.None, error) {
			for began := time.Now(); time.Since(began) < 10*time.Millisecond && !s.end.Load(); {
			}
			return process.None{}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func besideSpinning(ctx context.Context) {
	beside(ctx, (*spinner).Spin, func() { latency(ctx, "spinning", 500) })
}

func besideComputing(ctx context.Context) {
	beside(ctx, (*spinner).Compute, func() { latency(ctx, "compute", 1_000) })
}

func beside(ctx context.Context, method func(*spinner, context.Context, *spin) error, do func()) {
	const n = 100
	var s spin
	defer s.end.Store(true)
	for range n {
		check(process.Cast(ctx, start(ctx, new(spinner)), method, &s))
	}
	settle(func() bool { return s.begun.Load() == n }, "not all came to spin")
	do()
}
