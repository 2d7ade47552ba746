package data_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
)

func TestBackupToAFullDisk(t *testing.T) {
	t.Parallel()
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("only root can mount a small disk (%v); TestAFullDiskLeavesWhatWasThere does it another way", err)
	}
	defer syscall.Unmount(small, syscall.MNT_DETACH)
	path := filepath.Join(t.TempDir(), "fleet.db")
	makeFile(t, path, 1000)
	repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations}
	serve(t, repo)
	wantFault(t, repo.Backup(t.Context(), filepath.Join(small, "copy.db")), fault.Unavailable, "disk is full: make room")
	wantOnly(t, small)
	if err := insert(repo, "goes on"); err != nil {
		t.Error(err)
	}

	to := filepath.Join(small, "other.db")
	makeFile(t, to, 1)
	wantFault(t, data.Restore(t.Context(), "sqlite:"+to, path), fault.Invalid, "beside it") // it is open
	copied := path + ".copy"
	if err := repo.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	wantFault(t, data.Restore(t.Context(), "sqlite:"+to, copied), fault.Unavailable, "disk is full: make room")
	wantRows(t, to, 1)
}
