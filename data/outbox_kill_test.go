package data_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
)

const kills = 20

var committedTable = files("0001_create_committed.sql", "CREATE TABLE committed (what TEXT PRIMARY KEY);")

// recorder carries out an effect by a line in a file: what is written survives the kill.
func recorder(path string) (data.Outgoing[string], error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	return data.Carry("record", func(_ context.Context, what string) error {
		_, err := fmt.Fprintln(f, what)
		return err
	}), err
}

// TestEmitForever is the program that is killed.
func TestEmitForever(t *testing.T) {
	t.Parallel()
	url, file, ok := strings.Cut(os.Getenv("BENNU_DATA_TEST_EMIT"), " ")
	if !ok {
		return // it is the program of TestEffectsSurviveKill
	}
	repo := &data.Repo{URL: url, Migrations: committedTable}
	datatest.Start(t, repo)
	record, err := recorder(file)
	if err != nil {
		t.Fatal(err)
	}
	ctx := onNode(t)
	serveOutbox(t, ctx, &data.Outbox{Repo: repo, Carriers: []data.Carrier{record}})
	fmt.Println("ready")
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ; i++ {
				what := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				err := repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
					if i%5 == 4 {
						return errors.Join(tx.Emit(ctx, record.Effect("rolled back "+what)), errors.New("no"))
					}
					if _, err := tx.NewRaw("INSERT INTO committed (what) VALUES (?)", what).Exec(ctx); err != nil {
						return err
					}
					return tx.Emit(ctx, record.Effect(what+" a"), record.Effect(what+" b"))
				})
				if err != nil && i%5 != 4 {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
}

// emitAndKill runs the program and kills it at a random moment, again and again.
func emitAndKill(t *testing.T, url, file string) {
	t.Helper()
	for range kills {
		cmd := exec.Command(os.Args[0], "-test.run=^TestEmitForever$")
		cmd.Env = append(os.Environ(), "BENNU_DATA_TEST_EMIT="+url+" "+file)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fscanln(out, new(string)); err != nil {
			t.Error(err)
		}
		<-time.After(rand.N(60 * time.Millisecond)) // this is not to wait for anything: it is when the kill comes
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
	}
}

// checkRecord compares what was committed with what happened.
func checkRecord(t *testing.T, repo *data.Repo, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	times := make(map[string]int)
	twice := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if times[line]++; times[line] > 1 {
			twice++
		}
		if strings.HasPrefix(line, "rolled back") {
			t.Errorf("%s: it happened", line)
		}
	}
	var all []string
	err = repo.Read(t.Context(), func(ctx context.Context, tx data.Tx) error {
		return tx.NewRaw("SELECT what FROM committed").Scan(ctx, &all)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range all {
		if times[what+" a"] == 0 || times[what+" b"] == 0 {
			t.Errorf("%s was committed, and its effects happened %d and %d times", what, times[what+" a"], times[what+" b"])
		}
	}
	if len(times) != 2*len(all) {
		t.Errorf("%d effects happened of %d transactions", len(times), len(all))
	}
	if len(all) < kills {
		t.Errorf("only %d transactions committed", len(all))
	}
	t.Logf("%d kills, %d transactions, %d effects, of which %d happened again", kills, len(all), len(times), twice)
}

func TestEffectsSurviveKill(t *testing.T) {
	t.Parallel()
	datatest.EachURL(t, func(t *testing.T, url string) {
		file := filepath.Join(t.TempDir(), "record")
		emitAndKill(t, url, file)
		synctest.Test(t, func(t *testing.T) { takeOverAndCheck(t, url, file) }) // so that the leases end at once
	})
}

func takeOverAndCheck(t *testing.T, url, file string) {
	repo := &data.Repo{URL: url, Migrations: committedTable}
	datatest.Start(t, repo)
	record, err := recorder(file)
	if err != nil {
		t.Fatal(err)
	}
	outbox := &data.Outbox{Repo: repo, Carriers: []data.Carrier{record}}
	left := stored(t, repo, "bennu_outbox")
	serveOutbox(t, onNode(t), outbox)
	wait := 10 * time.Second
	if repo.Engine() == data.SQLite && runtime.GOOS == "linux" {
		wait = time.Second // nobody waits for the leases of programs that are gone for sure
	}
	time.Sleep(wait)
	settle(t, outbox)
	if n := stored(t, repo, "bennu_outbox"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	t.Logf("%d were left by the kills", left)
	checkRecord(t, repo, file)
}
