package ws_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

// pieces are frames of that many bytes.
func pieces(size int) ws.Frame {
	head := 2
	if size > 127 {
		head = 4
	}
	return ws.Binary(make([]byte, size-head))
}

// fill sends that many frames, of which the first is in a write that stands.
func fill(t *testing.T, conn *ws.Conn, f ws.Frame, count int) {
	t.Helper()
	for i := range count {
		if err := conn.Send(f); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if i == 0 {
			synctest.Wait()
		}
	}
}

// What waits is bounded, whatever the client does.
func TestOutboxIsBounded(t *testing.T) {
	tests := []struct {
		name   string
		limits *ws.Limits
		size   int
		frames int // that fit
	}{
		{"exactly", &ws.Limits{MaxPendingBytes: 1000}, 36, 40}, // a frame takes 64 bytes more
		{"with a rest", &ws.Limits{MaxPendingBytes: 1020}, 36, 40},
		{"one frame always", &ws.Limits{MaxPendingBytes: 10}, 10, 1},
		{"4 MiB by default", nil, 100, 25575},
		{"within the limits, always", &ws.Limits{MaxPendingBytes: 100}, 10, 10},
		{"whatever the frames", &ws.Limits{MaxPendingFrames: 1, MaxPendingBytes: 1000}, 36, 40},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubbles(t, func(t *testing.T, _ pipe) {
				for _, open := range []pipe{wstest.Pipe, roomless} {
					conn, client := open(tt.limits)
					e := serve(t, conn)
					start, frame := time.Now(), pieces(tt.size)
					fill(t, conn, frame, tt.frames)
					err := conn.Send(frame)
					wantKind(t, err, fault.Exhausted)
					if end := closeError(t, err); end.Code != ws.TryAgainLater {
						t.Errorf("ended with %v", end)
					}
					if again := conn.Send(frame); again != err {
						t.Errorf("then got %v", again)
					}
					if took := time.Since(start); took != 0 {
						t.Errorf("waited %v for a client that does not read", took)
					}
					if got := <-e.ended; error(got) != err {
						t.Errorf("Closed: %v", got)
					}
					wantTook(t, time.Since(start), time.Second)
					client.Hangup()
				}
			})
		})
	}
}

// roomless is a connection in memory that takes nothing.
func roomless(limits *ws.Limits) (*ws.Conn, *wstest.Client) { return memoryPair(limits, 0) }

// A client that takes nothing is cut when more waits than it may leave there, before one that
// leaves less.
func TestStandingWrite(t *testing.T) {
	tests := []struct {
		name   string
		limits ws.Limits
		frames int // of 500 bytes
		kind   fault.Kind
		after  time.Duration
	}{
		{"frames at the limit", ws.Limits{MaxPendingFrames: 3}, 3, fault.Timeout, 10 * time.Second},
		{"frames above the limit", ws.Limits{MaxPendingFrames: 3}, 4, fault.Exhausted, 6 * time.Second},
		{"bytes at the limit", ws.Limits{MaxPendingBytes: 1000}, 2, fault.Timeout, 10 * time.Second},
		{"bytes above the limit", ws.Limits{MaxPendingBytes: 1000}, 3, fault.Exhausted, 6 * time.Second},
		{"1,024 by default", ws.Limits{}, 1024, fault.Timeout, 10 * time.Second},
		{"above 1,024", ws.Limits{}, 1025, fault.Exhausted, 6 * time.Second},
		{"sooner", ws.Limits{MaxPendingFrames: 1, WriteTimeout: time.Second}, 2, fault.Exhausted, 1500 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, open := range map[string]pipe{"goroutines": wstest.Pipe, "memory": roomless} {
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						conn, client := open(&tt.limits)
						e := serve(t, conn)
						start := time.Now()
						fill(t, conn, pieces(500), tt.frames)
						wantKind(t, <-e.ended, tt.kind)
						wantTook(t, time.Since(start), tt.after)
						client.Hangup()
					})
				})
			}
		})
	}
}

// It need not be late: who sends more finds out.
func TestStandingWriteIsFoundBySend(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(&ws.Limits{MaxPendingFrames: 2})
		e := serve(t, conn)
		fill(t, conn, pieces(100), 5)
		time.Sleep(5*time.Second - 1)
		fill(t, conn, pieces(100), 1)
		time.Sleep(time.Nanosecond)
		wantKind(t, conn.Send(pieces(100)), fault.Exhausted)
		client.Hangup()
		<-e.ended
	})
}

// A client that reads is never evicted for what it has before it, however slowly it reads.
func TestSlowReaderStays(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		const frames = 40
		conn, client := open(&ws.Limits{MaxPendingFrames: 2, IdleTimeout: time.Hour})
		e := serve(t, conn)
		fill(t, conn, pieces(16<<10), frames)
		for range frames {
			time.Sleep(5*time.Second - 1)
			if _, _, err := client.Read(); err != nil {
				t.Fatal(err)
			}
		}
		client.Hangup()
		wantKind(t, <-e.ended, fault.Canceled)
	})
}

// A client that goes on reading in time is told why it is evicted, behind what it was in the
// middle of; what waits is dropped.
func TestEvictionSays1013(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(&ws.Limits{MaxPendingFrames: 2, MaxPendingBytes: 1000})
		e := serve(t, conn)
		frame := pieces(500)
		fill(t, conn, frame, 7)
		wantKind(t, conn.Send(frame), fault.Exhausted)
		time.Sleep(time.Second - 1)
		if op, p, err := client.Read(); op != wstest.Binary || len(p) != 496 || err != nil {
			t.Errorf("got %d, %d bytes, %v", op, len(p), err)
		}
		_, _, err := client.Read()
		if end := closeError(t, err); end.Code != ws.TryAgainLater || end.Reason != "reading too slowly" {
			t.Errorf("got %v", err)
		}
		_ = client.Close(ws.TryAgainLater, "")
		wantKind(t, <-e.ended, fault.Exhausted)
		client.Hangup()
	})
}

// A client that pings and does not read its pongs is a slow client like others.
func TestPongsCount(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(&ws.Limits{MaxPendingFrames: 50})
		e := serve(t, conn)
		pings := 0
		go func() {
			for pings < 90 && client.Frame(wstest.Fin|wstest.Ping, []byte("x")) == nil {
				pings++
			}
		}()
		wantKind(t, <-e.ended, fault.Exhausted)
		synctest.Wait()
		if pings < 50 { // some more may have been written before it was cut off
			t.Errorf("evicted after %d pings", pings)
		}
		client.Hangup()
	})
}

// shy is a connection that does not say when there is room again, as a socket does not
// before a third of it is free.
type shy struct{ *memory }

func (s shy) Notify(fn func()) {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.in.notify[0] = fn
}

// Who took something is not evicted because the system has not said so.
func TestRoomIsLookedFor(t *testing.T) {
	for name, evicts := range map[string]func(conn *ws.Conn) error{
		"by the wheel": func(*ws.Conn) error {
			time.Sleep(6 * time.Second)
			return nil
		},
		"by Send": func(conn *ws.Conn) error {
			time.Sleep(5 * time.Second)
			return conn.Send(pieces(100))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, peer := newMemory(100)
				conn, client := ws.New(shy{server}, nil, &ws.Limits{MaxPendingFrames: 2}), wstest.NewClient(peer)
				e := serve(t, conn)
				fill(t, conn, pieces(100), 5)
				if _, _, err := client.Read(); err != nil {
					t.Fatal(err)
				}
				if err := evicts(conn); err != nil {
					t.Error(err)
				}
				if _, _, err := client.Read(); err != nil {
					t.Error(err)
				}
				client.Hangup()
				<-e.ended
			})
		})
	}
}
