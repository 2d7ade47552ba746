package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/task"
)

func open(context.Context) (*counter, error) { return new(counter), nil }

// named makes a tree of a process for each name, and fills the names in.
func named(names []process.Name[counter]) supervisor.Tree {
	t := supervisor.Tree{Name: "named", Intensity: 1_000}
	for i := range names {
		names[i] = process.Name[counter](fmt.Sprintf("counter:%d", i))
		t.Children = append(t.Children, supervisor.Child{Run: supervisor.Process(names[i], open)})
	}
	return t
}

const workers supervisor.DynamicName[counter, int] = "workers"

func dynamic(ctx context.Context) {
	const n = 50_000
	from := func(_ context.Context, n int) (*counter, error) { return &counter{n}, nil }
	tree := supervisor.Tree{Name: "dynamic", Children: []supervisor.Child{{Run: supervisor.Dynamic(workers, from)}}}
	var took time.Duration
	for round := range 1 + timed {
		root, err := tree.Start(ctx)
		check(err)
		began := time.Now()
		for i := range n {
			_, err := workers.Start(ctx, i)
			check(err)
		}
		if round > 0 { // the first warms up
			took += time.Since(began)
		}
		root.Stop()
	}
	report("dynamic", timed*n/took.Seconds()/1e6, "M/s")
}

var errCrash = errors.New("crash")

func (c *counter) Crash(context.Context) error { return errCrash }

// restart measures from the crash of a child until it answers by its name. The tree is
// a new one after each 100 crashes: a supervisor remembers them for its budget.
func restart(ctx context.Context) {
	const crashes = 100
	names := make([]process.Name[counter], 1)
	tree := named(names)
	var samples []time.Duration
	for round := range 51 {
		root, err := tree.Start(ctx)
		check(err)
		for range crashes {
			began := time.Now()
			check(process.Signal(ctx, names[0], (*counter).Crash))
			for {
				if _, err := process.Ask(ctx, names[0], (*counter).Total); err == nil {
					break
				}
			}
			if round > 0 { // the first warms up
				samples = append(samples, time.Since(began))
			}
		}
		root.Stop()
	}
	report("restart_p50", float64(percentile(samples, 50))/1e3, "µs")
	report("restart_p99", float64(percentile(samples, 99))/1e3, "µs")
}

func await(ctx context.Context) {
	const n = 100_000
	one := func(context.Context) (int, error) { return 1, nil }
	rate("task", n, func() {
		for range n {
			_, err := task.Async(ctx, one).Await(ctx)
			check(err)
		}
	})
}

func spawn(ctx context.Context) {
	const n = 100_000
	refs := make([]process.Ref[counter], n)
	var took time.Duration
	for round := range 1 + timed {
		began := time.Now()
		for i := range refs {
			ref, err := process.Spawn(ctx, open)
			check(err)
			refs[i] = ref
		}
		if round > 0 { // the first warms up
			took += time.Since(began)
		}
		for _, ref := range refs {
			check(process.Exit(ctx, ref, process.Shutdown))
		}
		for _, ref := range refs {
			_, err := process.Wait(ctx, ref)
			check(err)
		}
	}
	report("spawn", float64(took)/1e3/(timed*n), "µs")
}

// idle weighs processes that have answered a call, as process_info does: what belongs to
// them, and stacks if they had any. What allocators waste is in the row million.
func idle(ctx context.Context) {
	const n = 100_000
	goroutines, before := runtime.NumGoroutine(), weigh()
	for range n {
		ref, err := process.Spawn(ctx, open)
		check(err)
		_, err = process.Call(ctx, ref, (*counter).Sum, 1)
		check(err)
	}
	settle(func() bool { return runtime.NumGoroutine() <= goroutines }, "idle processes have goroutines")
	report("idle_bytes", float64(weigh()-before)/n, "B")
}

func weigh() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

func million(ctx context.Context) {
	for range 1_000_000 {
		_, err := process.Spawn(ctx, open)
		check(err)
	}
	report("million", resident(), "MB")
}

// resident is the program's memory as Linux sees it, in MB of 1,000,000 bytes.
func resident() float64 {
	f, err := os.Open("/proc/self/status")
	check(err)
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib float64
		if n, _ := fmt.Sscanf(lines.Text(), "VmRSS: %f kB", &kib); n == 1 {
			return kib * 1024 / 1e6
		}
	}
	check(errors.New("/proc/self/status has no VmRSS"))
	return 0
}
