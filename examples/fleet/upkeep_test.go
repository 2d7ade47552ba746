package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/process"
)

// Each minute what replayed units did more than an hour ago goes, and nothing else.
func TestForget(t *testing.T) { datatest.EachURL(t, testForget) }

func testForget(t *testing.T, url string) {
	w := start(t, "-db="+url)
	now := time.Now()
	for _, age := range []time.Duration{25 * time.Hour, 61 * time.Minute, 59 * time.Minute, 0} {
		w.send("phone", now.Add(-age), 1)
		f := Fix{Replayed: true, Position: Position{At: now.Add(-age).Truncate(time.Millisecond)}}
		if err := process.Do(w.ctx, Units.Of("bus"), (*Unit).Fix, f); err != nil {
			t.Fatal(err)
		}
	}
	enqueue(t, w.ctx, Forget)
	eventually(t, "the bus has an hour", func() bool { return len(w.track("bus")) == 2 })
	if n := len(w.track("phone")); n != 4 {
		t.Errorf("of the phone's track %d are left", n)
	}
	all, err := job.Schedules(w.ctx)
	if err != nil || len(all) != 3 {
		t.Fatalf("the schedules are %v, %v", all, err)
	}
	for _, s := range all {
		if s.Next.IsZero() || s.Next.After(now.Add(25*time.Hour)) || s.Name == "forget" && s.Next.After(now.Add(2*time.Minute)) {
			t.Errorf("%s is due at %v", s.Name, s.Next)
		}
	}
}

// By night what is too old goes, and nothing else.
func TestNight(t *testing.T) { datatest.EachURL(t, testNight) }

func testNight(t *testing.T, url string) {
	w := start(t, "-db="+url, "-keep=24h")
	now := time.Now().Truncate(time.Second)
	for _, age := range []time.Duration{48 * time.Hour, 25 * time.Hour, 23 * time.Hour, 0} {
		w.send("a", now.Add(-age), 1)
		w.send("b", now.Add(-age), 1)
	}
	enqueue(t, w.ctx, Prune)
	eventually(t, "old tracks are gone", func() bool { return len(w.track("a")) == 2 && len(w.track("b")) == 2 })

	enqueue(t, w.ctx, Backup)
	file, ok := strings.CutPrefix(url, "sqlite:")
	if !ok {
		return // there is none of a server, and it is no error
	}
	copied := &data.Repo{URL: "sqlite:" + file + ".backup"}
	eventually(t, "there is a backup", func() bool {
		found, _ := filepath.Glob(file + ".backup")
		return len(found) == 1 && copied.Check(w.ctx) == nil
	})
}

func enqueue(t *testing.T, ctx context.Context, name job.Name[process.None]) {
	t.Helper()
	if _, err := name.Enqueue(ctx, process.None{}); err != nil {
		t.Fatal(err)
	}
}

// By hand a copy is made while the program runs, and looked at.
func TestManage(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("FLEET_DB", "sqlite:"+filepath.Join(dir, "fleet.db"))
	w := start(t, "-db=sqlite:"+filepath.Join(dir, "fleet.db"))
	w.send("phone", time.Now(), 1)
	var out strings.Builder
	for _, args := range [][]string{{"migrate", "status"}, {"backup", filepath.Join(dir, "copy.db")}, {"check"}} {
		if err := manage(args, &out); err != nil {
			t.Errorf("data %v: %v", args, err)
		}
	}
	for _, part := range []string{"0004_create_reports", "jobs", "backed up to"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is not in %s", part, &out)
		}
	}
	if err := manage([]string{"polish"}, &out); fault.Of(err) != fault.Invalid {
		t.Error(err)
	}
}
