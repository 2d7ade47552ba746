package ws_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

func TestFrameLengths(t *testing.T) {
	for n, head := range map[int]int{0: 2, 125: 2, 126: 4, 65535: 4, 65536: 10} {
		if got := ws.Text(make([]byte, n)).Len() - n; got != head {
			t.Errorf("a frame of %d bytes has a head of %d, want %d", n, got, head)
		}
	}
}

func TestFrameIsACopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, client := wstest.Pipe(nil)
		e := serve(t, conn)
		payload := []byte("before")
		frame := ws.Text(payload)
		copy(payload, "after!")
		_ = conn.Send(frame)
		if _, got, _ := client.Read(); string(got) != "before" {
			t.Errorf("got %q", got)
		}
		conn.Close(ws.Normal, "")
		client.Hangup()
		<-e.ended
	})
}

// A frame that is made without a copy is the same.
func TestNewFrame(t *testing.T) {
	for _, n := range []int{0, 125, 126, 400, 65535, 65536} {
		payload := strings.Repeat("x", n)
		want := ws.Text([]byte(payload))
		got := ws.NewFrame(ws.OpText, append(make([]byte, ws.HeaderRoom), payload...))
		if wire(t, got) != wire(t, want) || string(got.Payload()) != payload || got.Op() != ws.OpText {
			t.Errorf("%d bytes: another frame", n)
		}
	}
}

// wire is what is written of a frame.
func wire(t *testing.T, frame ws.Frame) string {
	server, client := newMemory(1 << 17)
	conn := ws.New(server, nil, nil)
	e := serve(t, conn)
	if err := conn.SendNow(frame); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, frame.Len())
	_, _ = io.ReadFull(client, p)
	_ = client.Close()
	<-e.ended
	return string(p)
}

func TestSendInOrder(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(nil)
		e := serve(t, conn)
		var want []frame
		for i := range 1000 {
			n := []int{0, 10, 125, 126, 300}[i%5]
			msg := strings.Repeat(fmt.Sprint(i%10), n)
			want = append(want, frame{op: wstest.Text, payload: msg})
			if err := conn.Send(ws.Text([]byte(msg))); err != nil {
				t.Fatal(err)
			}
		}
		for i, w := range want {
			if op, msg, err := client.Read(); op != w.op || string(msg) != w.payload || err != nil {
				t.Fatalf("frame %d: got %d %q %v", i, op, msg, err)
			}
		}
		synctest.Wait() // the writer has left; the next frame needs another
		_ = conn.Send(ws.Binary([]byte{1}))
		if op, msg, _ := client.Read(); op != wstest.Binary || string(msg) != "\x01" {
			t.Errorf("got %d %q", op, msg)
		}
		client.Hangup()
		if end := <-e.ended; !end.Remote {
			t.Error(end)
		}
	})
}

func TestSendersInParallel(t *testing.T) {
	for name, open := range map[string]pipe{
		"memory": pipes["memory"], "goroutines": pipes["goroutines"], "socket": socketPipe(t),
	} {
		t.Run(name, func(t *testing.T) {
			conn, client := open(&ws.Limits{MaxPendingFrames: 8 * 100})
			e := serve(t, conn)
			var wg sync.WaitGroup
			for id := range 8 {
				wg.Go(func() {
					for i := range 100 {
						send := []func(ws.Frame) error{conn.Send, conn.SendNow}[i%2]
						if err := send(ws.Binary([]byte{byte(id), byte(i)})); err != nil {
							t.Error(err)
						}
						if i%10 == 0 {
							conn.Flush()
						}
					}
				})
			}
			var next [8]byte
			for range 8 * 100 {
				_, msg, err := client.Read()
				if err != nil {
					t.Fatal(err)
				}
				if msg[1] != next[msg[0]] {
					t.Fatalf("sender %d: frame %d comes before %d", msg[0], msg[1], next[msg[0]])
				}
				next[msg[0]]++
			}
			wg.Wait()
			conn.Close(ws.Normal, "")
			client.Hangup()
			<-e.ended
		})
	}
}

// What is pending leaves together, within the bounds of one write.
func TestBatches(t *testing.T) {
	tests := []struct {
		name   string
		frames []int // payload lengths, the first being written meanwhile
		want   []int // frames per write
	}{
		{"a few", []int{1, 1, 1, 1, 1, 1}, []int{1, 5}},
		{"below the frames of a write", make([]int, 1+127), []int{1, 127}},
		{"at the frames of a write", make([]int, 1+128), []int{1, 128}},
		{"above the frames of a write", make([]int, 1+129), []int{1, 128, 1}},
		{"at the bytes of a write", []int{1, 8188, 8188}, []int{1, 2}},
		{"above the bytes of a write", []int{1, 8188, 8189, 1}, []int{1, 1, 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sizes []int
				gate := make(chan struct{})
				nc := newFake()
				nc.write = func(p []byte) (int, error) {
					<-gate
					sizes = append(sizes, len(p))
					return len(p), nil
				}
				conn := ws.New(nc, nil, nil)
				e := serve(t, conn)
				var want []int
				frames := tt.frames
				for i, n := range frames {
					if err := conn.Send(ws.Binary(make([]byte, n))); err != nil {
						t.Fatal(err)
					}
					if i == 0 {
						synctest.Wait()
					}
				}
				for _, n := range tt.want {
					size := 0
					for _, payload := range frames[:n] {
						size += ws.Binary(make([]byte, payload)).Len()
					}
					want = append(want, size)
					frames = frames[n:]
				}
				close(gate)
				synctest.Wait()
				wantEqual(t, "writes", sizes, want)
				_ = nc.Close()
				<-e.ended
			})
		})
	}
}

// Room that was used is room again.
func TestOutboxEmpties(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(&ws.Limits{MaxPendingFrames: 2, MaxPendingBytes: 20})
		e := serve(t, conn)
		for range 5 {
			for range 2 {
				if err := conn.Send(ws.Text(make([]byte, 8))); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if _, _, err := client.Read(); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
		}
		client.Hangup()
		<-e.ended
	})
}

func TestFramesThatCannotBeSent(t *testing.T) {
	nc := newFake()
	nc.write = discard
	conn := ws.New(nc, nil, &ws.Limits{MaxPendingBytes: 100})
	e := serve(t, conn)
	wantKind(t, conn.Send(ws.Frame{}), fault.Invalid)
	wantKind(t, conn.Send(ws.Text(make([]byte, 99))), fault.Invalid)
	if err := conn.Send(ws.Text(make([]byte, 98))); err != nil {
		t.Errorf("the connection did not stay: %v", err)
	}
	conn.Close(ws.Normal, "")
	_ = nc.Close()
	<-e.ended
}

func TestWriteTimeout(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(nil)
		e := serve(t, conn)
		start := time.Now()
		_ = conn.Send(ws.Text(make([]byte, 1000))) // nobody reads this
		wantKind(t, <-e.ended, fault.Timeout)
		wantTook(t, time.Since(start), 10*time.Second)
		client.Hangup()
	})
}

// A slow client that takes each write in time stays.
func TestWriteInTime(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(&ws.Limits{WriteTimeout: time.Second, IdleTimeout: time.Hour})
		e := serve(t, conn)
		for range 5 {
			_ = conn.Send(ws.Text(make([]byte, 100)))
			time.Sleep(time.Second - 1)
			if _, _, err := client.Read(); err != nil {
				t.Fatal(err)
			}
		}
		client.Hangup()
		<-e.ended
	})
}

// So does one that takes one frame for longer, but takes of it: 16 KiB are written at a
// time.
func TestWriteMakesProgress(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(&ws.Limits{WriteTimeout: time.Second, IdleTimeout: time.Hour})
		e := serve(t, conn)
		_ = conn.Send(ws.Text(make([]byte, 256<<10-10)))
		for range 16 {
			time.Sleep(time.Second - 1)
			if _, err := io.ReadFull(client.Conn, make([]byte, 16<<10)); err != nil {
				t.Fatal(err)
			}
		}
		client.Hangup()
		<-e.ended
	})
}

func TestWriteFailureAndPanic(t *testing.T) {
	broken := errors.New("broken pipe")
	for name, write := range map[string]func([]byte) (int, error){
		"failure": func([]byte) (int, error) { return 0, broken },
		"panic":   func([]byte) (int, error) { panic(broken) },
	} {
		t.Run(name, func(t *testing.T) {
			nc := newFake()
			nc.write = write
			conn := ws.New(nc, nil, nil)
			e := serve(t, conn)
			_ = conn.Send(ws.Text([]byte("x")))
			end := <-e.ended
			wantKind(t, end, fault.Unavailable)
			if end.Code != ws.Abnormal || !strings.Contains(end.Error(), "broken pipe") {
				t.Error(end)
			}
		})
	}
}

// hopeless panics whatever one does.
type hopeless struct{ net.Conn }

func TestPanicsAreContained(t *testing.T) {
	conn := ws.New(hopeless{}, nil, nil) // all methods of a nil net.Conn
	e := serve(t, conn)
	_ = conn.Send(ws.Text([]byte("x")))
	<-e.ended
	wantKind(t, conn.Send(ws.Text([]byte("x"))), fault.Unavailable)
}

// A write that comes back when the connection is gone finds nothing there.
func TestAWriteOutlivesItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, begun, back := newFake(), make(chan struct{}), make(chan struct{})
		nc.write = func([]byte) (int, error) {
			close(begun)
			<-back
			return 1, io.ErrClosedPipe
		}
		nc.read = func([]byte) (int, error) {
			<-begun
			return 0, io.EOF
		}
		conn := ws.New(nc, nil, nil)
		e := serve(t, conn)
		if err := conn.Send(ws.Text([]byte("long enough"))); err != nil {
			t.Error(err)
		}
		<-e.ended
		synctest.Wait()
		close(back)
		synctest.Wait()
		wantKind(t, conn.Send(ws.Text([]byte("x"))), fault.Canceled)
	})
}

// Over TCP a batch is one writev; its frames arrive whole and in order.
func TestBatchesOverTCP(t *testing.T) {
	conn, client := socketPipe(t)(nil)
	e := serve(t, conn)
	var want []string
	for i := range 500 {
		msg := strings.Repeat(fmt.Sprintf("%03d", i), i%50)
		want = append(want, msg)
		if err := conn.Send(ws.Text([]byte(msg))); err != nil {
			t.Fatal(err)
		}
	}
	for i, w := range want {
		if _, msg, err := client.Read(); string(msg) != w || err != nil {
			t.Fatalf("frame %d: got %q %v", i, msg, err)
		}
	}
	client.Hangup()
	<-e.ended
}

// A client that stops reading and goes on later gets all there is.
func TestBackPressureOverTCP(t *testing.T) {
	conn, client := socketPipe(t)(&ws.Limits{MaxPendingBytes: 64 << 20})
	e := serve(t, conn)
	const frames, size = 200, 100_000
	for i := range frames {
		if err := conn.Send(ws.Binary(bytes.Repeat([]byte{byte(i)}, size))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range frames {
		_, msg, err := client.Read()
		if err != nil || len(msg) != size || msg[0] != byte(i) || msg[size-1] != byte(i) {
			t.Fatalf("frame %d: %d bytes, %v", i, len(msg), err)
		}
	}
	client.Hangup()
	<-e.ended
}
