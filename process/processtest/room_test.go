package processtest_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

// What follows is in doc.go.

type Room struct{ members []process.Port[string] }

func openRoom(ctx context.Context) (*Room, error) {
	_, err := process.Every(ctx, time.Hour, (*Room).Chime)
	return new(Room), err
}

func (r *Room) Join(_ context.Context, member process.Port[string]) error {
	r.members = append(r.members, member)
	return nil
}

// Post leaves out, from then on, who has ended.
func (r *Room) Post(_ context.Context, text string) error {
	r.members = slices.DeleteFunc(r.members, func(member process.Port[string]) bool {
		return errors.Is(member.Send(text), process.ErrDead)
	})
	return nil
}

func (r *Room) Chime(ctx context.Context) error { return r.Post(ctx, "dong") }

type member = processtest.Probe[string]

func join(t *testing.T, ctx context.Context, room process.Ref[Room]) *member {
	p := processtest.NewProbe[string](t, ctx)
	p.Run(func(ctx context.Context) error { // in the process of the probe
		port, err := process.Bind(ctx, (*member).Got)
		if err != nil {
			return err
		}
		return process.Do(ctx, room, (*Room).Join, port)
	})
	return p
}

func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where an hour is over at once
		ctx := processtest.Node(t)
		room, err := process.Spawn(ctx, openRoom)
		if err != nil {
			t.Fatal(err)
		}
		calls := processtest.NewCalls(t, ctx, room)
		post := func(text string) {
			if err := process.Cast(ctx, room, (*Room).Post, text); err != nil {
				t.Error(err)
			}
		}
		ann, bob := join(t, ctx, room), join(t, ctx, room)
		post("hi")
		ann.Expect("hi")
		bob.Expect("hi")
		time.Sleep(time.Hour)
		ann.Expect("dong")
		ann.ExpectNone()
		calls.ExpectMethod("(*Room).Join", "(*Room).Join", "(*Room).Post", "(*Room).Chime")

		processtest.Drop(t, ctx, room, 1, "(*Room).Post") // one that gets lost
		post("lost")
		post("still there?")
		ann.Expect("still there?")

		processtest.Crash(t, ctx, bob.Ref(), errors.New("out of battery"))
		post("bye")
		ann.Expect("bye") // the end of one member does not keep it from the other
	})
}

// TestDoc wants the example of doc.go to be the one that runs here.
func TestDoc(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	must(t, err)
	essay, _, _ := strings.Cut(string(doc), "// # Expecting")
	here, err := os.ReadFile("room_test.go")
	must(t, err)
	lines := strings.Split(string(here), "\n")
	n := 0
	for line := range strings.Lines(essay) {
		code, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "//\t")
		if !ok {
			continue
		}
		at := slices.Index(lines, code)
		if at < 0 {
			t.Fatalf("not in room_test.go, or in another place there: %s", code)
		}
		lines = lines[at+1:]
		n++
	}
	if n < 50 {
		t.Errorf("the example has %d lines; is it still in doc.go?", n)
	}
}
