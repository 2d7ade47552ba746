package data_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/pgtest"
)

// withSmallDisk runs a test again in a process that sees a disk of 2 MiB at its folder.
// It is in that process when there is one; the test goes on only there.
func withSmallDisk(t *testing.T) (folder string) {
	t.Helper()
	const env = "BENNU_DATA_TEST_DISK"
	if folder := os.Getenv(env); folder != "" {
		err := syscall.Mount("", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, "") // for this process only
		if err == nil {
			err = syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=2m,mode=0777")
		}
		if err != nil {
			t.Skipf("a disk cannot be mounted here: %v", err)
		}
		return folder
	}
	folder = t.TempDir()
	if err := os.Chmod(filepath.Dir(folder), 0o755); err != nil { // for the server's user
		t.Fatal(err)
	}
	again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), env+"="+folder)
	// What is mounted in a namespace of its own goes with the process.
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		again.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		again.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		again.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	out, err := again.CombinedOutput()
	switch text := string(out); {
	case err != nil && len(out) == 0:
		t.Skipf("a process cannot have its own disk here: %v", err)
	case err != nil:
		t.Fatalf("%v\n%s", err, text)
	case strings.Contains(text, "--- SKIP"):
		t.Skip(text)
	}
	return ""
}

// fill writes until the disk is full, and then makes room.
func fill(t *testing.T, repo *data.Repo, makeRoom func()) {
	t.Helper()
	write := func(i int) error {
		return repo.Write(t.Context(), func(ctx context.Context, tx data.Tx) error {
			_, err := tx.NewRaw("INSERT INTO b VALUES (?, ?)", i, strings.Repeat("x", 20_000)).Exec(ctx)
			return err
		})
	}
	count := func() (n int) {
		err := repo.Read(t.Context(), func(ctx context.Context, tx data.Tx) error {
			return tx.NewRaw("SELECT count(*) FROM b").Scan(ctx, &n)
		})
		if err != nil {
			t.Errorf("a read: %v", err)
		}
		return n
	}
	written := 0
	var err error
	for ; written < 1000 && err == nil; written++ {
		err = write(written)
	}
	written-- // the last one failed
	if written < 5 {
		t.Fatalf("%d rows: %v", written, err)
	}
	for range 3 {
		if err != nil && fault.Of(err) != fault.Unavailable || err == nil || !strings.Contains(err.Error(), "disk is full: make room") {
			t.Errorf("after %d rows: %v (%v)", written, err, fault.Of(err))
		}
		if n := count(); n != written {
			t.Errorf("%d rows are there, %d were acknowledged", n, written)
		}
		err = write(written)
	}
	makeRoom()
	for i := range 5 {
		if err := write(written + i); err != nil {
			t.Fatalf("with room again: %v (%v)", err, fault.Of(err))
		}
	}
	if n := count(); n != written+5 {
		t.Errorf("%d rows are there, %d were acknowledged", n, written+5)
	}
}

// grow makes a disk of withSmallDisk larger.
func grow(t *testing.T, folder string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", syscall.MS_REMOUNT, "size=20m"); err != nil {
		t.Error(err)
	}
}

func TestDiskOfSQLiteIsFull(t *testing.T) {
	t.Parallel()
	folder := withSmallDisk(t)
	if folder == "" {
		return
	}
	repo := &data.Repo{URL: "sqlite:" + filepath.Join(folder, "fleet.db"), Migrations: files("1_b.sql", "CREATE TABLE b (x INT, y TEXT)")}
	stop := serve(t, repo)
	fill(t, repo, func() { grow(t, folder) })
	stop()
}

func TestNoRoomForANewFile(t *testing.T) {
	t.Parallel()
	folder := withSmallDisk(t)
	if folder == "" {
		return
	}
	full, err := os.Create(filepath.Join(folder, "full"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = full.Write(make([]byte, 4096))
	}
	full.Close()
	err = (&data.Repo{URL: "sqlite:" + filepath.Join(folder, "fleet.db"), Migrations: migrations}).Start(t.Context())
	wantFault(t, err, fault.Unavailable, "fleet.db: ", "the disk is full: make room")
}

func TestDiskOfPostgresIsFull(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the server's user would not be mapped: run it as root")
	}
	folder := withSmallDisk(t)
	if folder == "" {
		return
	}
	server := pgtest.Start(t)
	space := filepath.Join(folder, "space")
	if err := os.Mkdir(space, 0o777); err != nil {
		t.Fatal(err)
	}
	owner, err := os.Stat(filepath.Dir(server.Socket()))
	if err != nil {
		t.Fatal(err)
	}
	as := owner.Sys().(*syscall.Stat_t)
	if err := os.Chown(space, int(as.Uid), int(as.Gid)); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		fmt.Sprintf("CREATE TABLESPACE small LOCATION '%s'", space),
		"CREATE TABLE b (x INT, y TEXT) TABLESPACE small",
		"ALTER TABLE b ALTER y SET STORAGE EXTERNAL", // not compressed
	} {
		if err := pgtest.Exec(server.URL(), statement); err != nil {
			t.Fatal(err)
		}
	}
	repo := &data.Repo{URL: server.URL()}
	stop := serve(t, repo)
	fill(t, repo, func() { grow(t, folder) })
	stop()
}
