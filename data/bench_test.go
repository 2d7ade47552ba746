package data_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/bennu-go/bennu/data"
)

func benchRepo(b *testing.B) *data.Repo {
	repo := &data.Repo{URL: "sqlite:" + filepath.Join(b.TempDir(), "fleet.db"), Migrations: migrations}
	serve(b, repo)
	return repo
}

func benchWrite(b *testing.B, rows int) {
	repo := benchRepo(b)
	batch := make([]Position, rows)
	for b.Loop() {
		for i := range batch {
			batch[i] = Position{Unit: "u", Lat: float64(i % 90)}
		}
		err := repo.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
			_, err := tx.NewInsert().Model(&batch).Exec(ctx)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkWrite(b *testing.B) { benchWrite(b, 1) }

func BenchmarkWriteBatch(b *testing.B) { benchWrite(b, 100) }

func BenchmarkRead(b *testing.B) {
	repo := benchRepo(b)
	if err := insert(repo, "u"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		err := repo.Read(context.Background(), func(ctx context.Context, tx data.Tx) error {
			var p Position
			return tx.NewSelect().Model(&p).Where("id = ?", 1).Scan(ctx)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
