package data_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
)

// What is written into a file that has no name any more is lost with the program, so
// nobody is told that it is kept. Put back, the file is as good as before.
func TestMovedWhileOpen(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		return // an open file stays where it is
	}
	path := filepath.Join(t.TempDir(), "fleet.db")
	repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations}
	serve(t, repo)
	if err := insert(repo, "a"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	wantFault(t, insert(repo, "b"), fault.Unavailable, "moved or deleted")
	if err := os.WriteFile(path, nil, 0o600); err != nil { // another one in its place
		t.Fatal(err)
	}
	wantFault(t, insert(repo, "c"), fault.Unavailable, "moved or deleted")
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if err := insert(repo, "d"); err != nil {
		t.Error(err)
	}
}
