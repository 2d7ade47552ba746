package job_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/internal/pgtest"
	"github.com/bennu-go/bennu/job"
)

type nothing struct {
	N int `json:"n"`
}

// benchEach runs a benchmark on each engine, which waits for the disk at each commit.
func benchEach(b *testing.B, bench func(b *testing.B, fresh func() *data.Repo)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, func() *data.Repo { return fileRepo(b) }) })
	b.Run("postgres", func(b *testing.B) {
		url := pgtest.Start(b, pgtest.Durable).URL()
		repo := &data.Repo{URL: url}
		datatest.Start(b, repo)
		bench(b, func() *data.Repo {
			err := repo.Write(b.Context(), func(ctx context.Context, tx data.Tx) error {
				_, err := tx.ExecContext(ctx, "DROP SCHEMA public CASCADE")
				if err == nil {
					_, err = tx.ExecContext(ctx, "CREATE SCHEMA public")
				}
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
			return repo
		})
	})
}

// BenchmarkWork inserts 20,000 jobs at once and works on them.
func BenchmarkWork(b *testing.B) { benchEach(b, benchWork) }

func benchWork(b *testing.B, fresh func() *data.Repo) {
	const jobs = 20_000
	for b.Loop() {
		b.StopTimer()
		var left atomic.Int64
		left.Store(jobs)
		done := make(chan struct{})
		noop := job.Define("noop", func(context.Context, nothing) error {
			if left.Add(-1) == 0 {
				close(done)
			}
			return nil
		})
		w := start(b, &job.Runner{Repo: fresh(), Jobs: []job.Definition{noop}, Queues: map[string]job.Queue{"default": {Concurrency: 1000}}})
		ins := make([]nothing, jobs)
		for i := range ins {
			ins[i].N = i
		}
		b.StartTimer()
		began := time.Now()
		if _, err := noop.EnqueueAll(w, ins); err != nil {
			b.Fatal(err)
		}
		inserted := time.Since(began)
		<-done
		for w.counters.Counter("job.written").Value() < jobs {
			time.Sleep(100 * time.Microsecond)
		}
		b.ReportMetric(jobs/time.Since(began).Seconds(), "jobs/s")
		b.Log("claims", w.counters.Counter("job.claims").Value(), "writes", w.counters.Counter("job.writes").Value())
		b.ReportMetric(jobs/inserted.Seconds(), "inserts/s")
		b.StopTimer()
		w.stop()
		b.StartTimer()
	}
}

// BenchmarkLatency inserts jobs one by one and measures how long each takes to begin.
func BenchmarkLatency(b *testing.B) {
	for _, rate := range []int{0, 1000} {
		name := "alone"
		if rate > 0 {
			name = "1000 a second"
		}
		b.Run(name, func(b *testing.B) {
			benchEach(b, func(b *testing.B, fresh func() *data.Repo) { benchLatency(b, rate, fresh) })
		})
	}
}

type stamp struct {
	At time.Time `json:"at"`
}

func benchLatency(b *testing.B, rate int, fresh func() *data.Repo) {
	var mu sync.Mutex
	var took []time.Duration
	began := make(chan struct{}, 100_000)
	tell := job.Define("tell", func(_ context.Context, s stamp) error {
		mu.Lock()
		took = append(took, time.Since(s.At))
		mu.Unlock()
		began <- struct{}{}
		return nil
	})
	w := start(b, &job.Runner{Repo: fresh(), Jobs: []job.Definition{tell}, Queues: map[string]job.Queue{"default": {Concurrency: 100}}})
	var wg sync.WaitGroup
	n := 0
	b.ResetTimer()
	for begin := time.Now(); n < b.N || n < 200; n++ {
		if rate == 0 {
			if _, err := tell.Enqueue(w, stamp{time.Now()}); err != nil {
				b.Fatal(err)
			}
			<-began
			continue
		}
		time.Sleep(time.Until(begin.Add(time.Duration(n) * time.Second / time.Duration(rate))))
		wg.Go(func() {
			if _, err := tell.Enqueue(w, stamp{time.Now()}); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	if rate > 0 {
		for range n {
			<-began
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
}
