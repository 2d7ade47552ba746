package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/process"
)

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
