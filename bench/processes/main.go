// Command processes measures what package process and supervisor cost, row by row. The
// same work in Elixir is in bench/beam, and bench/beam/run runs both and compares them.
//
//	go run ./bench/processes -row call_1
//
// Each row prints one line of JSON, or two: {"row": "call_1", "value": 1.41, "unit": "M/s"}.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// row is a piece of work. It runs in a node of its own.
type row struct {
	name string
	run  func(ctx context.Context)
}

var rows = []row{
	{"cast_1", castFrom1},
	{"cast_100", castFrom100},
	{"call_1", callFrom1},
	{"call_100", callFrom100},
	{"ping_pong", pingPong},
	{"ring", ring},
	{"group", group},
	{"dynamic", dynamic},
	{"restart", restart},
	{"lookup", lookUp},
	{"task", await},
	{"spawn", spawn},
	{"idle", idle},
	{"million", million},
	{"p99_alone", alone},
	{"p99_blocked", besideBlocked},
	{"p99_spinning", besideSpinning},
	{"p99_compute", besideComputing},
}

func main() {
	log.SetFlags(0)
	only := flag.String("row", "", "the one row to run; default all")
	flag.Parse()
	ctx := telemetry.WithLogger(context.Background(), slog.New(slog.DiscardHandler))
	goroutines := runtime.NumGoroutine()
	ran := 0
	for _, r := range rows {
		if *only != "" && *only != r.name {
			continue
		}
		ran++
		node := process.NewNode(ctx)
		r.run(node.Context(ctx))
		node.Close()
		if n := node.Count(); n != 0 {
			log.Fatalf("%s left %d processes", r.name, n)
		}
		settle(func() bool { return runtime.NumGoroutine() <= goroutines }, r.name+" left goroutines")
	}
	if ran == 0 {
		log.Fatalf("there is no row %q", *only)
	}
}

// rate runs a round of n pieces of work once to warm up and three times on the clock.
func rate(row string, n int, round func()) {
	round()
	began := time.Now()
	for range timed {
		round()
	}
	report(row, float64(timed*n)/time.Since(began).Seconds()/1e6, "M/s")
}

const timed = 3

func report(row string, value float64, unit string) {
	fmt.Printf("{\"row\": %q, \"value\": %.4g, \"unit\": %q}\n", row, value, unit)
}

// percentile is by nearest rank: of 100 samples, the 99th is the second worst.
func percentile(samples []time.Duration, p int) time.Duration {
	slices.Sort(samples)
	return samples[(len(samples)*p+99)/100-1]
}

// settle waits until something has come about.
func settle(ok func() bool, otherwise string) {
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			log.Fatal(otherwise)
		}
	}
}

// check ends the program: a row that fails has no figure.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func start[S any](ctx context.Context, state *S) process.Ref[S] {
	ref, err := process.Spawn(ctx, func(context.Context) (*S, error) { return state, nil })
	check(err)
	return ref
}
