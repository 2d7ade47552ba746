//go:build unix

package data_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
)

// backupToAFullDisk is a program whose files cannot grow beyond 256 KiB.
func backupToAFullDisk(path string) {
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 256 << 10, Max: 256 << 10}); err != nil {
		panic(err)
	}
	copies := path + ".copies/copy.db"
	fmt.Println(fault.Of((&data.Repo{URL: "sqlite:" + path}).Backup(context.Background(), copies)))
	fmt.Println(fault.Of(data.Restore(context.Background(), "sqlite:"+path, path+".big")))
	os.Exit(0)
}

func TestAFullDiskLeavesWhatWasThere(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "fleet.db")
	makeFile(t, path, 1)
	if err := os.Mkdir(path+".copies", 0o755); err != nil {
		t.Fatal(err)
	}
	copied := path + ".copies/copy.db"
	if err := (&data.Repo{URL: "sqlite:" + path}).Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	makeFile(t, path, 999)
	makeFile(t, path+".big", 2000)
	lines, _ := child(t, "BENNU_DATA_TEST_FULL_DISK="+path)
	for _, what := range []string{"backup", "restore"} {
		if !lines.Scan() || lines.Text() != fault.Unavailable.String() {
			t.Errorf("the %s gives %s", what, lines.Text())
		}
	}
	wantRows(t, path, 1000)
	wantRows(t, copied, 1)
	wantOnly(t, path+".copies", "copy.db")
	wantOnly(t, folder, "fleet.db", "fleet.db.big", "fleet.db.copies")
}
