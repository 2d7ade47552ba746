package presence_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

type who struct {
	Status string `json:"status"`
}

// tab is a process that is present.
type tab struct{ users *presence.Tracker[who] }

// at is a spot, and what is to be there.
type at struct{ topic, key, status string }

func (b *tab) Track(ctx context.Context, a at) (string, error) {
	return b.users.Track(ctx, a.topic, a.key, who{a.status})
}

func (b *tab) Update(ctx context.Context, a at) (string, error) {
	return b.users.Update(ctx, a.topic, a.key, who{a.status})
}

func (b *tab) Untrack(ctx context.Context, a at) error { return b.users.Untrack(ctx, a.topic, a.key) }

func (b *tab) Do(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) }

func (b *tab) Crash(context.Context) error { panic("on purpose") }

// site is a node with a tracker.
type site struct {
	t        testing.TB
	ctx      context.Context
	users    *presence.Tracker[who]
	counters *telemetry.Counters
	stop     func()
}

func newSite(t testing.TB, users *presence.Tracker[who]) *site {
	t.Helper()
	counters := new(telemetry.Counters)
	ctx := telemetry.WithLogger(context.Background(), slog.New(slog.DiscardHandler))
	node := process.NewNode(telemetry.WithCounters(ctx, counters))
	t.Cleanup(node.Close)
	s := &site{t: t, ctx: node.Context(context.Background()), users: users, counters: counters}
	s.start()
	t.Cleanup(func() { s.stop() })
	return s
}

// start runs the tracker until stop is called.
func (s *site) start() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.ctx)
	if s.users.Name == "" {
		s.users.Name = "users"
	}
	if err := s.users.Start(ctx); err != nil {
		s.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.users.Serve(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	})
}

func (s *site) open() process.Ref[tab] {
	s.t.Helper()
	ref, err := process.Spawn(s.ctx, func(context.Context) (*tab, error) { return &tab{s.users}, nil })
	if err != nil {
		s.t.Fatal(err)
	}
	return ref
}

// join makes a new process present.
func (s *site) join(topic, key, status string) process.Ref[tab] {
	s.t.Helper()
	ref := s.open()
	if _, err := process.Call(s.ctx, ref, (*tab).Track, at{topic, key, status}); err != nil {
		s.t.Fatal(err)
	}
	return ref
}

func (s *site) end(ref process.Ref[tab], reason error) {
	s.t.Helper()
	if err := process.Exit(s.ctx, ref, reason); err != nil {
		s.t.Fatal(err)
	}
	if _, err := process.Wait(s.ctx, ref); err != nil {
		s.t.Fatal(err)
	}
}

// refs is a picture of a topic: by key, the references and statuses, sorted.
type refs map[string][]string

func (s *site) list(topic string) refs {
	s.t.Helper()
	entries, err := s.users.List(s.ctx, topic)
	if err != nil {
		s.t.Fatal(err)
	}
	r := make(refs)
	for key, e := range entries {
		for _, m := range e.Metas {
			r[key] = append(r[key], m.Ref+" "+m.Value.Status)
		}
		slices.Sort(r[key])
	}
	return r
}

func (r refs) equal(other refs) bool { return maps.EqualFunc(r, other, slices.Equal) }

// client follows a topic as the official client does.
type client struct {
	t       testing.TB
	state   map[string]clientEntry
	version uint64
	synced  bool
	pending []presence.Diff
	diffs   int
	bytes   int
}

type clientEntry struct {
	Metas []map[string]any `json:"metas"`
	Name  string           `json:"name"`
}

func refOf(meta map[string]any) string { return fmt.Sprint(meta["phx_ref"]) }

func hasRef(metas []map[string]any, ref string) bool {
	return slices.ContainsFunc(metas, func(m map[string]any) bool { return refOf(m) == ref })
}

// fold is what the official client makes of a diff.
func (c *client) fold(payload []byte) {
	var diff struct{ Joins, Leaves map[string]clientEntry }
	if err := json.Unmarshal(payload, &diff); err != nil {
		c.t.Errorf("%v in %s", err, payload)
	}
	for key, e := range diff.Joins {
		var kept []map[string]any
		for _, m := range c.state[key].Metas {
			if !hasRef(e.Metas, refOf(m)) {
				kept = append(kept, m)
			} else {
				c.t.Errorf("%s joined twice", refOf(m))
			}
		}
		e.Metas = append(kept, e.Metas...)
		c.state[key] = e
	}
	for key, e := range diff.Leaves {
		now, ok := c.state[key]
		if !ok {
			c.t.Errorf("%q left, and was not there", key)
			continue
		}
		now.Metas = slices.DeleteFunc(slices.Clone(now.Metas), func(m map[string]any) bool { return hasRef(e.Metas, refOf(m)) })
		c.state[key] = now
		if len(now.Metas) == 0 {
			delete(c.state, key)
		}
	}
}

// hear is what a channel does with a diff.
func (c *client) hear(d presence.Diff) {
	c.diffs++
	c.bytes += len(d.Payload)
	switch {
	case !c.synced:
		c.pending = append(c.pending, d)
	case d.Version > c.version:
		c.version = d.Version
		c.fold(d.Payload)
	}
}

// sync is what a channel and the client do with a state.
func (c *client) sync(s presence.State) {
	c.state = nil
	if err := json.Unmarshal(s.Payload, &c.state); err != nil {
		c.t.Errorf("%v in %s", err, s.Payload)
	}
	c.version, c.synced = s.Version, true
	for _, d := range c.pending {
		if d.Version > c.version {
			c.version = d.Version
			c.fold(d.Payload)
		}
	}
	c.pending = nil
}

func (c *client) picture() refs {
	r := make(refs)
	for key, e := range c.state {
		for _, m := range e.Metas {
			r[key] = append(r[key], refOf(m)+" "+fmt.Sprint(m["status"]))
		}
		slices.Sort(r[key])
	}
	return r
}

// follower is a client of a site that joined in a race with whatever goes on.
type follower struct {
	mu sync.Mutex
	client
}

func (s *site) follow(topic string) *follower {
	f := &follower{client: client{t: s.t}}
	stop, err := s.users.Hear(s.ctx, func(d presence.Diff) {
		if d.Topic == topic {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.hear(d)
		}
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(stop)
	state, err := s.users.State(s.ctx, topic)
	if err != nil {
		s.t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sync(state)
	return f
}

func (f *follower) sees() refs {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.picture()
}

// told is how many diffs there were.
func (f *follower) told() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.diffs
}

// keys is how many keys are seen.
func (f *follower) keys() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.state)
}

func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// size is how many bytes were told.
func (f *follower) size() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bytes
}
