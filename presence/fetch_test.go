package presence_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/presence"
)

func TestFetch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var asked [][]string
		s := newSite(t, &presence.Tracker[who]{Fetch: func(_ context.Context, topic string, keys []string) (map[string]any, error) {
			slices.Sort(keys)
			asked = append(asked, keys)
			return map[string]any{"bob": map[string]string{"name": "Bob"}, "amy": nil, "nobody": struct{}{}, "eve": struct{}{}}, nil
		}})
		f := s.follow("room")
		for _, key := range []string{"bob", "bob", "amy", "eve", "kim"} {
			s.join("room", key, "here")
		}
		settle()
		if got := f.state["bob"]; got.Name != "Bob" || len(got.Metas) != 2 {
			t.Errorf("%+v", got)
		}
		if !f.sees().equal(s.list("room")) {
			t.Error(f.sees())
		}
		asked = nil
		for range 3 { // one query, and one encoding, for all who ask until something changes
			state, err := s.users.State(s.ctx, "room")
			if err != nil || !strings.Contains(string(state.Payload), `],"name":"Bob"},"eve"`) {
				t.Error(string(state.Payload), err)
			}
		}
		if len(asked) != 1 || !slices.Equal(asked[0], []string{"amy", "bob", "eve", "kim"}) {
			t.Error(asked)
		}
		e, err := s.users.Get(s.ctx, "room", "bob")
		if err != nil || e.Fields.(map[string]string)["name"] != "Bob" {
			t.Error(e, err)
		}
		if n := s.counters.Counter("presence.fetches.failed").Value(); n != 0 {
			t.Errorf("%d failed", n)
		}
	})
}

func TestAFetchThatFails(t *testing.T) {
	for name, fetch := range map[string]func() (any, error){
		"error":     func() (any, error) { return nil, errors.New("no database") },
		"panic":     func() (any, error) { panic("on purpose") },
		"no object": func() (any, error) { return 1, nil },
		"no JSON":   func() (any, error) { return func() {}, nil },
		"metas":     func() (any, error) { return map[string]int{"metas": 1}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newSite(t, &presence.Tracker[who]{Fetch: func(context.Context, string, []string) (map[string]any, error) {
					v, err := fetch()
					return map[string]any{"bob": v}, err
				}})
				f := s.follow("room")
				s.join("room", "bob", "here")
				settle()
				if got := f.sees(); !got.equal(s.list("room")) || len(got) != 1 {
					t.Error(got)
				}
				if n := s.counters.Counter("presence.fetches.failed").Value(); n == 0 {
					t.Error("not counted")
				}
			})
		})
	}
}

// A Fetch that hangs holds up its topic alone, and only so long.
func TestAFetchThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		var hung atomic.Int32
		s := newSite(t, &presence.Tracker[who]{FetchTime: 2 * time.Second, Fetch: func(_ context.Context, topic string, _ []string) (map[string]any, error) {
			if topic == "slow" {
				hung.Add(1)
				<-release
			}
			return nil, nil
		}})
		slow, fast := s.follow("slow"), s.follow("fast")
		s.join("slow", "bob", "here")
		s.join("fast", "bob", "here")
		synctest.Wait()
		if slow.told() != 0 || fast.told() != 1 {
			t.Error(slow.told(), fast.told())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if slow.told() != 1 {
			t.Error(slow.told())
		}
		for range 20 { // there are so many at a time, and no more
			if _, err := s.users.State(s.ctx, "slow"); err != nil {
				t.Error(err)
			}
		}
		if hung.Load() != 8 {
			t.Errorf("%d Fetches hang", hung.Load())
		}
		s.stop() // does not wait for them
		close(release)
	})
}

// Nobody who asks waits longer than they like.
func TestStateEndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSite(t, &presence.Tracker[who]{Fetch: func(ctx context.Context, _ string, _ []string) (map[string]any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		s.join("room", "bob", "here")
		settle()
		first := make(chan error, 1)
		go func() { _, err := s.users.State(s.ctx, "room"); first <- err }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(s.ctx, time.Second)
		defer cancel()
		if _, err := s.users.State(ctx, "room"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}
