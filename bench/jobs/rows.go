package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// line is what a measurement gives. What a row does not measure is left out.
type line struct {
	one
	Jobs      int     `json:"jobs"`
	Inserted  float64 `json:"inserted_per_s,omitempty"`
	Worked    float64 `json:"worked_per_s,omitempty"`
	Both      float64 `json:"both_per_s,omitempty"` // inserted and worked, in the time of the two together
	P50       float64 `json:"p50_ms,omitempty"`     // from insert to start
	P99       float64 `json:"p99_ms,omitempty"`
	Most      float64 `json:"max_ms,omitempty"`
	InsertP50 float64 `json:"insert_p50_ms,omitempty"` // of the insert alone
	InsertP99 float64 `json:"insert_p99_ms,omitempty"`
	CPU       float64 `json:"cpu_us,omitempty"` // for each job, of this program and of PostgreSQL
	RSS       []int   `json:"rss_mb,omitempty"` // after each tenth of the jobs
}

var rows = map[string]func(context.Context, one) (line, error){
	"bulk": bulk, "stream": stream, "rest": rest, "load": load, "memory": memory,
}

const chunk = 5_000 // jobs in a bulk: what River's own benchmark has

// bulk inserts all jobs and then works them.
func bulk(ctx context.Context, m one) (l line, err error) {
	o, err := open(ctx, m, func(work) {})
	if err != nil {
		return l, err
	}
	cpu := cpuTime(m.Set.Postmaster)
	begun := time.Now()
	if err := insertAll(ctx, o, 0, m.Set.Bulk); err != nil {
		return l, err
	}
	inserting := time.Since(begun)
	begun = time.Now()
	if err := o.Work(ctx); err != nil {
		return l, err
	}
	at, err := o.completed(ctx, m.Set.Bulk)
	if err != nil {
		return l, err
	}
	working := at.Sub(begun)
	l.Jobs = m.Set.Bulk
	l.Inserted = rate(l.Jobs, inserting)
	l.Worked = rate(l.Jobs, working)
	l.Both = rate(l.Jobs, inserting+working)
	l.used(cpuTime(m.Set.Postmaster) - cpu)
	return l, o.close(ctx)
}

// insertAll inserts the jobs from first to before end.
func insertAll(ctx context.Context, o *opened, first, end int) error {
	for first < end {
		all := make([]work, min(chunk, end-first))
		for i := range all {
			all[i].Number = first + i
		}
		if err := o.InsertAll(ctx, all); err != nil {
			return err
		}
		first += len(all)
	}
	return nil
}

// stream inserts jobs one by one, by several clients at once, while they are worked.
func stream(ctx context.Context, m one) (l line, err error) {
	o, err := open(ctx, m, func(work) {})
	if err != nil {
		return l, err
	}
	if err := o.Work(ctx); err != nil {
		return l, err
	}
	if err := settle(ctx); err != nil {
		return l, err
	}
	cpu := cpuTime(m.Set.Postmaster)
	begun := time.Now()
	var next atomic.Int64
	err = together(m.Set.Clients, func() error {
		for {
			n := int(next.Add(1)) - 1
			if n >= m.Set.Stream {
				return nil
			}
			if err := o.Insert(ctx, work{Number: n}); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return l, err
	}
	inserting := time.Since(begun)
	at, err := o.completed(ctx, m.Set.Stream)
	if err != nil {
		return l, err
	}
	l.Jobs = m.Set.Stream
	l.Inserted = rate(l.Jobs, inserting)
	l.Both = rate(l.Jobs, at.Sub(begun))
	l.used(cpuTime(m.Set.Postmaster) - cpu)
	return l, o.close(ctx)
}

// used notes the CPU time that all jobs of a line have taken.
func (l *line) used(cpu time.Duration) { l.CPU = float64(cpu.Microseconds()) / float64(l.Jobs) }

// rest inserts a job when the one before has run and been recorded, a little later.
func rest(ctx context.Context, m one) (l line, err error) {
	ran := make(chan time.Duration, 1)
	o, err := open(ctx, m, func(w work) { ran <- since(w) })
	if err != nil {
		return l, err
	}
	if err := o.Work(ctx); err != nil {
		return l, err
	}
	if err := settle(ctx); err != nil {
		return l, err
	}
	var starts, inserts latencies
	for n := range m.Set.Rest {
		begun := time.Now()
		if err := o.Insert(ctx, work{Number: n, At: begun.UnixNano()}); err != nil {
			return l, err
		}
		inserts.add(time.Since(begun))
		select {
		case d := <-ran:
			starts.add(d)
		case <-ctx.Done():
			return l, ctx.Err()
		}
		// Not in step with what polls or batches by a fixed time.
		if err := sleep(ctx, 60*time.Millisecond+time.Duration(n%17)*1300*time.Microsecond); err != nil {
			return l, err
		}
	}
	if _, err := o.completed(ctx, m.Set.Rest); err != nil {
		return l, err
	}
	l.Jobs = m.Set.Rest
	l.latency(&starts, &inserts)
	return l, o.close(ctx)
}

// load inserts jobs at a rate, whether the ones before are in or not. The time of a job
// counts from when it was due to be inserted.
func load(ctx context.Context, m one) (l line, err error) {
	var starts, inserts latencies
	o, err := open(ctx, m, func(w work) { starts.add(since(w)) })
	if err != nil {
		return l, err
	}
	if err := o.Work(ctx); err != nil {
		return l, err
	}
	if err := settle(ctx); err != nil {
		return l, err
	}
	total := int(m.Set.Load.Seconds() * float64(m.Set.Rate))
	every := time.Second / time.Duration(m.Set.Rate)
	due := make(chan work, total)
	begun := time.Now()
	go func() {
		defer close(due)
		for n := range total {
			at := begun.Add(time.Duration(n) * every)
			if wait := time.Until(at); wait > 0 && sleep(ctx, wait) != nil {
				return
			}
			due <- work{Number: n, At: at.UnixNano()}
		}
	}()
	err = together(64, func() error {
		for w := range due {
			begun := time.Now()
			if err := o.Insert(ctx, w); err != nil {
				return err
			}
			inserts.add(time.Since(begun))
		}
		return nil
	})
	if err != nil {
		return l, err
	}
	at, err := o.completed(ctx, total)
	if err != nil {
		return l, err
	}
	l.Jobs = total
	l.Both = rate(total, at.Sub(begun))
	l.latency(&starts, &inserts)
	return l, o.close(ctx)
}

// memory inserts and works jobs, so that at most a few thousand wait, and looks at the
// resident memory after each tenth.
func memory(ctx context.Context, m one) (l line, err error) {
	var worked atomic.Int64
	o, err := open(ctx, m, func(work) { worked.Add(1) })
	if err != nil {
		return l, err
	}
	if err := o.Work(ctx); err != nil {
		return l, err
	}
	begun := time.Now()
	tenth := m.Set.Memory / 10
	for n := range 10 {
		for first := n * tenth; first < (n+1)*tenth; first += chunk {
			if err := insertAll(ctx, o, first, min(first+chunk, (n+1)*tenth)); err != nil {
				return l, err
			}
			for int(worked.Load()) < first-chunk {
				if err := sleep(ctx, time.Millisecond); err != nil {
					return l, err
				}
			}
		}
		kb, err := resident()
		if err != nil {
			return l, err
		}
		l.RSS = append(l.RSS, kb/1024)
	}
	at, err := o.completed(ctx, 10*tenth)
	if err != nil {
		return l, err
	}
	l.Jobs = 10 * tenth
	l.Both = rate(l.Jobs, at.Sub(begun))
	return l, o.close(ctx)
}

// resident is the memory of this process that is in RAM, in KiB.
func resident() (int, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no VmRSS")
}

// settle lets workers that have just been started come to rest.
func settle(ctx context.Context) error { return sleep(ctx, 500*time.Millisecond) }

// together runs fn n times at once, and gives one of the errors.
func together(n int, fn func() error) error {
	var group sync.WaitGroup
	errs := make(chan error, n)
	for range n {
		group.Go(func() { errs <- fn() })
	}
	group.Wait()
	for range n {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

func since(w work) time.Duration { return time.Duration(time.Now().UnixNano() - w.At) }

func rate(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }
