package job_test

import (
	"context"
	"encoding/json"
	"github.com/bennu-go/bennu/token"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/internal/pgtest"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

// world is a node with a repo and a runner.
type world struct {
	context.Context
	repo     *data.Repo
	runner   *job.Runner
	counters *telemetry.Counters
	stop     func()
}

func fileRepo(t testing.TB) *data.Repo {
	repo := &data.Repo{URL: "sqlite:" + filepath.Join(t.TempDir(), "jobs.db")}
	datatest.Start(t, repo)
	return repo
}

// start runs r on a node of its own.
func start(t testing.TB, r *job.Runner) *world {
	t.Helper()
	w := &world{repo: r.Repo, runner: r, counters: new(telemetry.Counters)}
	ctx := telemetry.WithCounters(telemetry.WithLogger(context.Background(), slog.New(slog.DiscardHandler)), w.counters)
	if testing.Verbose() {
		ctx = telemetry.WithLogger(ctx, slog.Default())
	}
	node := process.NewNode(ctx)
	w.Context = node.Context(ctx)
	root, err := supervisor.Tree{Name: "test", Children: []supervisor.Child{{Name: "jobs", Run: r}}}.Start(w)
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	w.stop = func() {
		if !stopped {
			stopped = true
			root.Stop()
			node.Close()
		}
	}
	t.Cleanup(w.stop)
	return w
}

func postgresRepo(t testing.TB) *data.Repo {
	repo := &data.Repo{URL: pgtest.URL(t)}
	datatest.Start(t, repo)
	return repo
}

func memoryRepo(t testing.TB) *data.Repo { return datatest.Open(t, nil) }

// each runs a test on each engine.
func each(t *testing.T, test func(t *testing.T, repo *data.Repo)) {
	t.Run("sqlite", func(t *testing.T) { test(t, fileRepo(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, postgresRepo(t)) })
}

// stored is a job as the database has it.
type stored struct {
	state    job.State
	attempt  int
	attempts int
	runAt    int64
	endedAt  int64
	cancel   string
	failures []job.Failure
	key      string
}

func (w *world) load(t testing.TB, id int64) (s stored) {
	t.Helper()
	err := w.repo.Read(w, func(ctx context.Context, tx data.Tx) error {
		var state int
		var errors string
		err := tx.NewRaw(`SELECT state, attempt, attempts, run_at, COALESCE(ended_at, 0), COALESCE(cancel, ''), COALESCE(errors, '[]'), COALESCE(unique_key, '')
			FROM bennu_jobs WHERE id = ?`, id).Scan(ctx, &state, &s.attempt, &s.attempts, &s.runAt, &s.endedAt, &s.cancel, &errors, &s.key)
		s.state = job.State(state)
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(errors), &s.failures)
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// rows counts jobs.
func (w *world) rows(t testing.TB, where string) (n int) {
	t.Helper()
	err := w.repo.Read(w, func(ctx context.Context, tx data.Tx) error {
		return tx.NewRaw("SELECT COUNT(*) FROM bennu_jobs WHERE "+where).Scan(ctx, &n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (w *world) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	err := w.repo.Write(w, func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewRaw(sql, args...).Exec(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) until(t testing.TB, ref job.Ref, s job.State) (got stored) {
	t.Helper()
	eventually(t, func() bool {
		got = w.load(t, ref.ID)
		return got.state == s
	})
	return got
}

func (w *world) untilRows(t testing.TB, where string, n int) {
	t.Helper()
	eventually(t, func() bool { return w.rows(t, where) == n })
}

// eventually asks until it is so.
func eventually(t testing.TB, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it has not come to be within a minute")
		}
	}
}

func newKeys(t testing.TB) *token.Keys {
	keys, err := token.NewKeys(token.Generate())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// tryRows counts jobs of a database that may be away: -1.
func (w *world) tryRows(where string) (n int) {
	err := w.repo.Read(w, func(ctx context.Context, tx data.Tx) error {
		return tx.NewRaw("SELECT COUNT(*) FROM bennu_jobs WHERE "+where).Scan(ctx, &n)
	})
	if err != nil {
		return -1
	}
	return n
}
