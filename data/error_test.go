package data

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/fault"
)

func TestAnotherProcessHoldsTheDatabase(t *testing.T) {
	at := address{path: filepath.Join(t.TempDir(), "fleet.db")}
	holder, err := openSQLite(at, writing)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	tx, err := holder.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()

	waiter, err := openSQLite(at, writing)
	if err != nil {
		t.Fatal(err)
	}
	defer waiter.Close()
	if _, err := waiter.Exec("PRAGMA busy_timeout = 0"); err != nil {
		t.Fatal(err)
	}
	_, err = waiter.Begin()
	err = translate(context.Background(), err)
	if fault.Of(err) != fault.Unavailable || !strings.Contains(fault.Detail(err), "another process holds the database") {
		t.Errorf("got %v", err)
	}
	if !cutsOff(err) {
		t.Errorf("%v leaves the transaction in doubt", err)
	}
}

func TestOtherErrorsStayAsTheyAre(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range []error{nil, io.EOF, fault.Exhausted, fault.Forbidden.Errorf("no"), errors.Join(context.Canceled)} {
		if got := translate(ended, err); got != err && !errors.Is(got, err) {
			t.Errorf("%v became %v", err, got)
		}
	}
}
