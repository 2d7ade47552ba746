package supervisor_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

func contains(s, word string) bool {
	for _, field := range strings.Fields(s) {
		if field == word {
			return true
		}
	}
	return false
}

const Nodes process.Family[knot] = "knots"

// knot is a member that speaks to others: along a path of keys, one after the other.
type knot struct{ w *world }

func (k *knot) Call(ctx context.Context, path []string) (int, error) {
	if len(path) == 0 {
		return 1, nil
	}
	n, err := process.Call(ctx, Nodes.Of(path[0]), (*knot).Call, path[1:])
	return n + 1, err
}

func (k *knot) Cast(ctx context.Context, path []string) error {
	k.w.note(process.Self[knot](ctx).Key())
	if len(path) == 0 {
		return nil
	}
	return process.Cast(ctx, Nodes.Of(path[0]), (*knot).Cast, path[1:])
}

// CastThenCall ends with a call back to where the cast came from.
func (k *knot) CastThenCall(ctx context.Context, back string) error {
	_, err := process.Call(ctx, Nodes.Of(back), (*knot).Call, nil)
	if err != nil {
		k.w.note(err.Error())
	}
	return nil
}

func (k *knot) Start(ctx context.Context, key string) error {
	return process.Cast(ctx, Nodes.Of(key), (*knot).CastThenCall, process.Self[knot](ctx).Key())
}

func TestMembersSpeakToMembers(t *testing.T) {
	bubble(t, func(w *world) {
		// The constructor of "up:k" asks k, which is perhaps who waits for it, and that of
		// "cast:k" casts to it.
		open := func(ctx context.Context) (*knot, error) {
			switch how, key, _ := strings.Cut(process.Self[knot](ctx).Key(), ":"); how {
			case "up":
				if _, err := process.Call(ctx, Nodes.Of(key), (*knot).Call, nil); err != nil {
					return nil, err
				}
			case "cast":
				if err := process.Cast(ctx, Nodes.Of(key), (*knot).Cast, nil); err != nil {
					return nil, err
				}
			}
			return &knot{w}, nil
		}
		root := w.start(supervisor.Child{Run: supervisor.Family(Nodes, open)})
		call := func(path ...string) (int, error) {
			return process.Call(w.ctx, Nodes.Of(path[0]), (*knot).Call, path[1:])
		}
		began := time.Now()
		if n, err := call("a", "b", "c"); n != 3 || err != nil {
			t.Errorf("a chain: %d, %v", n, err)
		}
		for _, path := range [][]string{{"a", "a"}, {"a", "b", "a"}, {"a", "b", "c", "b"}, {"new", "newer", "new"}, {"a", "up:a"}, {"a", "up:up:a"}} {
			_, err := call(path...)
			isErr(t, err, process.ErrCycle)
		}
		if n, err := call("a", "up:b"); n != 2 || err != nil {
			t.Errorf("a constructor that asks another: %d, %v", n, err)
		}
		if n, err := call("up:up:c"); n != 1 || err != nil {
			t.Errorf("constructors in a row: %d, %v", n, err)
		}
		if n, err := call("a", "cast:a"); n != 2 || err != nil {
			t.Errorf("a constructor that casts: %d, %v", n, err)
		}
		w.expect("a")
		if err := process.Cast(w.ctx, Nodes.Of("a"), (*knot).Cast, []string{"b", "a", "a", "d", "b"}); err != nil {
			t.Error(err)
		}
		w.expect("a b a a d b")
		if err := process.Do(w.ctx, Nodes.Of("a"), (*knot).Start, "fresh"); err != nil {
			t.Error(err)
		}
		w.expect("")
		if took := time.Since(began); took != 0 {
			t.Errorf("somebody waited %v for a timeout", took)
		}
		root.Stop()
	})
}
