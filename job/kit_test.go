package job_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
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
