package client_test

import (
	"fmt"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	client "github.com/bennu-go/bennu/client/go"
	"github.com/bennu-go/bennu/internal/ws"
)

// TestNothingIsMissed: with a history, one who listens hears everything once and in order,
// however often the connection goes and however slow the callbacks are.
func TestNothingIsMissed(t *testing.T) {
	const writers, each = 4, 100
	server := serve(t, httptest.NewServer)
	backoff := client.Backoff{Most: time.Millisecond}
	room := dial(t, server.URL, client.Options{Backoff: backoff, Queue: 8}).Channel("room:1", nil)
	heard := make(chan string, writers*each*10)
	client.On(room, posted, func(m msg) {
		for range 1000 {
			runtime.Gosched()
		}
		heard <- m.Text
	})
	client.OnJoin(room, func(_ welcome, resumed bool) {
		if len(heard) > 0 && !resumed {
			t.Error("it has not resumed")
		}
	})
	if _, err := client.Join[welcome](t.Context(), room); err != nil {
		t.Fatal(err)
	}
	writer := dial(t, server.URL, client.Options{Backoff: backoff}).Channel("room:1", nil)
	if _, err := client.Join[welcome](t.Context(), writer); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := range each {
				if _, err := client.CallAcknowledged[msg](t.Context(), writer, "post", msg{fmt.Sprint(w, " ", n)}); err != nil {
					t.Error(err)
				}
				if n%10 == 0 {
					server.drop(ws.Restart, "")
				}
			}
		})
	}
	all.Wait()
	server.mu.Lock()
	want := make([]string, 0, len(server.posted))
	for _, payload := range server.posted {
		want = append(want, string(payload[len(`{"text":"`):len(payload)-len(`"}`)]))
	}
	server.mu.Unlock()
	if len(want) < writers*each {
		t.Errorf("%d of %d are posted", len(want), writers*each)
	}
	got := make([]string, len(want))
	for i := range got {
		got[i] = <-heard
	}
	if !slices.Equal(got, want) {
		t.Errorf("it heard %q, and not %q", got, want)
	}
}
