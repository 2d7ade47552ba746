package ws_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"testing"
	"unicode/utf8"

	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

// FuzzMessages compares the connection, which sees the bytes in reads of any
// length, with a decoder that sees them all at once.
func FuzzMessages(f *testing.F) {
	for _, wire := range [][]byte{
		{},
		bye,
		join(ff(text, "Hello"), bye),
		join(ff(wstest.Text, "H\xc3"), ff(fin|wstest.Ping, "p"), ff(fin, "\xb6"), bye),
		join(ff(fin|wstest.Binary, string(make([]byte, 130))), ff(fin|wstest.Pong, "")),
		ff(text, string(make([]byte, 1001))),
		ff(text, "\xff"),
		ff(fin, "x"),
		ff(fin|3, "x"),
		ff(text|0x40, "x"),
		{text, 1, 'x'},
		ff(fin|wstest.Close, "\x03\xedreason"),
		ff(fin|wstest.Close, "\x03\xe8\xff"),
		ff(fin|wstest.Close, "\x03"),
		ff(wstest.Ping, ""),
		append(wstest.Header(text, 1<<63), 1, 2, 3, 4, 5),
		append(wstest.Header(text, 1<<62), 1, 2, 3, 4, 5),
		append(wstest.Header(fin|wstest.Ping, 126), 1, 2, 3, 4, 5),
	} {
		f.Add(wire, byte(0))
		f.Add(wire, byte(200))
	}
	const limit = 1000
	p := newPoller(f)
	f.Fuzz(func(t *testing.T, wire []byte, chunk byte) {
		want, code, ok := decode(bytes.Clone(wire), limit)
		if !ok {
			t.Skip("a flood")
		}
		server, client := newMemory(int(chunk) + 1)
		go func() {
			_, _ = client.Write(wire)
			_ = client.CloseWrite()
		}()
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(io.Discard, struct{ io.Reader }{client})
		}()
		// Pings must not evict: the fuzzer may be slow to read.
		e := newEar()
		ws.New(server, nil, &ws.Limits{MaxMessageBytes: limit, MaxPendingFrames: math.MaxInt, MaxPendingBytes: math.MaxInt}).Serve(p, e)
		end := <-e.ended
		<-done
		wantEqual(t, "messages", e.messages(), want)
		if end.Code != code {
			t.Errorf("ended with %v, want %d", end, code)
		}
	})
}

func ff(first byte, payload string) []byte { return wstest.Frame(first, []byte(payload)) }

// decode is RFC 6455 once more, from the whole input, with nothing in common
// with the connection's way.
func decode(wire []byte, limit uint64) (messages []string, code ws.Code, ok bool) {
	var msg []byte
	var kind byte
	pings := 0
	for {
		if len(wire) < 2 {
			return messages, ws.Abnormal, true
		}
		op, isFin, short := wire[0]&15, wire[0] >= 0x80, uint64(wire[1]&0x7f)
		if wire[0]&0x70 != 0 || wire[1] < 0x80 || op > 10 || op > 2 && op < 8 || op >= 8 && (!isFin || short > 125) {
			return messages, ws.ProtocolError, true
		}
		wire = wire[2:]
		length, extra := short, map[uint64]int{126: 2, 127: 8}[short]
		if len(wire) < extra {
			return messages, ws.Abnormal, true
		}
		if extra > 0 {
			length = binary.BigEndian.Uint64(append(make([]byte, 8-extra), wire[:extra]...))
			wire = wire[extra:]
		}
		if length > math.MaxInt64 {
			return messages, ws.ProtocolError, true
		}
		if len(wire) < 4 {
			return messages, ws.Abnormal, true
		}
		mask := wire[:4]
		wire = wire[4:]
		if op < 8 {
			if (op == 0) == (kind == 0) {
				return messages, ws.ProtocolError, true
			}
			if length+uint64(len(msg)) > limit {
				return messages, ws.TooBig, true
			}
		}
		if uint64(len(wire)) < length {
			return messages, ws.Abnormal, true
		}
		payload := bytes.Clone(wire[:length])
		wire = wire[length:]
		for i := range payload {
			payload[i] ^= mask[i%4]
		}
		switch {
		case op == 8:
			return messages, closing(payload), true
		case op > 8:
			if pings++; pings > 99 {
				return nil, 0, false
			}
			continue
		case op > 0:
			kind = op
		}
		if msg = append(msg, payload...); !isFin {
			continue
		}
		if kind == 1 && !utf8.Valid(msg) {
			return messages, ws.InvalidPayload, true
		}
		messages = append(messages, string(msg))
		msg, kind, pings = nil, 0, 0
	}
}

func closing(payload []byte) ws.Code {
	if len(payload) == 0 {
		return ws.NoStatus
	}
	if len(payload) == 1 {
		return ws.ProtocolError
	}
	code := ws.Code(binary.BigEndian.Uint16(payload))
	switch code {
	case 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014:
	default:
		if code < 3000 || code > 4999 {
			return ws.ProtocolError
		}
	}
	if !utf8.Valid(payload[2:]) {
		return ws.InvalidPayload
	}
	return code
}

// FuzzCompressed takes a compressed message apart, and never makes more of it
// than the limit.
func FuzzCompressed(f *testing.F) {
	for _, msg := range []string{"", "Hello", string(make([]byte, 5000))} {
		f.Add(squeezed(msg))
	}
	f.Add("\xf3\x48\xcd\xc9\xc9\x07\x00\x00")
	f.Fuzz(func(t *testing.T, payload string) {
		conn, client := compressed(t, &ws.Limits{MaxMessageBytes: 1000})
		e := serve(t, conn)
		_, _ = client.Conn.Write(join(ff(fin|wstest.Binary|0x40, payload), bye))
		_, _, err := client.Read()
		end := closeError(t, err)
		client.Hangup()
		<-e.ended
		got := e.messages()
		if (end.Code == ws.Normal) != (len(got) == 1) || len(got) == 1 && len(got[0]) > 1000 {
			t.Errorf("%d messages, %v", len(got), end)
		}
	})
}

// FuzzExtensions reads any offer.
func FuzzExtensions(f *testing.F) {
	f.Add("permessage-deflate; client_max_window_bits=\"10\"")
	f.Add("x; a=\"b, c\";, permessage-deflate")
	f.Fuzz(func(t *testing.T, offer string) {
		w, nc := newHijackable()
		r := handshake()
		r.Header.Set("Sec-Websocket-Extensions", offer)
		conn, err := ws.Upgrade(w, r, ws.UpgradeOptions{Deflate: &ws.Deflate{}})
		if err != nil {
			t.Fatal(err)
		}
		if got := nc.answer(t).Header.Get("Sec-Websocket-Extensions"); len(got) > 200 {
			t.Errorf("answered %q", got)
		}
		_ = nc.Close()
		conn.Close(ws.Normal, "")
	})
}
