package presence_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/process"
)

const pause = time.Second // longer than any pause between diffs here

func settle() { time.Sleep(pause); synctest.Wait() }

func TestTrackUpdateUntrack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSite(t, &presence.Tracker[who]{})
		f := s.follow("room")
		bob := s.open()
		ref, err := process.Call(s.ctx, bob, (*tab).Track, at{"room", "bob", "here"})
		if err != nil || len(ref) != 16 {
			t.Fatal(ref, err)
		}
		if _, err := process.Call(s.ctx, bob, (*tab).Track, at{"room", "bob", "again"}); !errors.Is(err, fault.Conflict) {
			t.Error(err)
		}
		synctest.Wait() // the first change goes out at once
		if got := f.sees(); !got.equal(refs{"bob": {ref + " here"}}) {
			t.Error(got)
		}
		ref2, err := process.Call(s.ctx, bob, (*tab).Update, at{"room", "bob", "away"})
		if err != nil || ref2 == ref {
			t.Fatal(ref2, err)
		}
		e, err := s.users.Get(s.ctx, "room", "bob")
		if err != nil || len(e.Metas) != 1 || e.Metas[0] != (presence.Meta[who]{Value: who{"away"}, Ref: ref2, Prev: ref}) {
			t.Error(e, err)
		}
		settle()
		if got := f.sees(); !got.equal(refs{"bob": {ref2 + " away"}}) {
			t.Error(got)
		}
		if n, err := s.users.Count(s.ctx, "room"); n != 1 || err != nil {
			t.Error(n, err)
		}
		if err := process.Do(s.ctx, bob, (*tab).Untrack, at{topic: "room", key: "bob"}); err != nil {
			t.Error(err)
		}
		for _, a := range []at{{topic: "room", key: "bob"}, {topic: "room", key: "amy"}, {topic: "other", key: "bob"}} {
			if err := process.Do(s.ctx, bob, (*tab).Untrack, a); !errors.Is(err, fault.NotFound) {
				t.Error(err)
			}
			if _, err := process.Call(s.ctx, bob, (*tab).Update, a); !errors.Is(err, fault.NotFound) {
				t.Error(err)
			}
		}
		if _, err := s.users.Get(s.ctx, "room", "bob"); !errors.Is(err, fault.NotFound) {
			t.Error(err)
		}
		settle()
		if got := f.sees(); len(got) != 0 {
			t.Error(got)
		}
	})
}

func TestUpdateIsOneDiff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSite(t, &presence.Tracker[who]{})
		var heard []string
		stop, err := s.users.Hear(s.ctx, func(d presence.Diff) { heard = append(heard, string(d.Payload)) })
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		bob := s.open()
		one, _ := process.Call(s.ctx, bob, (*tab).Track, at{"room", "bob", "here"})
		settle()
		two, _ := process.Call(s.ctx, bob, (*tab).Update, at{"room", "bob", "away"})
		settle()
		want := []string{
			`{"joins":{"bob":{"metas":[{"status":"here","phx_ref":"` + one + `"}]}},"leaves":{}}`,
			`{"joins":{"bob":{"metas":[{"status":"away","phx_ref":"` + two + `","phx_ref_prev":"` + one + `"}]}},` +
				`"leaves":{"bob":{"metas":[{"status":"here","phx_ref":"` + one + `"}]}}}`,
		}
		if strings.Join(heard, "\n") != strings.Join(want, "\n") {
			t.Errorf("heard %v, want %v", heard, want)
		}
		state, err := s.users.State(s.ctx, "room")
		if err != nil || string(state.Payload) != `{"bob":{"metas":[{"status":"away","phx_ref":"`+two+`","phx_ref_prev":"`+one+`"}]}}` {
			t.Error(string(state.Payload), err)
		}
	})
}

// What comes and goes within a pause is not told.
func TestABatchCancelsOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSite(t, &presence.Tracker[who]{})
		f := s.follow("room")
		s.join("room", "amy", "here")
		synctest.Wait()
		if f.told() != 1 {
			t.Errorf("%d diffs", f.told())
		}
		for range 10 {
			s.end(s.join("room", "bob", "here"), process.Shutdown)
		}
		settle()
		if f.told() != 1 {
			t.Errorf("%d diffs", f.told())
		}
	})
}

func TestTheEndOfAProcessIsALeave(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSite(t, &presence.Tracker[who]{})
		f := s.follow("room")
		stopped, crashed, stays := s.join("room", "stopped", ""), s.join("room", "crashed", ""), s.join("room", "stays", "")
		if _, err := process.Call(s.ctx, stopped, (*tab).Track, at{"room", "second", ""}); err != nil {
			t.Error(err)
		}
		settle()
		if got := sorted(f.sees()); len(got) != 4 {
			t.Error(got)
		}
		s.end(stopped, process.Shutdown)
		if err := process.Run(s.ctx, crashed, (*tab).Crash); err == nil {
			t.Error("it lives")
		}
		synctest.Wait()
		if got := sorted(s.list("room")); len(got) != 1 || got[0] != "stays" {
			t.Error(got)
		}
		settle()
		if got := sorted(f.sees()); len(got) != 1 || got[0] != "stays" {
			t.Error(got)
		}
		_ = stays
	})
}

func TestTrackInAConstructor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSite(t, &presence.Tracker[who]{})
		for _, fails := range []error{nil, errors.New("on purpose")} {
			ref, err := process.Spawn(s.ctx, func(ctx context.Context) (*tab, error) {
				if _, err := s.users.Track(ctx, "room", "bob", who{"here"}); err != nil {
					t.Error(err)
				}
				return &tab{s.users}, fails
			})
			if !errors.Is(err, fails) {
				t.Error(err)
			}
			synctest.Wait()
			want := 1
			if fails != nil {
				want = 0
			}
			if n, _ := s.users.Count(s.ctx, "room"); n != want {
				t.Errorf("%d are present, want %d", n, want)
			}
			if fails == nil {
				s.end(ref, process.Shutdown)
			}
		}
	})
}

// A process that is present on many topics, and one that holds several keys.
func TestAProcessInManyPlaces(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSite(t, &presence.Tracker[who]{})
		ref := s.open()
		var spots []at
		for _, topic := range []string{"a", "b", "c"} {
			for _, key := range []string{"x", "y"} {
				spots = append(spots, at{topic, key, "here"})
			}
		}
		for _, a := range spots {
			if _, err := process.Call(s.ctx, ref, (*tab).Track, a); err != nil {
				t.Error(err)
			}
		}
		if err := process.Do(s.ctx, ref, (*tab).Untrack, spots[2]); err != nil {
			t.Error(err)
		}
		if _, err := process.Call(s.ctx, ref, (*tab).Update, spots[3]); err != nil {
			t.Error(err)
		}
		for topic, want := range map[string]int{"a": 2, "b": 1, "c": 2, "d": 0} {
			if n, _ := s.users.Count(s.ctx, topic); n != want {
				t.Errorf("%d on %q, want %d", n, topic, want)
			}
		}
		s.end(ref, process.Shutdown)
		synctest.Wait()
		for _, a := range spots {
			if n, _ := s.users.Count(s.ctx, a.topic); n != 0 {
				t.Errorf("%d on %q", n, a.topic)
			}
		}
	})
}

// A hearer that panics harms nobody else, and none is called after its stop.
func TestHearers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSite(t, &presence.Tracker[who]{})
		stop, err := s.users.Hear(s.ctx, func(presence.Diff) { panic("on purpose") })
		if err != nil {
			t.Fatal(err)
		}
		f := s.follow("room")
		s.join("room", "bob", "here")
		settle()
		if f.keys() != 1 || s.counters.Counter("presence.hearers.panicked").Value() != 1 {
			t.Error(f.keys())
		}
		stop()
		stop()
		s.join("room", "amy", "here")
		settle()
		if f.keys() != 2 || s.counters.Counter("presence.hearers.panicked").Value() != 1 {
			t.Error(f.keys())
		}
	})
}

// Trackers of one name on one node hear each other over pubsub; those of another name do not.
func TestGossipOverPubsub(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSite(t, &presence.Tracker[who]{})
		twin := &site{t: t, ctx: s.ctx, users: &presence.Tracker[who]{}, counters: s.counters}
		twin.start()
		other := &site{t: t, ctx: s.ctx, users: &presence.Tracker[who]{Name: "others"}, counters: s.counters}
		other.start()
		defer other.stop()
		s.join("room", "bob", "here")
		twin.join("room", "amy", "here")
		settle()
		if got := twin.list("room"); len(got) != 2 || !got.equal(s.list("room")) || len(other.list("room")) != 0 {
			t.Error(got)
		}
		twin.stop()
		synctest.Wait()
		if got := sorted(s.list("room")); len(got) != 1 {
			t.Error(got)
		}
	})
}

func TestOnlyAProcessIsPresent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSite(t, &presence.Tracker[who]{})
		if _, err := s.users.Track(s.ctx, "room", "bob", who{}); !errors.Is(err, process.ErrNotHere) {
			t.Error(err)
		}
		down := &presence.Tracker[who]{Name: "down"}
		if _, err := down.Track(s.ctx, "room", "bob", who{}); !errors.Is(err, presence.ErrDown) {
			t.Error(err)
		}
		if _, err := down.Track(context.Background(), "room", "bob", who{}); !errors.Is(err, process.ErrNoNode) {
			t.Error(err)
		}
		var kept context.Context
		bob := s.open()
		_ = process.Do(s.ctx, bob, (*tab).Do, func(ctx context.Context) error { kept = ctx; return nil })
		s.end(bob, process.Shutdown)
		if _, err := s.users.Track(kept, "room", "bob", who{}); !errors.Is(err, process.ErrDead) {
			t.Error(err)
		}
	})
}

func TestSpots(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSite(t, &presence.Tracker[who]{})
		f := s.follow("room")
		odd := []string{"__proto__", "constructor", `"`, `\`, "\x00", "</script>", "é", "\u2028", " ", strings.Repeat("k", 254), strings.Repeat("k", 255)}
		for _, key := range odd {
			s.join("room", key, "here")
		}
		settle()
		if got := f.sees(); len(got) != len(odd) || !got.equal(s.list("room")) {
			t.Error(got)
		}
		for _, a := range []at{{"room", "", ""}, {"", "k", ""}, {"room", strings.Repeat("k", 256), ""}, {strings.Repeat("t", 256), "k", ""}, {"room", "\xff", ""}, {"\xff", "k", ""}} {
			if _, err := process.Call(s.ctx, s.open(), (*tab).Track, a); !errors.Is(err, fault.Invalid) {
				t.Errorf("%q: %v", a, err)
			}
		}
		s.join(strings.Repeat("t", 255), "k", "")
	})
}

func TestMetas(t *testing.T) {
	bubble(t, func(t *testing.T) {
		users := &presence.Tracker[any]{Name: "any", MetaBytes: 32}
		if err := users.Start(newSite(t, &presence.Tracker[who]{}).ctx); err != nil {
			t.Fatal(err)
		}
		s := newSite(t, &presence.Tracker[who]{})
		ctx, cancel := context.WithCancel(s.ctx)
		done := make(chan error, 1)
		go func() { done <- users.Serve(ctx) }()
		defer func() { cancel(); <-done }()
		track := func(meta any) (err error) {
			if e := process.Do(s.ctx, s.open(), (*tab).Do, func(ctx context.Context) error {
				_, err = users.Track(ctx, "room", "bob", meta)
				return nil
			}); e != nil {
				t.Error(e)
			}
			return err
		}
		for _, bad := range []any{nil, 1, "text", []int{1}, func() {}, map[string]int{"phx_ref": 1}, map[string]int{"phx_ref_prev": 1}, map[string]string{"x": strings.Repeat("x", 25)}} {
			if err := track(bad); !errors.Is(err, fault.Invalid) {
				t.Errorf("%T: %v", bad, err)
			}
		}
		for _, good := range []any{struct{}{}, map[string]int{}, map[string]string{"x": strings.Repeat("x", 24)}, map[string]string{"a": "phx_ref"}, json.RawMessage(`{ "a" : 1 }`)} {
			if err := track(good); err != nil {
				t.Errorf("%v: %v", good, err)
			}
		}
		settle()
		state, err := users.State(s.ctx, "room")
		if err != nil || !json.Valid(state.Payload) {
			t.Error(string(state.Payload), err)
		}
	})
}

func TestSettings(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx := newSite(t, &presence.Tracker[who]{}).ctx
		for _, wrong := range []*presence.Tracker[who]{
			{},
			{Name: "n", Period: -1},
			{Name: "n", Period: 2 * time.Second, Down: 4*time.Second - 1},
			{Name: "n", Permanent: 30*time.Second - 1},
			{Name: "n", MetaBytes: 1},
			{Name: "n", MetaBytes: 1<<20 + 1},
		} {
			if err := wrong.Start(ctx); err == nil {
				t.Errorf("%+v started", wrong.Name)
			}
		}
		if err := (&presence.Tracker[who]{Name: "n"}).Start(context.Background()); !errors.Is(err, process.ErrNoNode) {
			t.Error(err)
		}
	})
}

func TestStopAndStart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSite(t, &presence.Tracker[who]{})
		f := s.follow("room")
		bob := s.join("room", "bob", "here")
		settle()
		if err := s.users.Start(s.ctx); !errors.Is(err, fault.Conflict) {
			t.Error(err)
		}
		s.stop()
		if got := f.sees(); len(got) != 0 {
			t.Error("after the end:", got)
		}
		_, err := process.Call(s.ctx, bob, (*tab).Track, at{"room", "bob", "here"})
		if !errors.Is(err, fault.Unavailable) {
			t.Error(err)
		}
		if _, err := s.users.List(s.ctx, "room"); !errors.Is(err, presence.ErrDown) {
			t.Error(err)
		}
		if err := s.users.Serve(s.ctx); !errors.Is(err, presence.ErrDown) {
			t.Error(err)
		}
		s.start()
		if _, err := process.Call(s.ctx, bob, (*tab).Track, at{"room", "bob", "back"}); err != nil {
			t.Error(err)
		}
		settle()
		if got := f.sees(); !got.equal(s.list("room")) || len(got) != 1 {
			t.Error(got)
		}
		s.end(bob, process.Shutdown)
		settle()
		if got := f.sees(); len(got) != 0 {
			t.Error(got)
		}
	})
}

// TestTheStateHasWhoeverJustJoined: in a quiet topic; in a busy one the next diff tells of it.
func TestTheStateHasWhoeverJustJoined(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSite(t, &presence.Tracker[who]{})
		f := s.follow("room")
		join := func(key string) refs {
			if _, err := process.Call(s.ctx, s.open(), (*tab).Track, at{"room", key, "here"}); err != nil {
				t.Fatal(err)
			}
			return s.follow("room").sees()
		}
		if got := join("ann"); len(got) != 1 {
			t.Error("the first joins:", got)
		}
		if got := join("bob"); len(got) != 1 {
			t.Error("the second joins in the pause:", got)
		}
		settle()
		if got := join("cyd"); len(got) != 3 {
			t.Error("the third joins after it:", got)
		}
		settle()
		if got := f.sees(); len(got) != 3 || f.told() != 3 {
			t.Error("who was there before sees", got, "after", f.told(), "diffs")
		}
	})
}
