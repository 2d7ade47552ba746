package datatest_test

import (
	"context"
	"testing"
	"testing/fstest"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
)

func TestOpen(t *testing.T) {
	var repo *data.Repo
	t.Run("inner", func(t *testing.T) {
		repo = datatest.Open(t, fstest.MapFS{"1_a.sql": {Data: []byte("CREATE TABLE a (x INT)")}})
		err := repo.Write(t.Context(), func(ctx context.Context, tx data.Tx) error {
			_, err := tx.NewRaw("INSERT INTO a VALUES (1)").Exec(ctx)
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	err := repo.Read(t.Context(), func(context.Context, data.Tx) error { return nil })
	if fault.Of(err) != fault.Unavailable {
		t.Errorf("after the test it gives %v", err)
	}
}
