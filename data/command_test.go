package data_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
)

var moment = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`)

func TestCommand(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "fleet.db")
	copied := filepath.Join(folder, "copy.db")
	repo := goAndBack("sqlite:" + path)
	for _, c := range []struct {
		args, want string // one line a line, the moments as NOW
	}{
		{"migrate status", "-  1_positions.sql  pending|-  0002_two         pending|-  3_c.sql          pending|"},
		{"migrate up 2", "-  1_positions.sql  NOW|-  0002_two         NOW|-  3_c.sql          pending|"},
		{"migrate dry-run", "-- 3_c.sql up|INSERT INTO positions (unit, lat) VALUES ('c', 1);||"},
		{"migrate", "-  1_positions.sql  NOW|-  0002_two         NOW|-  3_c.sql          NOW|"},
		{"migrate up 1", "-  1_positions.sql  NOW|-  0002_two         NOW|-  3_c.sql          NOW|"},
		{"check", "the database is whole|"},
		{"backup " + copied, "backed up to " + copied + "|"},
		{"migrate dry-run 2", "-- 3_c.sql down|DELETE FROM positions WHERE unit = 'c';||"},
		{"migrate down", "-  1_positions.sql  NOW|-  0002_two         NOW|-  3_c.sql          pending|"},
		{"migrate down 2", "-  1_positions.sql  pending|-  0002_two         pending|-  3_c.sql          pending|"},
		{"migrate to 1", "-  1_positions.sql  NOW|-  0002_two         pending|-  3_c.sql          pending|"},
		{"migrate to 0", "-  1_positions.sql  pending|-  0002_two         pending|-  3_c.sql          pending|"},
		{"restore " + copied, "restored from " + copied + "|"},
		{"migrate status", "-  1_positions.sql  NOW|-  0002_two         NOW|-  3_c.sql          NOW|"},
	} {
		var out bytes.Buffer
		if err := data.Command(quiet, repo, strings.Fields(c.args), &out); err != nil {
			t.Fatalf("%s: %v", c.args, err)
		}
		got := strings.ReplaceAll(moment.ReplaceAllString(out.String(), "NOW"), "\n", "|")
		if got != c.want {
			t.Errorf("%s prints\n%s\nwant\n%s", c.args, got, c.want)
		}
	}

	serve(t, repo)
	wantFault(t, data.Command(quiet, repo, []string{"restore", copied}, &bytes.Buffer{}), fault.Unavailable, "stop it first")
	if err := repo.Migrate(quiet, "job", files("1_jobs.sql", "")); err != nil {
		t.Fatal(err)
	}
	repo.GoMigrations = nil
	var out bytes.Buffer
	if err := data.Command(quiet, repo, []string{"migrate", "status"}, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"not known to this program", "job  1_jobs.sql"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it prints no %q:\n%s", want, &out)
		}
	}
}

func TestCommandRefuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	repo := &data.Repo{URL: "sqlite:" + filepath.Join(folder, "fleet.db"), Migrations: migrations}
	for _, args := range []string{
		"", "help", "check now", "backup", "backup a b", "restore", "migrate sideways",
		"migrate to", "migrate to x", "migrate to -1", "migrate to 1 2", "migrate up 99999999999999999999", "migrate status 1", "migrate 1",
	} {
		err := data.Command(quiet, repo, strings.Fields(args), &bytes.Buffer{})
		wantFault(t, err, fault.Invalid, "migrate dry-run [N]")
	}
	wantFault(t, data.Command(quiet, repo, []string{"migrate", "down"}, &bytes.Buffer{}), fault.NotFound, "there is no database")
	if entries, _ := os.ReadDir(folder); len(entries) != 0 {
		t.Errorf("it made %v", entries)
	}
	full := errors.New("full")
	if err := data.Command(quiet, repo, []string{"migrate", "dry-run"}, failing{full}); !errors.Is(err, full) {
		t.Errorf("a dry run to nowhere gives %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
