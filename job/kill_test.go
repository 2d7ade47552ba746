package job_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/internal/pgtest"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

// effect stores with its completion that it has run.
var effect = job.Define("effect", func(ctx context.Context, n int) error {
	begun := time.Now()
	err := job.Commit(ctx, func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewRaw("INSERT INTO effects (n) VALUES (?)", n).Exec(ctx)
		return err
	})
	time.Sleep(time.Millisecond - time.Since(begun))
	return err
})

// plain is completed by the runner.
var plain = job.Define("plain", func(ctx context.Context, n int) error {
	time.Sleep(time.Millisecond)
	return nil
})

func worker(repo *data.Repo) *job.Runner {
	return &job.Runner{Repo: repo, Jobs: []job.Definition{effect, plain}, Lease: time.Second, Queues: map[string]job.Queue{"default": {Concurrency: 50}}}
}

// childEnv is the URL of the database that this program works on, when it is a child.
const childEnv = "BENNU_JOB_TEST_CHILD"

// TestChild is what the child runs, until it is killed.
func TestChild(t *testing.T) {
	url := os.Getenv(childEnv)
	if url == "" {
		return // it is the child of TestKill
	}
	node := process.NewNode(context.Background())
	repo := &data.Repo{URL: url}
	tree := supervisor.Tree{Name: "child", Children: []supervisor.Child{{Name: "repo", Run: repo}, {Name: "jobs", Run: worker(repo)}}}
	if err := tree.Serve(node.Context(context.Background())); err != nil {
		t.Fatal(err)
	}
}

// TestKill kills a node that works on 10,000 jobs, twice.
func TestKill(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	t.Run("sqlite", func(t *testing.T) { testKill(t, "sqlite:"+filepath.Join(t.TempDir(), "jobs.db")) })
	t.Run("postgres", func(t *testing.T) { testKill(t, pgtest.URL(t)) })
}

// hangEnv is the URL of the database on which a child runs a job that does not end.
const hangEnv = "BENNU_JOB_TEST_HANG"

// hang is a job that ends in this program, and not in the child.
var hang = job.Define("hang", func(ctx context.Context, n int) error {
	if os.Getenv(hangEnv) != "" {
		<-ctx.Done()
	}
	return ctx.Err()
})

// patient takes long to take others for dead.
func patient(repo *data.Repo) *job.Runner {
	return &job.Runner{Repo: repo, Jobs: []job.Definition{hang}, Lease: time.Minute}
}

// TestHangingChild is what the child of TestRestartAfterKill runs.
func TestHangingChild(t *testing.T) {
	if url := os.Getenv(hangEnv); url != "" {
		repo := &data.Repo{URL: url}
		datatest.Start(t, repo)
		w := start(t, patient(repo))
		if _, err := hang.Enqueue(w, 1); err != nil {
			t.Fatal(err)
		}
		select {}
	}
}

// TestRestartAfterKill has a program go on at once with what the one before it, which was
// killed, did on the same SQLite file.
func TestRestartAfterKill(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		return // there it waits for the lease
	}
	repo := &data.Repo{URL: "sqlite:" + filepath.Join(t.TempDir(), "jobs.db")}
	datatest.Start(t, repo)
	idle := patient(repo)
	idle.Queues = map[string]job.Queue{}
	w := start(t, idle) // makes the tables
	w.stop()
	child := exec.Command(os.Args[0], "-test.run=^TestHangingChild$", "-test.timeout=120s")
	child.Env = append(os.Environ(), hangEnv+"="+repo.URL)
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	end := sync.OnceFunc(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	t.Cleanup(end)
	w.untilRows(t, "state = 1", 1)
	other := start(t, patient(repo)) // it waits for one that lives
	if n := other.rows(t, "state = 1 AND claims = 1"); n != 1 {
		t.Errorf("%d jobs run", n)
	}
	other.stop()
	end()
	w = start(t, patient(repo))
	w.untilRows(t, "state = 4 AND attempt = 2", 1) // in less than a minute
	w.stop()
}

func testKill(t *testing.T, url string) {
	repo := &data.Repo{URL: url}
	datatest.Start(t, repo)
	r := worker(repo)
	r.Queues = map[string]job.Queue{} // this node only inserts
	w := start(t, r)
	w.exec(t, "CREATE TABLE effects (n INTEGER)")
	const jobs = 5000 // of each kind
	ins := make([]int, jobs)
	for i := range ins {
		ins[i] = i
	}
	for _, j := range []*job.Job[int]{effect, plain} {
		if _, err := j.EnqueueAll(w, ins); err != nil {
			t.Fatal(err)
		}
	}
	for _, done := range []int{2000, 5000, 2 * jobs} {
		child := exec.Command(os.Args[0], "-test.run=^TestChild$", "-test.timeout=120s")
		child.Env = append(os.Environ(), childEnv+"="+url)
		child.Stderr = os.Stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		killed := false
		kill := func() {
			if !killed {
				killed = true
				_ = child.Process.Kill()
				_ = child.Wait()
			}
		}
		t.Cleanup(kill)
		for deadline := time.Now().Add(60 * time.Second); w.rows(t, "state = 4") < done; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d jobs have completed", w.rows(t, "state = 4"))
			}
		}
		kill()
		t.Logf("killed when %d had completed, %d were running", w.rows(t, "state = 4"), w.rows(t, "state = 1"))
	}
	var effects, distinct int
	err := repo.Read(w, func(ctx context.Context, tx data.Tx) error {
		return tx.NewRaw("SELECT COUNT(*), COUNT(DISTINCT n) FROM effects").Scan(ctx, &effects, &distinct)
	})
	if err != nil || effects != jobs || distinct != jobs {
		t.Errorf("%d effects of %d jobs are stored (%v)", effects, distinct, err)
	}
	if n := w.rows(t, "state <> 4"); n != 0 {
		t.Errorf("%d jobs have not completed", n)
	}
}
