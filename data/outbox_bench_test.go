package data_test

import (
	"context"
	"testing"

	"github.com/bennu-go/bennu/data"
)

// BenchmarkEmit is a transaction with one effect, until it has happened.
func BenchmarkEmit(b *testing.B) {
	for _, withEffect := range []bool{false, true} {
		name := "without"
		if withEffect {
			name = "with"
		}
		b.Run(name, func(b *testing.B) {
			ctx, repo := onNode(b), &data.Repo{URL: "sqlite:" + b.TempDir() + "/a.db", Migrations: migrations}
			serve(b, repo)
			happened := make(chan struct{}, 1)
			call := data.Carry("call", func(context.Context, string) error { happened <- struct{}{}; return nil })
			serveOutbox(b, ctx, &data.Outbox{Repo: repo, Carriers: []data.Carrier{call}})
			for b.Loop() {
				err := repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
					if _, err := tx.NewRaw("INSERT INTO positions (unit, lat) VALUES ('a', 1)").Exec(ctx); err != nil || !withEffect {
						return err
					}
					return tx.Emit(ctx, call.Effect("truck"))
				})
				if err != nil {
					b.Fatal(err)
				}
				if withEffect {
					<-happened
				}
			}
		})
	}
}
