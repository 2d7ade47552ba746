package datatest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/pubsub"
)

// recorder is a test that can fail without failing.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper()                      {}
func (r *recorder) Errorf(f string, args ...any) { r.said = append(r.said, fmt.Sprintf(f, args...)) }
func (r *recorder) Fatalf(f string, args ...any) { r.Errorf(f, args...); panic(r) }

// says runs fn and gives what it said.
func (r *recorder) says(fn func()) string {
	from := len(r.said)
	func() {
		defer func() {
			if v := recover(); v != nil && v != any(r) {
				panic(v)
			}
		}()
		fn()
	}()
	return strings.Join(r.said[from:], "\n")
}

type mail struct {
	To   string `json:"to"`
	Text string `json:"text,omitempty"`
}

const arrivals pubsub.Topic[mail] = "arrivals"

type insert struct{} // is an effect, but none of the outbox

func (insert) Enlist(context.Context, data.Tx) error { return nil }

func TestOutbox(t *testing.T) {
	datatest.Each(t, nil, func(t *testing.T, repo *data.Repo) {
		node := process.NewNode(t.Context())
		t.Cleanup(node.Close)
		ctx := node.Context(t.Context())
		var mu sync.Mutex // each carrier has a goroutine
		var sent []string
		note := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			sent = append(sent, what)
		}
		var copies data.Outgoing[mail]
		send := data.Carry("send", func(ctx context.Context, m mail) error {
			note("send " + m.To)
			if m.To == "nobody" {
				return fault.Invalid.Errorf("there is no such address")
			}
			return repo.Write(ctx, func(ctx context.Context, tx data.Tx) error { return tx.Emit(ctx, copies.Effect(m)) })
		})
		copies = data.Carry("copy", func(_ context.Context, m mail) error { note("copy " + m.To); return nil })
		r := &recorder{TB: t}
		outbox := datatest.StartOutbox(r, ctx, &data.Outbox{Repo: repo, Carriers: []data.Carrier{send, copies, data.Topic(arrivals)}})
		news := make(chan mail, 1)
		stop, err := pubsub.Tap(ctx, arrivals, func(m mail) { news <- m })
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		emit := func(then error, effects ...data.Effect) {
			t.Helper()
			err := repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
				if err := tx.Emit(ctx, effects...); err != nil {
					return err
				}
				return then
			})
			if !errors.Is(err, then) {
				t.Fatal(err)
			}
		}
		ann, bob := mail{To: "ann"}, mail{To: "bob", Text: "hello"}
		outbox.RefuteEmitted()
		emit(nil, send.Effect(ann), data.Publish(arrivals, ann), send.Effect(bob))
		emit(errors.New("rolled back"), send.Effect(mail{To: "eve"}))

		outbox.AssertEmitted(send.Effect(bob), data.Publish(arrivals, ann), send.Effect(ann))
		outbox.RefuteEmitted(send.Effect(mail{To: "eve"}), data.Publish(arrivals, bob), copies.Effect(ann))
		if got := datatest.Emitted(outbox, send.Effect); !slices.Equal(got, []mail{ann, bob}) {
			t.Errorf("there are %v", got)
		}
		if len(sent) > 0 || len(r.said) > 0 {
			t.Errorf("before Carry %q happened, and it said %q", sent, r.said)
		}
		for _, c := range []struct {
			what string
			fn   func()
		}{
			{`with {"to":"eve"}; there are 3`, func() { outbox.AssertEmitted(send.Effect(mail{To: "eve"})) }},
			{"there is no effect of copy", func() { outbox.AssertEmitted(copies.Effect(ann)) }},
			{"there is no effect of send", func() { outbox.AssertEmitted(send.Effect(ann), send.Effect(ann)) }},
			{"there is an effect of topic:arrivals", func() { outbox.RefuteEmitted(data.Publish(arrivals, ann)) }},
			{"there are 3 effects", func() { outbox.RefuteEmitted() }},
			{"is no effect of the outbox", func() { outbox.AssertEmitted(insert{}) }},
			{"does not know", func() {
				outbox.AssertEmitted(data.Carry("other", func(context.Context, int) error { return nil }).Effect(1))
			}},
			{"runs already", func() { datatest.StartOutbox(r, ctx, &data.Outbox{Repo: repo}) }},
		} {
			if said := r.says(c.fn); !strings.Contains(said, c.what) {
				t.Errorf("it says %q, not %q", said, c.what)
			}
		}

		if n := outbox.Carry(); n != 5 {
			t.Errorf("%d happened", n)
		}
		outbox.RefuteEmitted()
		slices.Sort(sent)
		if want := []string{"copy ann", "copy bob", "send ann", "send bob"}; !slices.Equal(sent, want) {
			t.Errorf("there happened %q", sent)
		}
		if m := <-news; m != ann {
			t.Errorf("the subscriber got %v", m)
		}
		emit(nil, send.Effect(mail{To: "nobody"}))
		if said := r.says(func() { outbox.Carry() }); !strings.Contains(said, "no such address") {
			t.Errorf("it says %q", said)
		}
		r.said = nil
		outbox.RefuteEmitted()
		if n := outbox.Carry(); n != 0 || len(r.said) > 0 {
			t.Errorf("once more %d happened, and it said %q", n, r.said)
		}
	})
}
