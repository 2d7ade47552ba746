// Command soak runs 100,000 processes under supervisors for as long as you like, crashes
// them at random while clients call and cast to them, and then checks that nothing that
// was acknowledged is lost.
//
//	go run ./bench/soak -d 10m
//
// It exits with 1 where something was violated, and with 2, and the stacks of all
// goroutines, where nothing went on for 10 s.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"time"
)

func main() {
	var s settings
	flag.DurationVar(&s.length, "d", time.Minute, "how long clients send")
	flag.IntVar(&s.processes, "n", 100_000, "how many processes")
	flag.IntVar(&s.crashes, "crashes", 1_000, "crashes a second")
	flag.IntVar(&s.clients, "clients", 32, "how many clients send at once")
	flag.Uint64Var(&s.seed, "seed", uint64(time.Now().UnixNano()), "of what is random")
	flag.Parse()
	if flag.NArg() > 0 || s.length <= 0 || s.processes < 10 || s.crashes < 0 || s.clients < 1 {
		flag.Usage()
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt) // ends the sending, not the checks
	fmt.Printf("soak: -d %v -n %d -crashes %d -clients %d -seed %d, %s\n", s.length, s.processes, s.crashes, s.clients, s.seed, runtime.Version())
	goroutines, heap := runtime.NumGoroutine(), heap()
	v := new(violations)
	run(ctx, s, v)
	checkLeaks(v, goroutines, heap+slack+uint64(s.processes)*runtimes)
	stop()
	if n := v.print(); n > 0 {
		fmt.Printf("FAILED: %d violations\n", n)
		os.Exit(1)
	}
	fmt.Println("ok")
}

// settings are the flags.
type settings struct {
	length    time.Duration
	processes int
	crashes   int
	clients   int
	seed      uint64
}

// Heap that may be in use and that nothing accounts for, in bytes. Go keeps what it needed
// for goroutines and timers; when all processes stop at once there are many.
const (
	slack    = 8 << 20
	runtimes = 100 // for each process
)

// checkLeaks looks at what is left when the tree has stopped.
func checkLeaks(v *violations, goroutines int, most uint64) {
	after := shrink(func(heap uint64) bool { return heap <= most && runtime.NumGoroutine() <= goroutines })
	fmt.Printf("heap: %s in the end\n", megabytes(after))
	if n := runtime.NumGoroutine(); n > goroutines {
		v.add("%d goroutines are left", n-goroutines)
		dump()
	}
	if after > most {
		v.add("%s of heap are left; %s would be normal", megabytes(after), megabytes(most))
	}
}

// shrink waits until enough of what was used is free. The clocks of calls that were
// answered long ago hold some of it until the calls would have timed out.
func shrink(enough func(heap uint64) bool) (left uint64) {
	for deadline := time.Now().Add(2*patience + 10*time.Second); ; time.Sleep(100 * time.Millisecond) {
		if left = heap(); enough(left) || time.Now().After(deadline) {
			return left
		}
	}
}

// heap is what is in use when garbage, and what pools keep, is gone.
func heap() uint64 {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func megabytes(b uint64) string { return fmt.Sprintf("%.1f MB", float64(b)/1e6) }

// dump prints the stacks of all goroutines.
func dump() {
	stacks := make([]byte, 64<<20)
	os.Stderr.Write(stacks[:runtime.Stack(stacks, true)])
}
