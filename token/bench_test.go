package token_test

import (
	"bytes"
	"testing"

	"github.com/bennu-go/bennu/token"
)

// BenchmarkBytes makes and reads a token of 200 bytes.
func BenchmarkBytes(b *testing.B) {
	keys := keysOf(b, newSecret, oldSecret)
	data := bytes.Repeat([]byte("x"), 200)
	for _, w := range ways() {
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				text, err := w.make(keys, "session", data)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := w.read(keys, "session", text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRefuse reads a token that was changed.
func BenchmarkRefuse(b *testing.B) {
	keys := keysOf(b, newSecret, oldSecret)
	for _, w := range ways() {
		text := []byte(w.must(b, keys, "session", string(bytes.Repeat([]byte("x"), 200))))
		text[40] ^= 1
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.read(keys, "session", string(text)); err == nil {
					b.Fatal("taken")
				}
			}
		})
	}
}

// BenchmarkDerive makes a token whose keys are not at hand.
func BenchmarkDerive(b *testing.B) {
	for _, w := range ways() {
		b.Run(w.name, func(b *testing.B) {
			var all []*token.Keys
			for b.Loop() {
				if len(all) == 0 {
					b.StopTimer()
					for range 1000 {
						all = append(all, keysOf(b, newSecret, oldSecret))
					}
					b.StartTimer()
				}
				if _, err := w.make(all[0], "session", nil); err != nil {
					b.Fatal(err)
				}
				all = all[1:]
			}
		})
	}
}
