package ws_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

func TestEviction(t *testing.T) {
	tests := []struct {
		name   string
		limits *ws.Limits
		frames int // that fit, of 10 bytes
	}{
		{"frames", &ws.Limits{MaxPendingFrames: 3}, 3},
		{"bytes, exactly", &ws.Limits{MaxPendingBytes: 30}, 3},
		{"bytes, with a rest", &ws.Limits{MaxPendingBytes: 39}, 3},
		{"one frame", &ws.Limits{MaxPendingFrames: 1}, 1},
		{"1,024 frames by default", &ws.Limits{}, 1024},
		{"1 MiB by default", &ws.Limits{MaxPendingFrames: 1 << 20}, 104857},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check := func(t *testing.T, conn *ws.Conn, client *wstest.Client) {
				// a client that does not read
				e := serve(t, conn)
				start, ten := time.Now(), ws.Text(make([]byte, 8))
				for i := range tt.frames {
					if err := conn.Send(ten); err != nil {
						t.Fatalf("frame %d: %v", i, err)
					}
					if i == 0 {
						synctest.Wait() // those in a write count, too
					}
				}
				err := conn.Send(ten)
				wantKind(t, err, fault.Exhausted)
				if end := closeError(t, err); end.Code != ws.TryAgainLater {
					t.Errorf("ended with %v", end)
				}
				if again := conn.Send(ten); again != err {
					t.Errorf("then got %v", again)
				}
				if got := <-e.ended; error(got) != err {
					t.Errorf("Closed: %v", got)
				}
				if waited := time.Since(start); waited > 0 {
					t.Errorf("waited %v for a client that does not read", waited)
				}
				client.Hangup()
			}
			synctest.Test(t, func(t *testing.T) {
				conn, client := wstest.Pipe(tt.limits)
				check(t, conn, client)
			})
			synctest.Test(t, func(t *testing.T) {
				conn, client := memoryPair(tt.limits, 0)
				check(t, conn, client)
			})
		})
	}
}

// An evicted client that takes its last write is told why.
func TestEvictionSays1013(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var last []byte
		gate := make(chan struct{})
		nc := newFake()
		nc.write = func(p []byte) (int, error) {
			<-gate
			last = append([]byte(nil), p...)
			return len(p), nil
		}
		conn := ws.New(nc, nil, &ws.Limits{MaxPendingFrames: 2})
		e := serve(t, conn)
		for range 2 {
			_ = conn.Send(ws.Text([]byte("x")))
			synctest.Wait()
		}
		wantKind(t, conn.Send(ws.Text([]byte("x"))), fault.Exhausted)
		close(gate)
		<-e.ended
		if want := "\x88\x14\x03\xf5reading too slowly"; string(last) != want {
			t.Errorf("last written is %q, want %q", last, want)
		}
	})
}

// Before that, the client gets what the network takes; what waits is dropped.
func TestEvictionDropsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, client := memoryPair(&ws.Limits{MaxPendingFrames: 2}, 9) // room for three frames
		taken := 0
		e := newEar()
		e.on = func(ws.Op, []byte) {
			for conn.Send(ws.Text([]byte("x"))) == nil {
				taken++
			}
		}
		conn.Serve(newPoller(t), e)
		_ = client.Text("go")
		wantKind(t, <-e.ended, fault.Exhausted)
		if taken != 5 {
			t.Errorf("%d frames were taken, want 5", taken)
		}
		x := frame{op: wstest.Text, payload: "x"}
		wantEqual(t, "frames", collect(client), []frame{x, x, x})
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
