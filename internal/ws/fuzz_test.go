package ws_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
	"unicode/utf8"

	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

// FuzzReadMessage compares the connection, which sees the bytes in reads of any
// length, with a decoder that sees them all at once.
func FuzzReadMessage(f *testing.F) {
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
	f.Fuzz(func(t *testing.T, wire []byte, chunk byte) {
		want, code := decode(wire, limit)
		nc := newFake()
		nc.read, nc.write = chunked(bytes.NewReader(wire), int(chunk)+1), discard
		// Pings must not evict: the fake's writer may never get its turn.
		conn := ws.New(nc, nil, ws.Limits{MaxMessageBytes: limit, MaxPendingFrames: math.MaxInt, MaxPendingBytes: math.MaxInt})
		got, end := messages(t, conn)
		<-conn.Done()
		wantEqual(t, "messages", got, want)
		if end.Code != code {
			t.Errorf("ended with %v, want %d", end, code)
		}
	})
}

func ff(first byte, payload string) []byte { return wstest.Frame(first, []byte(payload)) }

// decode is RFC 6455 once more, from the whole input, with nothing in common
// with the connection's way.
func decode(wire []byte, limit uint64) (messages []string, code ws.Code) {
	var msg []byte
	var kind byte
	for {
		if len(wire) < 2 {
			return messages, ws.Abnormal
		}
		op, isFin, short := wire[0]&15, wire[0] >= 0x80, uint64(wire[1]&0x7f)
		if wire[0]&0x70 != 0 || wire[1] < 0x80 || op > 10 || op > 2 && op < 8 || op >= 8 && (!isFin || short > 125) {
			return messages, ws.ProtocolError
		}
		wire = wire[2:]
		length, extra := short, map[uint64]int{126: 2, 127: 8}[short]
		if len(wire) < extra {
			return messages, ws.Abnormal
		}
		if extra > 0 {
			length = binary.BigEndian.Uint64(append(make([]byte, 8-extra), wire[:extra]...))
			wire = wire[extra:]
		}
		if length > math.MaxInt64 {
			return messages, ws.ProtocolError
		}
		if len(wire) < 4 {
			return messages, ws.Abnormal
		}
		mask := wire[:4]
		wire = wire[4:]
		if op < 8 {
			if (op == 0) == (kind == 0) {
				return messages, ws.ProtocolError
			}
			if length+uint64(len(msg)) > limit {
				return messages, ws.TooBig
			}
		}
		if uint64(len(wire)) < length {
			return messages, ws.Abnormal
		}
		payload := bytes.Clone(wire[:length])
		wire = wire[length:]
		for i := range payload {
			payload[i] ^= mask[i%4]
		}
		switch {
		case op == 8:
			return messages, closing(payload)
		case op > 8:
			continue
		case op > 0:
			kind = op
		}
		if msg = append(msg, payload...); !isFin {
			continue
		}
		if kind == 1 && !utf8.Valid(msg) {
			return messages, ws.InvalidPayload
		}
		messages = append(messages, string(msg))
		msg, kind = nil, 0
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
