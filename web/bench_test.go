package web_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web"
)

type position struct {
	Unit int64   `path:"id" json:"unit"`
	Lat  float64 `json:"lat"`
	Lon  float64 `json:"lon"`
}

type stored struct {
	Seq int64 `json:"seq"`
}

func BenchmarkJSON(b *testing.B) {
	router := web.NewRouter()
	router.Handle("POST /units/{id}/positions", web.JSON(func(_ context.Context, p position) (stored, error) {
		return stored{p.Unit}, nil
	}), web.Quiet)
	b.Run("router", func(b *testing.B) { benchmark(b, router) })
	b.Run("pipeline", func(b *testing.B) { benchmark(b, web.Chain(router, web.RequestID, web.Log, web.Recover)) })
}

func benchmark(b *testing.B, h http.Handler) {
	ctx := telemetry.WithCounters(b.Context(), new(telemetry.Counters))
	ctx = telemetry.WithLogger(ctx, slog.New(slog.NewTextHandler(io.Discard, nil)))
	body := bytes.NewReader([]byte(`{"lat":47.5,"lon":8.25}`))
	r, err := http.NewRequestWithContext(ctx, "POST", "/units/7/positions", body)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	w := discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		_, _ = body.Seek(0, io.SeekStart)
		h.ServeHTTP(w, r)
	}
}

func BenchmarkPathURL(b *testing.B) {
	b.Run("number", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			userPath.URL(42)
		}
	})
	b.Run("struct", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			postPath.URL(postRef{User: 7, Post: "a", Page: 2})
		}
	})
}
