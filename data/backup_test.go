package data_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
)

// makeFile makes a database of rows that are about a kilobyte each.
func makeFile(t testing.TB, path string, rows int) {
	t.Helper()
	repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations}
	defer serve(t, repo)()
	err := repo.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewRaw(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			INSERT INTO positions (unit, lat) SELECT i || hex(randomblob(500)), 1 FROM n`, rows).Exec(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func wantRows(t testing.TB, path string, want int) {
	t.Helper()
	repo := &data.Repo{URL: "sqlite:" + path, OnBoot: data.Ignore}
	defer serve(t, repo)()
	if got := scan[int](t, repo, "SELECT count(*) FROM positions"); got != want {
		t.Errorf("%s has %d rows, want %d", path, got, want)
	}
	if err := repo.Check(context.Background()); err != nil {
		t.Error(err)
	}
}

// wantOnly checks that a folder has these files and no others.
func wantOnly(t testing.TB, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s has %q, want %q", folder, got, want)
	}
}

func TestBackupWhileAWriterWrites(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "fleet.db")
	repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations}
	serve(t, repo)
	stop, stopped := make(chan struct{}), make(chan int)
	written := make(chan struct{}, 1)
	go func() {
		for i := 0; ; i += 2 {
			select {
			case <-stop:
				stopped <- i
				return
			default:
			}
			// Two rows or none, so that half a transaction would show.
			if err := repo.Write(context.Background(), inserts(fmt.Sprint(i), fmt.Sprint(i+1))); err != nil {
				t.Error(err)
			}
			select {
			case written <- struct{}{}:
			default:
			}
		}
	}()
	var copies []string
	for i := range 5 {
		<-written
		copies = append(copies, filepath.Join(folder, "copies", fmt.Sprint(i)+".db"))
		if i == 0 {
			wantFault(t, repo.Backup(t.Context(), copies[0]), fault.Unavailable, "its folder is not there")
			if err := os.Mkdir(filepath.Dir(copies[0]), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := repo.Backup(t.Context(), copies[i]); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	total := <-stopped
	last := 0
	for _, path := range copies {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
		repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations, OnBoot: data.Refuse}
		stop := serve(t, repo)
		got := units(t, repo)
		stop()
		if len(got)%2 != 0 || len(got) < last || len(got) > total {
			t.Errorf("%s has %d rows, the one before %d, all %d", path, len(got), last, total)
		}
		for i, unit := range got {
			if unit != fmt.Sprint(i) {
				t.Fatalf("%s: row %d is %s", path, i, unit)
			}
		}
		last = len(got)
	}
	wantOnly(t, filepath.Join(folder, "copies"), "0.db", "1.db", "2.db", "3.db", "4.db")
}

func TestBackupOfMemory(t *testing.T) {
	t.Parallel()
	repo := datatest.Open(t, migrations)
	if err := insert(repo, "a"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := repo.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	wantRows(t, path, 1)
}

func TestBackupTakesThePlaceOfAnEarlierOne(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, to := filepath.Join(folder, "fleet.db"), filepath.Join(folder, "copy.db")
	makeFile(t, path, 10)
	repo := &data.Repo{URL: "sqlite:" + path} // which does not run
	if err := repo.Backup(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	wantRows(t, to, 10)
	makeFile(t, path, 20)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	wantFault(t, repo.Backup(ended, to), fault.Canceled)
	wantRows(t, to, 10)
	if err := repo.Backup(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	wantRows(t, to, 30)
	wantOnly(t, folder, "copy.db", "fleet.db")
}

func TestRefusedBackups(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "fleet.db")
	missing := &data.Repo{URL: "sqlite:" + path}
	wantFault(t, missing.Backup(t.Context(), path+"2"), fault.NotFound, "there is no database")
	wantFault(t, missing.Check(t.Context()), fault.NotFound, "there is no database")
	wantOnly(t, folder)

	repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations}
	serve(t, repo)
	wantFault(t, repo.Backup(t.Context(), path), fault.Conflict, "fleet.db-wal beside it", "choose another file")
	wantFault(t, repo.Backup(t.Context(), folder), fault.Invalid, "not a file")
}

func TestOldPartsAreSwept(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, age := range map[string]time.Duration{
		".copy.db-1.part": 2 * time.Hour, ".copy.db-2.part": time.Minute, ".other.db-1.part": 2 * time.Hour, ".copy.db-x": 2 * time.Hour,
	} {
		name = filepath.Join(folder, name)
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := datatest.Open(t, migrations).Backup(t.Context(), filepath.Join(folder, "copy.db")); err != nil {
		t.Fatal(err)
	}
	wantOnly(t, folder, ".copy.db-2.part", ".copy.db-x", ".other.db-1.part", "copy.db")
}

// backupForever is the program that is killed.
func backupForever(path string) {
	repo := &data.Repo{URL: "sqlite:" + path}
	for {
		if err := repo.Backup(context.Background(), path+".copy"); err != nil {
			panic(err)
		}
		fmt.Println("done")
	}
}

func TestKilledInTheMiddleOfABackup(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "fleet.db")
	makeFile(t, path, 20000)
	parts := func() []string {
		found, _ := filepath.Glob(filepath.Join(folder, ".fleet.db.copy-*.part"))
		return found
	}
	for range 3 {
		os.Remove(path + ".copy")
		lines, kill := child(t, "BENNU_DATA_TEST_BACKUP="+path)
		left := len(parts())
		for len(parts()) == left { // it has not begun
			time.Sleep(time.Millisecond)
		}
		kill()
		done := 0
		for lines.Scan() {
			done++
		}
		if _, err := os.Stat(path + ".copy"); err == nil {
			wantRows(t, path+".copy", 20000) // it was as quick as that
		} else if done > 0 {
			t.Error("a finished backup is gone")
		} else if len(parts()) != left+1 {
			t.Errorf("%d parts are left", len(parts()))
		}
	}
	wantRows(t, path, 20000)
}

func TestRestore(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, from := filepath.Join(folder, "fleet.db"), filepath.Join(folder, "copy.db")
	makeFile(t, path, 10)
	if err := (&data.Repo{URL: "sqlite:" + path}).Backup(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	makeFile(t, path, 10)
	restore := func(want int) {
		t.Helper()
		if err := data.Restore(t.Context(), "sqlite:"+path, from); err != nil {
			t.Fatal(err)
		}
		wantRows(t, path, want)
		wantRows(t, from, 10)
		wantOnly(t, folder, "copy.db", "fleet.db")
	}
	restore(10) // over another
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	restore(10) // where there was none
	if err := os.WriteFile(path, bytes.Repeat([]byte("damage"), 10000), 0o600); err != nil {
		t.Fatal(err)
	}
	restore(10) // over what is no database any more

	// A program that was killed leaves the last commits beside the file. They go too.
	lines, kill := child(t, "BENNU_DATA_TEST_WRITE="+path)
	for n := 1; lines.Scan(); n++ {
		if n == 5 {
			kill()
		}
	}
	if _, err := os.Stat(path + "-wal"); err != nil {
		t.Fatal(err)
	}
	restore(10)
}

func TestRestoreRefusesWhatIsDamaged(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, from := filepath.Join(folder, "fleet.db"), filepath.Join(folder, "copy.db")
	makeFile(t, path, 100)
	if err := (&data.Repo{URL: "sqlite:" + path}).Backup(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	for i := len(whole) / 2; i < len(whole)/2+4096; i++ {
		flipped[i] ^= 0xff
	}
	for _, c := range []struct {
		name    string
		content []byte
		says    string
	}{
		{"empty", nil, "is empty"},
		{"text", []byte("to be or not to be"), "not a database"},
		{"long text", bytes.Repeat([]byte("to be or not to be"), 1000), "not a database"},
		{"cut off", whole[:len(whole)*2/3], "is damaged"},
		{"only a header", whole[:100], "damaged"},
		{"changed", flipped, "is damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := filepath.Join(t.TempDir(), "bad.db")
			if err := os.WriteFile(bad, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			wantFault(t, data.Restore(t.Context(), "sqlite:"+path, bad), fault.Invalid, c.says, "bad.db")
			wantRows(t, path, 100)
			wantOnly(t, folder, "copy.db", "fleet.db")
		})
	}
	restore := func(from string) error { return data.Restore(t.Context(), "sqlite:"+path, from) }
	wantFault(t, restore(filepath.Join(folder, "missing")), fault.Invalid, "cannot be read")
	wantFault(t, restore(folder), fault.Invalid, "not a file")
	wantFault(t, restore(path), fault.Invalid, "the database itself")
	wantFault(t, data.Restore(t.Context(), "sqlite:"+filepath.Join(folder, "no", "x.db"), from), fault.Unavailable, "folder")
	wantFault(t, data.Restore(t.Context(), "sqlite::memory:", from), fault.Invalid, "in memory")
	wantFault(t, data.Restore(t.Context(), "mysql:x", from), fault.Invalid, "sqlite:PATH")

	if err := os.WriteFile(from+"-wal", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantFault(t, restore(from), fault.Invalid, "copy.db-wal beside it")
	wantRows(t, path, 100)
}

func TestRestoreRefusesAnOpenDatabase(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, from := filepath.Join(folder, "fleet.db"), filepath.Join(folder, "copy.db")
	makeFile(t, from, 10)
	wantRefused := func() {
		t.Helper()
		wantFault(t, data.Restore(t.Context(), "sqlite:"+path, from), fault.Unavailable, "stop it first", "fleet.db")
		if found, _ := filepath.Glob(filepath.Join(folder, ".*.part*")); found != nil {
			t.Errorf("%q are left", found)
		}
	}
	repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations}
	stop := serve(t, repo)
	wantRefused() // open in this program
	if err := insert(repo, "still"); err != nil {
		t.Error(err)
	}
	wantUnits(t, repo, "still")
	stop()

	lines, kill := child(t, "BENNU_DATA_TEST_WRITE="+path)
	lines.Scan()
	wantRefused() // open in another
	kill()
	for lines.Scan() {
	}
	if err := data.Restore(t.Context(), "sqlite:"+path, from); err != nil {
		t.Fatal(err)
	}
	wantRows(t, path, 10)

	// A database from before a restore that somebody deleted by hand, but for its log.
	if err := os.Rename(path, path+"-wal"); err != nil {
		t.Fatal(err)
	}
	wantFault(t, data.Restore(t.Context(), "sqlite:"+path, from), fault.Conflict, "fleet.db-wal beside it")
}

func TestRestoreIsCutOff(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, from := filepath.Join(folder, "fleet.db"), filepath.Join(folder, "copy.db")
	makeFile(t, path, 1)
	makeFile(t, from, 10)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	wantFault(t, data.Restore(ended, "sqlite:"+path, from), fault.Canceled)
	wantRows(t, path, 1)
	wantOnly(t, folder, "copy.db", "fleet.db")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	makeFile(t, path, 100)
	repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations}
	if err := repo.Check(t.Context()); err != nil {
		t.Error(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt(bytes.Repeat([]byte{0xab}, 4096), 20*4096); err != nil {
		t.Fatal(err)
	}
	file.Close()
	wantFault(t, repo.Check(t.Context()), fault.Internal, "damaged", "put back a copy")
	to := path + ".copy"
	if err := repo.Backup(t.Context(), to); err == nil {
		t.Error("a damaged database is backed up")
	}
	if _, err := os.Stat(to); !os.IsNotExist(err) {
		t.Errorf("it left %v, %v", to, err)
	}

	memory := datatest.Open(t, files("1_a.sql", "CREATE TABLE a (x INTEGER PRIMARY KEY, y INT REFERENCES a); INSERT INTO a VALUES (1, 1);"))
	if err := memory.Check(t.Context()); err != nil {
		t.Error(err)
	}
}
