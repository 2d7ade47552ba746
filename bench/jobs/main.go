// Jobs compares River and bennu's package job: the same work, by turns, on the same
// database engines. Each measurement is a process of its own with an empty database, and
// gives a line of JSON; in the end there are tables. bench/jobs.sh says how to run it, and
// the README beside this file what to know when one reads the figures.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// settings are the flags. They travel to the processes that measure, as JSON.
type settings struct {
	Engines []string // sqlite, postgres
	Sides   []string // river, bennu
	Rows    []string
	Pairs   int // how often each row is measured, side by side
	Workers int // how many jobs run at once

	Bulk     int           // jobs of row bulk
	Stream   int           // jobs of row stream
	Clients  int           // of row stream, each of which inserts one job after the other
	Rest     int           // jobs of row rest
	Rate     int           // jobs a second of row load
	Load     time.Duration // length of row load
	Memory   int           // jobs of row memory
	Postgres string        // URL of a server; empty: one is started
	Dir      string        // for databases

	Postmaster int // process id of the PostgreSQL server, if it was started here
}

// one is a measurement: what a process of its own does.
type one struct {
	Row    string   `json:"row"`
	Side   string   `json:"side"`
	Engine string   `json:"engine"`
	Pair   int      `json:"pair"`
	URL    string   `json:"-"` // of an empty database
	Set    settings `json:"-"`
}

func main() {
	log.SetFlags(0)
	runtime.LockOSThread() // a child must die with this process, which the kernel knows by the thread
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if task := os.Getenv("BENCH_JOBS_ONE"); task != "" {
		if err := measure(ctx, task); err != nil {
			log.Fatal(err)
		}
		return
	}
	if err := compare(ctx, flags()); err != nil {
		log.Fatal(err)
	}
}

func flags() settings {
	var s settings
	list := func(to *[]string, name, all, usage string) {
		*to = strings.Split(all, ",")
		flag.Func(name, usage+" (default "+all+")", func(v string) error {
			*to = strings.Split(v, ",")
			for _, one := range *to {
				if !slices.Contains(strings.Split(all, ","), one) {
					return fmt.Errorf("there is no %q", one)
				}
			}
			return nil
		})
	}
	list(&s.Engines, "engines", "sqlite,postgres", "databases")
	list(&s.Sides, "sides", "river,bennu", "whom to measure")
	list(&s.Rows, "rows", "bulk,stream,rest,load,memory", "what to measure; memory is bennu's alone")
	flag.IntVar(&s.Pairs, "pairs", 3, "how often each row is measured, side by side")
	flag.IntVar(&s.Workers, "workers", 1_000, "how many jobs run at once, on either side")
	flag.IntVar(&s.Bulk, "bulk", 100_000, "jobs that are inserted in bulk, and then worked")
	flag.IntVar(&s.Stream, "stream", 20_000, "jobs that are inserted one by one, and worked meanwhile")
	flag.IntVar(&s.Clients, "clients", 16, "how many insert at a time, one by one")
	flag.IntVar(&s.Rest, "rest", 300, "jobs that are inserted one after the other has run")
	flag.IntVar(&s.Rate, "rate", 1_000, "jobs a second under load")
	flag.DurationVar(&s.Load, "load", 10*time.Second, "how long the load lasts")
	flag.IntVar(&s.Memory, "memory", 1_000_000, "jobs over which memory is to stay flat")
	flag.StringVar(&s.Postgres, "postgres", "", "`URL` of a PostgreSQL server whose user may create databases; default: start one")
	flag.StringVar(&s.Dir, "dir", os.TempDir(), "`folder` on the disk to measure, for the databases")
	smoke := flag.Bool("smoke", false, "few of everything, once: does it work?")
	flag.Parse()
	if *smoke {
		s.Pairs, s.Bulk, s.Stream, s.Rest, s.Rate, s.Load, s.Memory = 1, 2_000, 500, 5, 100, time.Second, 20_000
	}
	if flag.NArg() > 0 || min(s.Pairs, s.Workers, s.Bulk, s.Stream, s.Clients, s.Rest, s.Rate, s.Memory) < 1 || s.Load < time.Second {
		flag.Usage()
		os.Exit(2)
	}
	return s
}

// compare runs every measurement in a process of its own, and prints.
func compare(ctx context.Context, s settings) error {
	dir, err := os.MkdirTemp(s.Dir, "bench-jobs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s.Dir = dir

	var lines []line
	for _, engine := range s.Engines {
		s.Postmaster = 0
		fresh, stop, err := databases(ctx, engine, &s)
		if err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
		for _, m := range plan(s, engine) {
			l, err := isolated(ctx, m, fresh)
			if err != nil {
				stop()
				return fmt.Errorf("%s of %s on %s: %w", m.Row, m.Side, m.Engine, err)
			}
			lines = append(lines, l)
		}
		stop()
	}
	tables(os.Stdout, s, lines)
	return nil
}

// plan is what is measured on an engine, in order: the sides take turns in being first.
func plan(s settings, engine string) (all []one) {
	for _, row := range s.Rows {
		if row == "memory" {
			if slices.Contains(s.Sides, "bennu") {
				all = append(all, one{Row: row, Side: "bennu", Engine: engine, Set: s})
			}
			continue
		}
		for pair := range s.Pairs {
			sides := slices.Clone(s.Sides)
			if pair%2 == 1 {
				slices.Reverse(sides)
			}
			for _, side := range sides {
				all = append(all, one{Row: row, Side: side, Engine: engine, Pair: pair, Set: s})
			}
		}
	}
	return all
}

// isolated measures in a child process on an empty database, and passes its line on.
func isolated(ctx context.Context, m one, fresh func(context.Context) (url string, drop func(), err error)) (l line, err error) {
	url, drop, err := fresh(ctx)
	if err != nil {
		return l, err
	}
	defer drop()
	task, err := json.Marshal(childTask{m, url, m.Set})
	if err != nil {
		return l, err
	}
	self, err := os.Executable()
	if err != nil {
		return l, err
	}
	child := exec.CommandContext(ctx, self)
	child.Env = append(os.Environ(), "BENCH_JOBS_ONE="+string(task))
	child.Stderr = os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := child.Output()
	if err != nil {
		return l, err
	}
	os.Stdout.Write(out)
	return l, json.Unmarshal(out, &l)
}

// childTask is how a measurement travels to its process.
type childTask struct {
	One one
	URL string
	Set settings
}

// measure is what the child process does.
func measure(ctx context.Context, task string) error {
	var t childTask
	if err := json.Unmarshal([]byte(task), &t); err != nil {
		return err
	}
	t.One.URL, t.One.Set = t.URL, t.Set
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	l, err := rows[t.One.Row](ctx, t.One)
	if err != nil {
		return err
	}
	l.one = t.One
	return json.NewEncoder(os.Stdout).Encode(l)
}

// databases gives what makes an empty database of an engine.
func databases(ctx context.Context, engine string, s *settings) (fresh func(context.Context) (string, func(), error), stop func(), err error) {
	if engine == "postgres" {
		return postgres(ctx, s)
	}
	n := 0
	fresh = func(context.Context) (string, func(), error) {
		n++
		path := filepath.Join(s.Dir, fmt.Sprintf("jobs%d.db", n))
		return path, func() {
			for _, suffix := range []string{"", "-wal", "-shm"} {
				os.Remove(path + suffix)
			}
		}, nil
	}
	return fresh, func() {}, nil
}
