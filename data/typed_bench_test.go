package data_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
)

const benchSchema = `CREATE TABLE readings (
	id INTEGER PRIMARY KEY AUTOINCREMENT, unit TEXT NOT NULL, lat REAL NOT NULL, lon REAL NOT NULL, speed INTEGER NOT NULL, at TIMESTAMP NOT NULL);`

type Reading struct {
	ID       int64 `bun:",pk,autoincrement"`
	Unit     string
	Lat, Lon float64
	Speed    int
	At       time.Time
}

// typedBench and rawBench are the same database, through this package and through
// database/sql with one connection, set up as the repo's are.
func typedBench(b *testing.B) *data.Repo {
	repo := &data.Repo{URL: "sqlite:" + filepath.Join(b.TempDir(), "bench.db"), Migrations: files("1_readings.sql", benchSchema)}
	serve(b, repo)
	return repo
}

func rawBench(b *testing.B) *sql.DB {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "raw.db")+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(benchSchema); err != nil {
		b.Fatal(err)
	}
	return db
}

func reading(i int) Reading {
	return Reading{Unit: "unit-12", Lat: 52.5 + float64(i)/1000, Lon: 13.4, Speed: i % 130, At: time.Date(2026, 11, 21, 1, 2, 3, i*1000, time.UTC)}
}

func BenchmarkTypedSelect100(b *testing.B) {
	const hundred = 100
	b.Run("typed", func(b *testing.B) {
		repo := typedBench(b)
		rows := make([]Reading, hundred)
		for i := range rows {
			rows[i] = reading(i)
		}
		if err := data.InsertAll(b.Context(), repo, rows); err != nil {
			b.Fatal(err)
		}
		query := data.From[Reading]().Where("unit = ?", "unit-12").Order("id").Limit(hundred)
		b.ReportAllocs()
		for b.Loop() {
			got, err := query.All(b.Context(), repo)
			if len(got) != hundred || err != nil {
				b.Fatal(len(got), err)
			}
		}
	})
	b.Run("raw", func(b *testing.B) {
		db := rawBench(b)
		for i := range hundred {
			insertRaw(b, db, reading(i))
		}
		b.ReportAllocs()
		for b.Loop() {
			if got := selectRaw(b, db); len(got) != hundred {
				b.Fatal(len(got))
			}
		}
	})
}

func selectRaw(b *testing.B, db *sql.DB) (all []Reading) {
	rows, err := db.QueryContext(b.Context(), "SELECT id, unit, lat, lon, speed, at FROM readings WHERE unit = ? ORDER BY id LIMIT 100", "unit-12")
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var r Reading
		if err := rows.Scan(&r.ID, &r.Unit, &r.Lat, &r.Lon, &r.Speed, &r.At); err != nil {
			b.Fatal(err)
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return all
}

func insertRaw(b *testing.B, db *sql.DB, r Reading) {
	res, err := db.ExecContext(b.Context(), "INSERT INTO readings (unit, lat, lon, speed, at) VALUES (?, ?, ?, ?, ?)", r.Unit, r.Lat, r.Lon, r.Speed, r.At)
	if err != nil {
		b.Fatal(err)
	}
	if r.ID, err = res.LastInsertId(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkTypedInsert(b *testing.B) {
	b.Run("typed", func(b *testing.B) {
		repo := typedBench(b)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			r := reading(i)
			if err := data.Insert(b.Context(), repo, &r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("raw", func(b *testing.B) {
		db := rawBench(b)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			insertRaw(b, db, reading(i))
		}
	})
	// What it costs beside the commit: many in one transaction.
	b.Run("typed in one transaction", func(b *testing.B) {
		repo := typedBench(b)
		err := repo.Write(b.Context(), func(ctx context.Context, tx data.Tx) error {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r := reading(i)
				if err := data.Insert(ctx, tx, &r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	})
	b.Run("raw in one transaction", func(b *testing.B) {
		db := rawBench(b)
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		defer tx.Rollback()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			r := reading(i)
			if _, err := tx.ExecContext(b.Context(), "INSERT INTO readings (unit, lat, lon, speed, at) VALUES (?, ?, ?, ?, ?)", r.Unit, r.Lat, r.Lon, r.Speed, r.At); err != nil {
				b.Fatal(err)
			}
		}
	})
}
