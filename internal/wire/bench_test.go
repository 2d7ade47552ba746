package wire_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/internal/wire"
)

const typical = `["3","17","room:lobby","post",{"text":"Good morning, how are you today?","at":1763712000123,"tags":["a","b"],"draft":false}]`

func BenchmarkJSONValid(b *testing.B) {
	frame := []byte(typical)
	b.ReportAllocs()
	b.SetBytes(int64(len(frame)))
	for b.Loop() {
		json.Valid(frame)
	}
}

func BenchmarkDecodeText(b *testing.B) {
	for name, frame := range map[string]string{
		"typical":   typical,
		"heartbeat": `[null,"9","phoenix","heartbeat",{}]`,
		"accents":   strings.Replace(typical, "Good", "Grüß dich, guten", 1),
		"4KiB":      strings.Replace(typical, "Good", strings.Repeat("Good", 1024), 1),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(frame)))
			bytes := []byte(frame)
			for b.Loop() {
				if _, err := wire.DecodeText(wire.V2, bytes); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeTextV1(b *testing.B) {
	frame := []byte(`{"topic":"room:lobby","event":"post","payload":{"text":"Good morning, how are you today?"},"ref":"17"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.DecodeText(wire.V1, frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeServerText(b *testing.B) {
	frame := []byte(`[null,null,"room:lobby","posted",{"text":"Good morning, how are you today?"},{"offset":58}]`)
	b.ReportAllocs()
	for b.Loop() {
		if r, err := wire.DecodeServerText(frame); err != nil || r.Meta.Offset != 58 {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeBinary(b *testing.B) {
	frame := []byte("\x00\x01\x02\x0a\x04317room:lobbypost" + strings.Repeat("x", 100))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.DecodeBinary(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendReply(b *testing.B) {
	dst := make([]byte, 0, 1024)
	joinRef, ref, response := []byte("3"), []byte("17"), []byte(`{"id":42}`)
	b.ReportAllocs()
	for b.Loop() {
		wire.AppendReply(dst, wire.V2, joinRef, ref, "room:lobby", "ok", response, nil)
	}
}

func BenchmarkAppendPushAt(b *testing.B) {
	dst, meta := make([]byte, 0, 1024), make([]byte, 0, 64)
	payload := []byte(`{"text":"Good morning, how are you today?"}`)
	b.ReportAllocs()
	for b.Loop() {
		wire.AppendPush(dst, wire.V2, nil, nil, "room:lobby", "posted", payload, wire.AppendOffset(meta, 58))
	}
}

func TestAllocates(t *testing.T) {
	frame, server := []byte(typical), []byte(`["3","17","room:lobby","phx_reply",{"status":"ok","response":{}},{"offset":58}]`)
	if n := testing.AllocsPerRun(100, func() { _, _ = wire.DecodeText(wire.V2, frame) }); n > 0 {
		t.Errorf("DecodeText allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		r, _ := wire.DecodeServerText(server)
		_, _, _ = r.Reply()
	}); n > 0 {
		t.Errorf("DecodeServerText and Reply allocate %v times", n)
	}
}
