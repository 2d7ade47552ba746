package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime/pprof"
	"time"
)

// result is a line of the output.
type result struct {
	Phase   string  `json:"phase"`
	N       int     `json:"n"`
	Topics  int     `json:"topics,omitempty"`
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"rate,omitempty"` // a second

	CPU        float64 `json:"cpu_percent,omitempty"` // of one core
	Collected  int     `json:"collections,omitempty"` // of garbage
	Goroutines int     `json:"goroutines,omitempty"`  // of the whole program
	Processes  int     `json:"processes,omitempty"`
	RSS        int64   `json:"rss_bytes,omitempty"`
	RSSEach    int64   `json:"rss_bytes_per_conn,omitempty"`
	Peak       int64   `json:"peak_rss_bytes,omitempty"`
	Heap       int64   `json:"heap_bytes,omitempty"`
	HeapEach   int64   `json:"heap_bytes_per_conn,omitempty"`
}

// print writes the line of a phase that took so long, and did something so often.
func (r result) print(took time.Duration, ops int) {
	r.Seconds = took.Seconds()
	if ops > 0 {
		r.Rate = float64(ops) / r.Seconds
	}
	_ = json.NewEncoder(os.Stdout).Encode(r)
}

// run goes through all phases.
func run(ctx context.Context, s settings) error {
	srv, err := newServer()
	if err != nil {
		return err
	}
	defer srv.stop()
	processes, before := srv.node.Count(), measure()
	f, err := newFleet(s, srv)
	if err != nil {
		return err
	}
	stop := f.pulse(ctx)
	defer func() { stop() }()
	began := time.Now()
	if err := f.connect(ctx); err != nil {
		return err
	}
	took := time.Since(began)
	r := result{Phase: "joined", N: s.n, Topics: s.topics, Processes: srv.node.Count() - processes}
	r.memory(before, measure())
	r.print(took, s.n)
	if err := s.writeProfile(); err != nil {
		return err
	}
	stop()
	began = time.Now()
	if err := f.beatAll(ctx); err != nil {
		return err
	}
	result{Phase: "heartbeat", N: s.n}.print(time.Since(began), s.n)
	if err := f.idle(ctx, "quiet"); err != nil {
		return err
	}
	stop = f.pulse(ctx)
	if err := f.idle(ctx, "beating"); err != nil {
		return err
	}
	began = time.Now()
	if err := f.broadcast(ctx); err != nil {
		return err
	}
	result{Phase: "broadcast", N: s.n}.print(time.Since(began), s.n)
	began = time.Now()
	if err := f.echo(ctx); err != nil {
		return err
	}
	result{Phase: "echo", N: s.n}.print(time.Since(began), s.echoes)
	stop()
	began = time.Now()
	if err := f.close(ctx, processes); err != nil {
		return err
	}
	took = time.Since(began)
	f.clients = nil
	r = result{Phase: "closed", N: s.n, Processes: srv.node.Count() - processes}
	r.memory(before, measure())
	r.Peak = status("VmHWM:")
	r.print(took, s.n)
	if r.Peak > s.most {
		return fmt.Errorf("%d bytes were resident, and %d may be", r.Peak, s.most)
	}
	return nil
}

// idle measures what connections cost that do nothing, or send heartbeats only.
func (f *fleet) idle(ctx context.Context, phase string) error {
	if f.quiet == 0 {
		return nil
	}
	m, before := start(), f.beaten.Load()
	err := f.pause(ctx, f.quiet)
	m.stop(result{Phase: phase, N: f.n}, int(f.beaten.Load()-before))
	return err
}

// writeProfile writes the heap as measure has left it.
func (s settings) writeProfile() error {
	if s.profile == "" {
		return nil
	}
	file, err := os.Create(s.profile)
	if err != nil {
		return err
	}
	defer file.Close()
	return pprof.WriteHeapProfile(file)
}
