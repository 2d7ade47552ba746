package memnet_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/nettest"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair gives both ends of a connection of a listener of its own.
func pair(t testing.TB) (client, server *memnet.Conn) {
	t.Helper()
	l := memnet.Listen()
	defer l.Close()
	return connect(t, l)
}

func connect(t testing.TB, l *memnet.Listener) (client, server *memnet.Conn) {
	t.Helper()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	client, err := l.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return client, (<-accepted).(*memnet.Conn)
}

func TestConformance(t *testing.T) {
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		client, server := pair(t)
		return client, server, func() { _, _ = client.Close(), server.Close() }, nil
	})
}

func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Dial(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nobody accepts: %v", err)
		}
		client, server := connect(t, l)
		if client.LocalAddr() != server.RemoteAddr() || client.RemoteAddr() != l.Addr() || server.LocalAddr() != l.Addr() {
			t.Errorf("%v → %v is %v ← %v", client.LocalAddr(), client.RemoteAddr(), server.LocalAddr(), server.RemoteAddr())
		}
		other, _ := connect(t, l)
		if other.LocalAddr() == client.LocalAddr() {
			t.Errorf("two clients have the address %v", other.LocalAddr())
		}
		accepted := make(chan error)
		go func() {
			_, err := l.Accept()
			accepted <- err
		}()
		synctest.Wait()
		_, _ = l.Close(), l.Close()
		if err := <-accepted; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept: %v", err)
		}
		if _, err := l.Dial(t.Context()); !errors.Is(err, fault.Unavailable) {
			t.Errorf("Dial: %v", err)
		}
		if _, err := client.Write([]byte("x")); err != nil {
			t.Errorf("the connection went with the listener: %v", err)
		}
	})
}

// What one end has written is read to its end, whatever becomes of that end.
func TestClose(t *testing.T) {
	client, server := pair(t)
	write(t, client, "last words")
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	_, err := client.Write([]byte("x"))
	wantError(t, "a write after CloseWrite", err, io.ErrClosedPipe)
	if got, err := io.ReadAll(server); string(got) != "last words" || err != nil {
		t.Errorf("got %q %v", got, err)
	}
	write(t, server, "an answer")
	_ = server.Close()
	if got, err := io.ReadAll(client); string(got) != "an answer" || err != nil {
		t.Errorf("got %q %v", got, err)
	}
	_ = client.Close()
	for name, do := range map[string]func() error{
		"Read":             func() error { _, err := client.Read(make([]byte, 1)); return err },
		"TryRead":          func() error { _, err := client.TryRead(make([]byte, 1)); return err },
		"Write":            func() error { _, err := client.Write(make([]byte, 1)); return err },
		"TryWrite":         func() error { _, err := client.TryWrite(make([]byte, 1)); return err },
		"CloseWrite":       client.CloseWrite,
		"Close":            client.Close,
		"SetDeadline":      func() error { return client.SetDeadline(time.Time{}) },
		"SetReadDeadline":  func() error { return client.SetReadDeadline(time.Time{}) },
		"SetWriteDeadline": func() error { return client.SetWriteDeadline(time.Time{}) },
	} {
		wantError(t, name, do(), net.ErrClosed)
	}

	client, server = pair(t)
	write(t, client, "unread")
	_ = server.Close()
	_, err = client.Write([]byte("x"))
	wantError(t, "a write to who closed", err, io.ErrClosedPipe)
	_, err = client.Read(make([]byte, 1))
	wantError(t, "a read from who closed", err, io.EOF)
}

// Close, of either end, ends what waits.
func TestCloseWakes(t *testing.T) {
	for _, local := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			client, server := pair(t)
			failed := make(chan error, 2)
			go func() {
				_, err := client.Read(make([]byte, 1))
				failed <- err
			}()
			go func() {
				_, err := client.Write(make([]byte, capacity+1))
				failed <- err
			}()
			synctest.Wait()
			if local {
				_ = client.Close()
				wantError(t, "first", <-failed, net.ErrClosed)
				wantError(t, "second", <-failed, net.ErrClosed)
				return
			}
			_ = server.Close()
			first, second := <-failed, <-failed
			if errors.Is(first, io.ErrClosedPipe) {
				first, second = second, first
			}
			wantError(t, "Read", first, io.EOF)
			wantError(t, "Write", second, io.ErrClosedPipe)
		})
	}
}

const capacity = 64 << 10

func TestCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t)
		for _, step := range []struct {
			write, wrote int
			err          error
		}{
			{write: capacity - 1, wrote: capacity - 1},
			{write: 1, wrote: 1},
			{write: 1, err: syscall.EAGAIN},
		} {
			if n, err := client.TryWrite(make([]byte, step.write)); n != step.wrote || err != step.err {
				t.Errorf("wrote %d of %d: %v", n, step.write, err)
			}
		}
		got, _ := server.TryRead(make([]byte, 10))
		if n, err := client.TryWrite(make([]byte, 11)); n != got || err != syscall.EAGAIN {
			t.Errorf("wrote %d of 11: %v", n, err)
		}
		wrote := make(chan error, 1)
		go func() {
			_, err := client.Write(make([]byte, 3*capacity))
			wrote <- err
		}()
		synctest.Wait()
		_ = client.SetWriteDeadline(time.Now().Add(time.Second))
		wantError(t, "a write for which there was no room", <-wrote, os.ErrDeadlineExceeded)
		if n, err := io.ReadFull(server, make([]byte, capacity)); err != nil {
			t.Errorf("read %d: %v", n, err)
		}
		_, err := server.TryRead(make([]byte, 1))
		wantError(t, "a read of nothing", err, syscall.EAGAIN)
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t)
		start := time.Now()
		_ = client.SetDeadline(start.Add(time.Second))
		_, err := client.Read(make([]byte, 1))
		wantError(t, "Read", err, os.ErrDeadlineExceeded)
		if took := time.Since(start); took != time.Second {
			t.Errorf("Read took %v", took)
		}
		write(t, server, "x")
		_, err = client.Read(make([]byte, 1))
		wantError(t, "late, though there is something", err, os.ErrDeadlineExceeded)
		_, err = client.Write([]byte("y"))
		wantError(t, "Write, late", err, os.ErrDeadlineExceeded)
		if _, err := client.TryRead(make([]byte, 1)); err != nil {
			t.Errorf("TryRead has no deadline: %v", err)
		}
		if _, err := client.TryWrite([]byte("y")); err != nil {
			t.Errorf("TryWrite has no deadline: %v", err)
		}
		_ = client.SetDeadline(time.Time{})
		failed := make(chan error, 1)
		go func() {
			_, err := client.Read(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait()
		_ = client.SetReadDeadline(time.Unix(1, 0))
		wantError(t, "interrupted", <-failed, os.ErrDeadlineExceeded)
	})
}

// Whoever was told to wait is told when to go on.
func TestNotify(t *testing.T) {
	client, server := pair(t)
	var clients, servers atomic.Int32
	client.Notify(func() { clients.Add(1) })
	server.Notify(func() { servers.Add(1) })
	want := func(when string, client, server int32) {
		t.Helper()
		if c, s := clients.Swap(0), servers.Swap(0); c != client || s != server {
			t.Errorf("%s: the client was told %d times, the server %d times", when, c, s)
		}
	}
	write(t, client, "x")
	want("bytes", 0, 1)
	write(t, client, "x")
	want("bytes that join others", 0, 0)
	_, _ = client.TryWrite(make([]byte, capacity))
	_, _ = server.TryRead(make([]byte, capacity/2-1))
	want("less than half is free", 0, 0)
	_, _ = server.TryRead(make([]byte, 1))
	want("half is free", 1, 0)
	_, _ = server.TryRead(make([]byte, capacity))
	want("everything is free, and nobody waits", 0, 0)
	_ = client.CloseWrite()
	want("the end of bytes", 0, 1)
	_ = server.Close()
	want("the end", 1, 0)

	client, server = pair(t)
	client.Notify(func() { clients.Add(1) })
	client.Notify(nil)
	write(t, server, "x")
	want("not any more", 0, 0)
}

// TestEvents moves bytes through both directions with nothing but Notify to go by.
func TestEvents(t *testing.T) {
	client, server := pair(t)
	random := rand.New(rand.NewPCG(1, 2))
	sent := make([]byte, 1<<20)
	for i := range sent {
		sent[i] = byte(random.Uint32())
	}
	kick := func(c *memnet.Conn) chan struct{} {
		ready := make(chan struct{}, 1)
		c.Notify(func() {
			select {
			case ready <- struct{}{}:
			default:
			}
		})
		return ready
	}
	echoed := make(chan error, 1)
	go func() { // the server echoes
		ready, pending := kick(server), []byte(nil)
		buf := make([]byte, 5000)
		for {
			n, err := server.TryWrite(pending)
			if pending = pending[n:]; err == nil {
				n, err = server.TryRead(buf)
				pending = buf[:n]
			}
			switch {
			case err == syscall.EAGAIN:
				<-ready
			case err == io.EOF:
				_ = server.Close()
				echoed <- nil
				return
			case err != nil:
				echoed <- err
				return
			}
		}
	}()
	ready, left := kick(client), sent
	var got []byte
	buf := make([]byte, 7000)
	for {
		n, err := client.TryWrite(left[:min(len(left), random.IntN(200_000))])
		if left = left[n:]; len(left) == 0 {
			_ = client.CloseWrite()
		}
		var readErr error
		n, readErr = client.TryRead(buf)
		got = append(got, buf[:n]...)
		if readErr == io.EOF {
			break
		}
		if readErr == syscall.EAGAIN && (err == syscall.EAGAIN || len(left) == 0) {
			<-ready
		}
	}
	if err := <-echoed; err != nil || !bytes.Equal(got, sent) {
		t.Errorf("got %d bytes of %d, or others: %v", len(got), len(sent), err)
	}
}

func write(t testing.TB, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Errorf("write %q: %v", text, err)
	}
}

func wantError(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got the error %v, want %v", what, err, want)
	}
}
