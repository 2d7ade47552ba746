package main

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	"github.com/bennu-go/bennu/config"
	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// What the program does by itself.
const (
	Forget job.Name[process.None] = "forget" // old tracks of replayed units
	Prune  job.Name[process.None] = "prune"  // what is older than -keep
	Backup job.Name[process.None] = "backup"
)

const (
	replayedKeep = time.Hour
	forgetEvery  = time.Minute
)

// newJobs are the jobs of the fleet, and when they are due by themselves; times of day are UTC.
func newJobs(store Store, keep time.Duration) *job.Runner {
	u := Upkeep{store, keep}
	return &job.Runner{
		Repo: store.repo,
		Jobs: []job.Definition{
			job.Define(Crossed, store.alert),
			job.Define(TripReport, store.tripReport, job.InQueue("reports"), job.Unique{}),
			job.Define(Forget, u.forget),
			job.Define(Prune, u.prune),
			job.Define(Backup, u.backup),
		},
		Queues: map[string]job.Queue{"default": {}, "reports": {Concurrency: 2}},
		Schedules: []job.Schedule{
			{Name: "forget", Every: forgetEvery, Job: Forget.New(process.None{})},
			{Name: "prune", Cron: "0 3 * * *", Job: Prune.New(process.None{}), Missed: job.Once},
			{Name: "backup", Cron: "30 3 * * *", Job: Backup.New(process.None{}), Missed: job.Once},
		},
	}
}

// Upkeep keeps the database small, and a copy of it.
type Upkeep struct {
	store Store
	keep  time.Duration
}

// forget leaves one hour of what replayed units did.
func (u Upkeep) forget(ctx context.Context, _ process.None) error {
	_, err := data.From[positionRow]().Where("unit IN (SELECT unit FROM units WHERE replayed)").
		Where("at < ?", time.Now().Add(-replayedKeep).UnixMilli()).Delete(ctx, u.store.repo)
	return err
}

// prune takes one unit after the other, so that nobody waits for long.
func (u Upkeep) prune(ctx context.Context, _ process.None) error {
	units, err := u.store.Units(ctx)
	if err != nil {
		return err
	}
	before := time.Now().Add(-u.keep).UTC()
	for i, unit := range units {
		if err := job.Progress(ctx, float64(i)/float64(len(units)), unit.Unit); err != nil {
			return err
		}
		old := data.From[positionRow]().Where("unit = ?", unit.Unit).Where("at < ?", before.UnixMilli())
		if _, err := old.Delete(ctx, u.store.repo); err != nil {
			return err
		}
	}
	if _, err := data.From[Alert]().Where("at < ?", before).Delete(ctx, u.store.repo); err != nil {
		return err
	}
	_, err = data.From[TripFile]().Where("made < ?", before).Delete(ctx, u.store.repo)
	return err
}

// manage migrates, backs up, restores and checks the database that FLEET_DB names.
func manage(args []string, out io.Writer) error {
	opts, err := config.Load[options](name, nil, os.LookupEnv)
	if err != nil {
		return err
	}
	repo := &data.Repo{URL: opts.DB, Migrations: migrations, Parts: []data.Part{data.SessionTables(), job.Tables()}}
	return data.Command(context.Background(), repo, args, out)
}

// backup leaves a copy beside the database's file.
func (u Upkeep) backup(ctx context.Context, _ process.None) error {
	repo := u.store.repo
	path := strings.TrimPrefix(repo.URL, "sqlite:")
	if repo.Engine() != data.SQLite || path == ":memory:" {
		telemetry.Log(ctx).Info("no backup is made: this is for files of SQLite; a server has pg_dump")
		return nil
	}
	return repo.Backup(ctx, path+".backup")
}
