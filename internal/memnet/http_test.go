package memnet_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/internal/memnet"
)

// serve has net/http serve the listener until the test ends.
func serve(t *testing.T, l *memnet.Listener, handler http.HandlerFunc) *http.Client {
	server := &http.Server{Handler: handler, IdleTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return l.Dial(ctx) }}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return &http.Client{Transport: transport}
}

func TestHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := serve(t, memnet.Listen(), func(w http.ResponseWriter, r *http.Request) {
			if _, _, err := net.SplitHostPort(r.RemoteAddr); err != nil {
				t.Error(err)
			}
			_, _ = io.Copy(w, r.Body)
		})
		for _, size := range []int{0, 1, 1000, 1 << 20} {
			body := strings.Repeat("x", size)
			r, err := client.Post("http://memory/", "text/plain", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r.Body)
			_ = r.Body.Close()
			if string(got) != body || err != nil {
				t.Errorf("sent %d bytes, got %d: %v", size, len(got), err)
			}
		}
	})
}

// A client that goes away ends the request's context, by net/http's background read.
func TestHTTPCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, ended := memnet.Listen(), make(chan error, 1)
		serve(t, l, func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			ended <- r.Context().Err()
		})
		client, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		write(t, client, "GET / HTTP/1.1\r\nHost: memory\r\n\r\n")
		synctest.Wait()
		_ = client.Close()
		wantError(t, "the request", <-ended, context.Canceled)
	})
}

// Hijacking interrupts the background read by a deadline in the past, and takes it back.
func TestHijack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, echoed := memnet.Listen(), make(chan struct{})
		serve(t, l, func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second) // in the bubble: the background read waits
			nc, buffered, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			if _, ok := nc.(*memnet.Conn); !ok {
				t.Errorf("hijacked a %T", nc)
			}
			go func() {
				defer close(echoed)
				write(t, nc, "yours\n")
				line, err := buffered.ReadString('\n')
				if err != nil {
					t.Error(err)
				}
				write(t, nc, line)
				_ = nc.Close()
			}()
		})
		client, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		write(t, client, "GET / HTTP/1.1\r\nHost: memory\r\n\r\n")
		in := bufio.NewReader(client)
		if line, err := in.ReadString('\n'); line != "yours\n" || err != nil {
			t.Errorf("got %q %v", line, err)
		}
		write(t, client, "echo\n")
		rest, err := io.ReadAll(in)
		if string(rest) != "echo\n" || err != nil {
			t.Errorf("got %q %v", rest, err)
		}
		<-echoed
	})
}

func Example() {
	l := memnet.Listen()
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	}()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return l.Dial(ctx) }}
	r, err := (&http.Client{Transport: transport}).Get("http://memory/")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	_ = r.Body.Close()
	transport.CloseIdleConnections()
	_ = l.Close()
	<-served
	fmt.Println(r.Status)
	// Output: 200 OK
}
