package data_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
)

// asNobody makes this thread see files as a user who owns none of them.
func asNobody(t *testing.T, fn func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		fn()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	setfsuid := func(id uintptr) { syscall.RawSyscall(syscall.SYS_SETFSUID, id, 0, 0) }
	setfsuid(65534)
	defer setfsuid(0)
	fn()
}

func TestReadOnlyFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "fleet.db")
	if err := start(path, migrations); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(folder), 0o755); err != nil { // others may look in
		t.Fatal(err)
	}
	start := func() error {
		return (&data.Repo{URL: "sqlite:" + path, Migrations: migrations}).Start(context.Background())
	}
	for _, c := range []struct{ file, folder os.FileMode }{
		{0o444, 0o777},
		{0o444, 0o555},
		{0o666, 0o555},
		{0, 0o777},
		{0o666, 0},
	} {
		if err := os.Chmod(path, c.file); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(folder, c.folder); err != nil {
			t.Fatal(err)
		}
		asNobody(t, func() { wantFault(t, start(), fault.Unavailable, "let the program") })
		if err := os.Chmod(folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
}
