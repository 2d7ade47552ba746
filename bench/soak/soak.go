package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

type soak struct {
	settings
	v        *violations
	ctx      context.Context // with the node; never ends
	node     *process.Node
	counters *telemetry.Counters // not a part of this, which a pending clock of the node would hold

	workers []process.Address[worker]
	lives   []atomic.Uint32 // by worker: how often it was started
	last    []atomic.Uint32 // by worker and client: the latest message
	clients []*client

	beats   atomic.Int64 // signs that something goes on
	favour  atomic.Int64 // which workers get most messages
	crashed atomic.Int64
	kills   atomic.Int64
}

// latest is the number of a client's latest message to the i-th worker.
func (s *soak) latest(i, client int) *atomic.Uint32 { return &s.last[i*len(s.clients)+client] }

// run is the whole soak but for what is left of it in memory. The sending stops when ctx
// ends, or its time is over.
func run(ctx context.Context, set settings, v *violations) {
	s := &soak{
		settings: set,
		v:        v,
		counters: new(telemetry.Counters),
		workers:  make([]process.Address[worker], set.processes),
		lives:    make([]atomic.Uint32, set.processes),
		last:     make([]atomic.Uint32, set.processes*set.clients),
	}
	for id := range set.clients {
		s.clients = append(s.clients, &client{soak: s, id: id, random: s.rand(uint64(id))})
	}
	base := telemetry.WithLogger(context.Background(), slog.New(slog.DiscardHandler))
	s.node = process.NewNode(telemetry.WithCounters(base, s.counters))
	s.ctx = s.node.Context(base)
	defer s.watch()()

	began := time.Now()
	root, err := s.tree().Start(s.ctx)
	if err != nil {
		v.add("the tree does not start: %v", err)
		return
	}
	if err := s.grow(); err != nil {
		v.add("a dynamic child does not start: %v", err)
	}
	s.ping()
	young := heap()
	fmt.Printf("%d processes up in %v, heap %s\n", s.node.Count(), time.Since(began).Round(time.Millisecond), megabytes(young))

	s.send(ctx)
	s.ping() // what was sent is handled before it
	s.up()
	s.verify()
	s.grown(young)

	began = time.Now()
	root.Stop()
	s.node.Close()
	fmt.Printf("stopped in %v\n", time.Since(began).Round(time.Millisecond))
	if n := s.node.Count(); n != 0 {
		v.add("%d processes are left", n)
	}
}

func (s *soak) rand(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(s.seed, stream)) }

// send has clients send and workers crash until the time is over.
func (s *soak) send(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.length)
	defer cancel()
	var wg sync.WaitGroup
	for _, c := range s.clients {
		wg.Go(func() { c.run(ctx) })
	}
	if s.crashes > 0 {
		const crashers = 16 // some wait for what they crash
		for i := range uint64(crashers) {
			wg.Go(func() { s.crash(ctx, s.rand(1<<32+i), crashers*time.Second/time.Duration(s.crashes)) })
		}
	}
	began, before := time.Now(), s.beats.Load()
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			beats := s.beats.Load()
			fmt.Printf("%5.0fs  %8d messages/s  %8d crashes  %6d processes  %5d goroutines  heap %s\n",
				time.Since(began).Seconds(), (beats-before)/5, s.crashed.Load(), s.node.Count(), runtime.NumGoroutine(), megabytes(m.HeapAlloc))
			before = beats
			s.favour.Add(1)
		case <-ctx.Done():
		}
	}
	wg.Wait()
}

// ping wants an answer of every worker.
func (s *soak) ping() {
	ctx, cancel := context.WithTimeout(s.ctx, 2*patience)
	defer cancel()
	var wg sync.WaitGroup
	var next atomic.Int64
	for range 16 {
		wg.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(s.workers); i = next.Add(1) - 1 {
				if err := process.Run(ctx, s.workers[i], (*worker).Ping); err != nil {
					s.v.add("%s does not answer: %v", s.workers[i], err)
				}
			}
		})
	}
	wg.Wait()
}

// up wants every permanent child to run. The last crashes may be healing yet.
func (s *soak) up() {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		status, err := supervisor.StatusOf(s.ctx, "soak")
		switch {
		case err == nil && status.Up():
			return
		case time.Now().After(deadline):
			s.v.add("not every child is up: %v", err)
			return
		}
	}
}

// verify compares what clients were told with what was handled.
func (s *soak) verify() {
	var calls, casts, failed, acked, lost, died int
	var worst time.Duration
	for _, c := range s.clients {
		a, l := c.other.count()
		am, d := c.mortal.count()
		acked, lost, died = acked+a+am, lost+l, died+d
		calls, casts, failed = calls+c.calls, casts+c.casts, failed+c.failed
		worst = max(worst, c.worst)
	}
	fmt.Printf("%d calls and %d casts, %d acknowledged, %d died with a killed process; the slowest took %v\n",
		calls, casts, acked, failed+died, worst.Round(time.Millisecond))
	fmt.Printf("%d crashes, %d of them kills; counters:\n", s.crashed.Load(), s.kills.Load())
	for name, n := range s.counters.Snapshot() {
		fmt.Printf("  %s %d\n", name, n)
	}
	if lost > 0 {
		s.v.add("%d acknowledged messages are lost", lost)
	}
	if int64(died) > s.kills.Load() {
		s.v.add("%d acknowledged messages are lost by %d kills; each may take one", died, s.kills.Load())
	}
}

// grown drops the ledger, and wants no more heap than when all was young, but for what a
// process that has crashed once remembers.
func (s *soak) grown(young uint64) {
	for _, c := range s.clients {
		c.mortal, c.other = book{}, book{}
	}
	most := young + uint64(len(s.workers))*remembered + slack
	old := shrink(func(heap uint64) bool { s.beats.Add(1); return heap <= most })
	fmt.Printf("heap: %s when young, %s when old\n", megabytes(young), megabytes(old))
	if old > most {
		s.v.add("the heap has grown by %s", megabytes(old-young))
	}
}

const remembered = 1 << 10 // bytes, at most, by each

// watch ends the program with all stacks when nothing goes on for 10 s, until the
// function it gives is called.
func (s *soak) watch() (stop func()) {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		var before int64
		for idle := 0; idle < 10; {
			select {
			case <-done:
				done <- struct{}{}
				return
			case <-tick.C:
			}
			if beats := s.beats.Load(); beats != before {
				before, idle = beats, 0
			} else {
				idle++
			}
		}
		dump()
		fmt.Println("DEADLOCK: nothing went on for 10 s; the stacks are on stderr")
		os.Exit(2)
	}()
	return func() { done <- struct{}{}; <-done }
}
