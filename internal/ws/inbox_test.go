package ws_test

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

const (
	fin  = wstest.Fin
	text = wstest.Fin | wstest.Text
)

// bye is a client's close with code 1000.
var bye = wstest.Frame(fin|wstest.Close, []byte{0x03, 0xe8})

func f(first byte, payload string) []byte { return wstest.Frame(first, []byte(payload)) }

func TestMessages(t *testing.T) {
	small := &ws.Limits{MaxMessageBytes: 10}
	tests := []struct {
		name   string
		limits *ws.Limits
		wire   []byte
		want   []string
		code   ws.Code
		pongs  []string
	}{
		{name: "nothing", wire: bye, code: ws.Normal},
		{name: "empty text", wire: join(f(text, ""), bye), want: []string{""}, code: ws.Normal},
		{name: "text", wire: join(f(text, "Hello"), f(text, "wörld"), bye), want: []string{"Hello", "wörld"}, code: ws.Normal},
		{name: "binary need not be UTF-8", wire: join(f(fin|wstest.Binary, "\xff\x00"), bye), want: []string{"\xff\x00"}, code: ws.Normal},
		{name: "length in 7 bits", wire: join(f(text, strings.Repeat("a", 125)), bye), want: []string{strings.Repeat("a", 125)}, code: ws.Normal},
		{name: "length in 16 bits", wire: join(f(text, strings.Repeat("a", 126)), bye), want: []string{strings.Repeat("a", 126)}, code: ws.Normal},
		{name: "longest of 16 bits", wire: join(f(text, strings.Repeat("a", 65535)), bye), want: []string{strings.Repeat("a", 65535)}, code: ws.Normal},
		{name: "length in 64 bits", wire: join(f(text, strings.Repeat("a", 65536)), bye), want: []string{strings.Repeat("a", 65536)}, code: ws.Normal},

		{name: "fragments", wire: join(f(wstest.Text, "He"), f(wstest.Continuation, ""), f(fin, "llo"), bye), want: []string{"Hello"}, code: ws.Normal},
		{name: "fragments between pings", wire: join(f(fin|wstest.Ping, "1"), f(wstest.Text, "He"), f(fin|wstest.Ping, "2"), f(fin, "llo"), f(fin|wstest.Ping, ""), bye),
			want: []string{"Hello"}, code: ws.Normal, pongs: []string{"1", "2", ""}},
		{name: "rune over two fragments", wire: join(f(wstest.Text, "w\xc3"), f(fin, "\xb6rld"), bye), want: []string{"wörld"}, code: ws.Normal},
		{name: "ping of 125 bytes", wire: join(f(fin|wstest.Ping, strings.Repeat("p", 125)), bye), code: ws.Normal, pongs: []string{strings.Repeat("p", 125)}},
		{name: "unasked pong", wire: join(f(fin|wstest.Pong, "x"), bye), code: ws.Normal},
		{name: "close inside a message", wire: join(f(wstest.Text, "He"), bye), code: ws.Normal},

		{name: "continuation of nothing", wire: f(fin, "x"), code: ws.ProtocolError},
		{name: "continuation after a message", wire: join(f(text, "x"), f(fin, "x")), want: []string{"x"}, code: ws.ProtocolError},
		{name: "message inside a message", wire: join(f(wstest.Text, "x"), f(text, "y")), code: ws.ProtocolError},
		{name: "first reserved bit", wire: f(text|0x40, "x"), code: ws.ProtocolError},
		{name: "second reserved bit", wire: f(text|0x20, "x"), code: ws.ProtocolError},
		{name: "third reserved bit", wire: f(fin|wstest.Ping|0x10, "x"), code: ws.ProtocolError},
		{name: "reserved opcode 3", wire: f(fin|3, ""), code: ws.ProtocolError},
		{name: "reserved opcode 7", wire: f(fin|7, ""), code: ws.ProtocolError},
		{name: "reserved opcode 11", wire: f(fin|11, ""), code: ws.ProtocolError},
		{name: "reserved opcode 15", wire: f(fin|15, ""), code: ws.ProtocolError},
		{name: "unmasked", wire: []byte{text, 1, 'x'}, code: ws.ProtocolError},
		{name: "unmasked ping", wire: []byte{fin | wstest.Ping, 0}, code: ws.ProtocolError},
		{name: "fragmented ping", wire: f(wstest.Ping, "x"), code: ws.ProtocolError},
		{name: "fragmented close", wire: f(wstest.Close, ""), code: ws.ProtocolError},
		{name: "ping of 126 bytes", wire: f(fin|wstest.Ping, strings.Repeat("p", 126)), code: ws.ProtocolError},
		{name: "close of 126 bytes", wire: f(fin|wstest.Close, "\x03\xe8"+strings.Repeat("r", 124)), code: ws.ProtocolError},
		{name: "ping of 2^63 bytes", wire: wstest.Header(fin|wstest.Ping, 1<<63), code: ws.ProtocolError},
		{name: "length of 2^63", wire: wstest.Header(text, 1<<63), code: ws.ProtocolError},
		{name: "length of 2^64-1", wire: wstest.Header(text, 1<<64-1), code: ws.ProtocolError},
		{name: "length of 2^63-1", wire: append(wstest.Header(text, 1<<63-1), 1, 2, 3, 4), code: ws.TooBig},

		{name: "invalid text", wire: f(text, "ab\xff"), code: ws.InvalidPayload},
		{name: "half a rune", wire: f(text, "ab\xc3"), code: ws.InvalidPayload},
		{name: "surrogate", wire: f(text, "\xed\xa0\x80"), code: ws.InvalidPayload},
		{name: "invalid text over fragments", wire: join(f(wstest.Text, "w\xc3"), f(wstest.Continuation, ""), f(fin, "orld")), code: ws.InvalidPayload},

		{name: "below the limit", limits: small, wire: join(f(text, "123456789"), bye), want: []string{"123456789"}, code: ws.Normal},
		{name: "at the limit", limits: small, wire: join(f(text, "1234567890"), bye), want: []string{"1234567890"}, code: ws.Normal},
		{name: "above the limit", limits: small, wire: f(text, "12345678901"), code: ws.TooBig},
		{name: "fragments at the limit", limits: small, wire: join(f(wstest.Text, "12345"), f(wstest.Continuation, "67890"), f(fin, ""), bye), want: []string{"1234567890"}, code: ws.Normal},
		{name: "fragments above the limit", limits: small, wire: join(f(wstest.Text, "12345"), f(wstest.Continuation, "67890"), f(fin, "1")), code: ws.TooBig},
		{name: "control frames do not count", limits: small, wire: join(f(fin|wstest.Ping, "more than ten bytes"), bye), code: ws.Normal, pongs: []string{"more than ten bytes"}},
		{name: "1 MiB by default", wire: join(f(text, strings.Repeat("a", 1<<20)), bye), want: []string{strings.Repeat("a", 1<<20)}, code: ws.Normal},
		{name: "and not a byte more", wire: wstest.Frame(text, make([]byte, 1<<20+1)), code: ws.TooBig},

		{name: "close without a code", wire: f(fin|wstest.Close, ""), code: ws.NoStatus},
		{name: "close with half a code", wire: f(fin|wstest.Close, "\x03"), code: ws.ProtocolError},
		{name: "close with a reason", wire: f(fin|wstest.Close, "\x03\xe9bye"), code: ws.GoingAway},
		{name: "longest close", wire: f(fin|wstest.Close, "\x03\xe9"+strings.Repeat("r", 123)), code: ws.GoingAway},
		{name: "close with an invalid reason", wire: f(fin|wstest.Close, "\x03\xe9\xff"), code: ws.InvalidPayload},
		{name: "nothing counts after a close", wire: join(bye, f(text, "late")), code: ws.Normal},
	}
	for _, code := range []ws.Code{0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535} {
		wire := f(fin|wstest.Close, string([]byte{byte(code >> 8), byte(code)}))
		tests = append(tests, tests[0])
		last := &tests[len(tests)-1]
		last.name, last.wire, last.code = "close code that may not be sent", wire, ws.ProtocolError
	}
	for _, code := range []ws.Code{1000, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999} {
		wire := f(fin|wstest.Close, string([]byte{byte(code >> 8), byte(code)}))
		tests = append(tests, tests[0])
		last := &tests[len(tests)-1]
		last.name, last.wire, last.code = "close code that may be sent", wire, code
	}
	for _, tt := range tests {
		check := func(t *testing.T, open pipe) {
			got, end, answers := replay(t, open, tt.limits, tt.wire)
			wantEqual(t, "messages", got, tt.want)
			if end.Code != tt.code {
				t.Errorf("ended with %v, want %d", end, tt.code)
			}
			kind := fault.Invalid
			if end.Remote {
				kind = fault.Canceled
			}
			wantKind(t, end, kind)
			// The close of a client may overtake its pongs, which it no longer needs.
			if len(answers) == 0 || answers[len(answers)-1] != (frame{op: wstest.Close, code: tt.code}) {
				t.Fatalf("answered with %v, want a close with %d at the end", answers, tt.code)
			}
			for i, a := range answers[:len(answers)-1] {
				if a != (frame{op: wstest.Pong, payload: tt.pongs[i]}) {
					t.Errorf("answer %d is %v", i, a)
				}
			}
		}
		t.Run(tt.name, func(t *testing.T) {
			bubbles(t, check)
			t.Run("socket", func(t *testing.T) { check(t, socketPipe(t)) })
		})
	}
}

func TestPingIsAnsweredInsideAMessage(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(nil)
		e := serve(t, conn)
		_ = client.Frame(wstest.Text, []byte("never"))
		for _, ping := range []string{"one", "", strings.Repeat("x", 125)} {
			_ = client.Frame(fin|wstest.Ping, []byte(ping))
			op, payload, err := client.Read()
			if op != wstest.Pong || string(payload) != ping || err != nil {
				t.Errorf("got %d %q %v", op, payload, err)
			}
			_ = client.Frame(wstest.Continuation, []byte("finished"))
		}
		client.Hangup()
		<-e.ended
	})
}

// A client cannot make us do nothing but answer its pings, even if it reads.
func TestPingFlood(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(nil)
		e := serve(t, conn)
		time.Sleep(time.Second)
		go collect(client)
		pings := 0
		for client.Frame(fin|wstest.Ping, nil) == nil && pings < 1000 {
			if pings++; pings == 90 {
				_ = client.Text("a message in between")
			}
		}
		if end := <-e.ended; end.Code != ws.Policy || pings < 190 {
			t.Errorf("ended with %v after %d pings", end, pings)
		}
		client.Hangup()
	})
}

func TestPingsNowAndThen(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(nil)
		e := serve(t, conn)
		for range 1000 {
			time.Sleep(50 * time.Millisecond)
			if err := client.Frame(fin|wstest.Ping, nil); err != nil {
				t.Fatal(err)
			}
			if _, _, err := client.Read(); err != nil {
				t.Fatal(err)
			}
		}
		client.Hangup()
		<-e.ended
	})
}

func TestEOF(t *testing.T) {
	for _, wire := range [][]byte{nil, {text}, wstest.Header(text, 300)[:3], f(text, "cut")[:8], f(wstest.Text, "begun")} {
		bubbles(t, func(t *testing.T, open pipe) {
			conn, client := open(nil)
			e := serve(t, conn)
			if len(wire) > 0 {
				_, _ = client.Conn.Write(wire)
			}
			client.Hangup()
			end := <-e.ended
			if got := e.messages(); len(got) > 0 || end.Code != ws.Abnormal || !end.Remote {
				t.Errorf("%x: got %q and %v", wire, got, end)
			}
			wantKind(t, end, fault.Canceled)
		})
	}
}

func TestNetworkFailure(t *testing.T) {
	nc := newFake()
	nc.read = func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
	wantKind(t, <-serve(t, ws.New(nc, nil, nil)).ended, fault.Unavailable)
}

func TestReceivedComesFirst(t *testing.T) {
	wire := join(f(text, "one"), f(text, "two"), bye)
	for cut := range wire {
		bubbles(t, func(t *testing.T, _ pipe) {
			server, client := newMemory(100)
			_, _ = client.Write(wire[cut:])
			e := serve(t, ws.New(server, bytes.Clone(wire[:cut]), nil))
			if end := <-e.ended; end.Code != ws.Normal {
				t.Errorf("cut at %d: %v", cut, end)
			}
			wantEqual(t, "messages", e.messages(), []string{"one", "two"})
		})
		nc := newFake()
		nc.read, nc.write = chunked(bytes.NewReader(wire[cut:]), 7), discard
		e := serve(t, ws.New(nc, bytes.Clone(wire[:cut]), nil))
		if end := <-e.ended; end.Code != ws.Normal {
			t.Errorf("cut at %d: %v", cut, end)
		}
		wantEqual(t, "messages", e.messages(), []string{"one", "two"})
	}
}

func TestIdleTimeout(t *testing.T) {
	for _, wire := range [][]byte{nil, {text}, f(wstest.Text, "begun")} {
		bubbles(t, func(t *testing.T, open pipe) {
			conn, client := open(&ws.Limits{IdleTimeout: 30 * time.Second})
			e := serve(t, conn)
			frames := make(chan []frame, 1)
			closed := make(chan time.Time, 1)
			go func() {
				frames <- collect(client)
				closed <- time.Now()
			}()
			start := time.Now()
			// Not a timeout: bytes arrive just in time.
			for range 3 {
				time.Sleep(29 * time.Second)
				_ = client.Frame(fin|wstest.Pong, nil)
			}
			if len(wire) > 0 {
				_, _ = client.Conn.Write(wire)
			}
			wantKind(t, <-e.ended, fault.Timeout)
			wantTook(t, time.Since(start)-3*29*time.Second-5*time.Second, 30*time.Second)
			client.Hangup()
			wantEqual(t, "frames", <-frames, []frame{{op: wstest.Close, code: ws.ProtocolError}})
		})
	}
}

// Who sends a message bit by bit has IdleTimeout for all of it; whole messages begin anew.
func TestDrippedMessage(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(&ws.Limits{IdleTimeout: 30 * time.Second})
		e := serve(t, conn)
		go collect(client)
		for range 3 { // in time
			wire := f(fin|wstest.Text, "whole")
			_, _ = client.Conn.Write(wire[:5])
			time.Sleep(20 * time.Second)
			_, _ = client.Conn.Write(wire[5:])
			time.Sleep(20 * time.Second)
		}
		start := time.Now()
		drips := time.NewTicker(5 * time.Second)
		defer drips.Stop()
		for wire := f(fin|wstest.Text, strings.Repeat("x", 100)); len(wire) > 0; wire = wire[1:] {
			_, _ = client.Conn.Write(wire[:1])
			select {
			case end := <-e.ended:
				wantKind(t, end, fault.Timeout)
				wantTook(t, time.Since(start)-5*time.Second, 30*time.Second)
				client.Hangup()
				wantEqual(t, "messages", e.messages(), []string{"whole", "whole", "whole"})
				return
			case <-drips.C:
			}
		}
		t.Error("the connection outlived its message")
	})
}

func TestDefaultTimeouts(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(nil)
		e := serve(t, conn)
		start := time.Now()
		_, _, err := client.Read() // and answers nothing
		if closeError(t, err).Code != ws.ProtocolError {
			t.Error(err)
		}
		wantTook(t, time.Since(start), time.Minute)
		start = time.Now()
		wantKind(t, <-e.ended, fault.Timeout)
		wantTook(t, time.Since(start), 5*time.Second)
		client.Hangup()
	})
}

// A length is only a claim, and costs nothing until bytes arrive.
func TestClaimedLengthAllocatesNothing(t *testing.T) {
	arrived := strings.Repeat("x", 10)
	tests := []struct {
		name string
		wire []byte
		code ws.Code
	}{
		{"allowed", append(wstest.Header(text, 1<<30), "mask"+arrived...), ws.Abnormal},
		{"too big", append(wstest.Header(text, 1<<62), "mask"+arrived...), ws.TooBig},
		{"negative", append(wstest.Header(text, 1<<63), "mask"+arrived...), ws.ProtocolError},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			nc := newFake()
			nc.read, nc.write = chunked(bytes.NewReader(tt.wire), 1000), discard
			conn := ws.New(nc, nil, &ws.Limits{MaxMessageBytes: 1 << 30})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			end := <-serve(t, conn).ended
			runtime.ReadMemStats(&after)
			if end.Code != tt.code {
				t.Errorf("ended with %v", end)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 256<<10 {
				t.Errorf("%d bytes allocated for %d received", grown, len(tt.wire))
			}
		})
	}
}

// Messages of many lengths in a row, in reads of many lengths, go through every
// path from buffer to message.
func TestChunks(t *testing.T) {
	var wire []byte
	var want []string
	for _, n := range []int{0, 1, 36, 121, 122, 123, 255, 256, 257, 500, 4081, 16383, 16384, 16385, 9000, 3, 70000, 0, 5} {
		msg := strings.Repeat("abcdefg", n/7+1)[:n]
		want = append(want, msg)
		wire = append(wire, f(text, msg)...)
	}
	wire = append(wire, bye...)
	for _, chunk := range []int{1, 2, 3, 7, 127, 128, 129, 1000, 4095, 4096, 4097, 1 << 20} {
		nc := newFake()
		nc.read, nc.write = chunked(bytes.NewReader(wire), chunk), discard
		e := serve(t, ws.New(nc, nil, nil))
		if end := <-e.ended; end.Code != ws.Normal {
			t.Errorf("chunks of %d: %v", chunk, end)
		}
		wantEqual(t, "messages", e.messages(), want)
		server, client := newMemory(max(chunk, 100)) // less takes seconds
		e = serve(t, ws.New(server, nil, nil))
		if _, err := client.Write(wire); err != nil {
			t.Error(err)
		}
		<-e.ended
		wantEqual(t, "messages in memory", e.messages(), want)
	}
}
