package process_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/telemetry"
)

// shop is a process that other nodes use.
type shop struct{ *record }

type order struct {
	Item   string
	Amount int
}

func (s *shop) Buy(_ context.Context, o order) (order, error) {
	switch {
	case o.Amount == 0:
		return order{}, fault.NotFound.Errorf("no %s", o.Item)
	case o.Amount < 0:
		panic("amount")
	}
	return order{o.Item, 2 * o.Amount}, nil
}
func (s *shop) Count(context.Context) (int, error)        { return len(s.all()), nil }
func (s *shop) Note(_ context.Context, line string) error { s.note(line); return nil }
func (s *shop) Bell(ctx context.Context) error            { s.note("bell"); return nil }
func (s *shop) Trace(ctx context.Context) (string, error) {
	return telemetry.TraceOf(ctx).RequestID, nil
}
func (s *shop) Slow(ctx context.Context) error          { <-ctx.Done(); return ctx.Err() }
func (s *shop) Bad(context.Context) (float64, error)    { return math.NaN(), nil }
func (s *shop) Hidden(context.Context) error            { return errSour }
func (s *shop) Strange(context.Context) (int, error)    { return 1, nil }
func (s *shop) Key(ctx context.Context) (string, error) { return process.Self[shop](ctx).Key(), nil }
func (s *shop) Meet(_ context.Context, f func()) error  { return nil }
func (s *shop) Later(ctx context.Context, n int) (int, error) {
	r, err := process.Defer[int](ctx)
	if err != nil {
		return 0, err
	}
	return 0, errAfter(process.Go(ctx, func(context.Context) error { r.Send(n+1, nil); return nil }))
}

var shopWords = []process.Option{
	process.Remote("buy", (*shop).Buy),
	process.Remote("count", (*shop).Count),
	process.Remote("note", (*shop).Note),
	process.Remote("bell", (*shop).Bell),
	process.Remote("trace", (*shop).Trace),
	process.Remote("slow", (*shop).Slow),
	process.Remote("bad", (*shop).Bad),
	process.Remote("key", (*shop).Key),
	process.Remote("meet", (*shop).Meet),
	process.Remote("later", (*shop).Later),
}

const (
	theShop process.Name[shop]   = "shop"
	shops   process.Family[shop] = "shops"
)

// lan joins nodes in memory: here is where one looks for what it does not have.
type lan struct{ to *process.Node }

func (l lan) Find(_ context.Context, d process.Destination) (process.Peer, error) {
	switch {
	case d.Name == "lost":
		return nil, errSour
	case d.Name == "shop" || d.Family == "shops":
		return l, nil
	}
	return nil, nil
}

func (l lan) Deliver(ctx context.Context, r process.Request) (json.RawMessage, error) {
	wire, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var got process.Request
	if err := json.Unmarshal(wire, &got); err != nil {
		return nil, err
	}
	return l.to.Receive(context.WithoutCancel(ctx), got)
}

// twoNodes runs a test at a node that knows the shop of another.
func twoNodes(t *testing.T, test func(t *testing.T, ctx, there context.Context, rec *record)) {
	t.Helper()
	bubble(t, func(t *testing.T, ctx context.Context) {
		there := processtest.Node(t)
		rec := new(record)
		keep(t, there, theShop, func(context.Context) (*shop, error) { return &shop{rec}, nil }, shopWords...)
		far, err := process.NodeOf(there)
		is(t, err)
		near, err := process.NodeOf(ctx)
		is(t, err)
		near.Join(lan{far})
		is(t, near.Declare(append([]process.Option{process.Remote("strange", (*shop).Strange)}, shopWords...)...))
		test(t, ctx, there, rec)
	})
}

func TestRemote(t *testing.T) {
	twoNodes(t, func(t *testing.T, ctx, there context.Context, rec *record) {
		ref, err := theShop.Ref(ctx)
		is(t, err)
		for _, to := range []process.Address[shop]{theShop, ref} {
			out, err := process.Call(ctx, to, (*shop).Buy, order{"tea", 21})
			is(t, err)
			if out != (order{"tea", 42}) {
				t.Errorf("got %+v", out)
			}
		}
		is(t, process.Do(ctx, theShop, (*shop).Note, "do"))
		is(t, process.Run(ctx, theShop, (*shop).Bell))
		is(t, process.Cast(ctx, theShop, (*shop).Note, "cast"))
		is(t, process.Signal(ctx, theShop, (*shop).Bell))
		n, err := process.Ask(ctx, theShop, (*shop).Count)
		is(t, err)
		if n != 4 {
			t.Errorf("%d notes", n)
		}
		equal(t, rec.all(), "do", "bell", "cast", "bell")
		traced := telemetry.WithTrace(ctx, &telemetry.Trace{RequestID: "r-1"})
		id, err := process.Ask(traced, theShop, (*shop).Trace)
		is(t, err)
		if id != "r-1" {
			t.Errorf("the trace is %q", id)
		}
		// From a handler, where it waits as any call does.
		is(t, do(ctx, newBox(t, ctx), func(ctx context.Context) error {
			is(t, process.Cast(ctx, theShop, (*shop).Note, "from a handler"))
			out, err := process.Call(ctx, theShop, (*shop).Buy, order{"tea", 1})
			is(t, err)
			if out.Amount != 2 {
				t.Errorf("got %+v", out)
			}
			return nil
		}))
		is(t, process.Run(there, theShop, (*shop).Hidden), errSour) // at home it is as ever
	})
}

func TestRemoteErrors(t *testing.T) {
	twoNodes(t, func(t *testing.T, ctx, there context.Context, _ *record) {
		_, err := process.Call(ctx, theShop, (*shop).Buy, order{"tea", 0})
		is(t, err, fault.NotFound)
		_, err = process.Call(ctx, theShop, (*shop).Buy, order{"tea", -1})
		is(t, err, process.ErrDead, fault.Internal)
		_, err = process.Call(ctx, theShop, (*shop).Buy, order{"tea", 1}) // it is back
		is(t, err)
		// Only what is declared.
		is(t, process.Run(ctx, theShop, (*shop).Hidden), fault.Forbidden)
		is(t, process.Signal(ctx, theShop, (*shop).Hidden), fault.Forbidden)
		is(t, process.Run(ctx, theShop, func(*shop, context.Context) error { return nil }), fault.Forbidden)
		// Declared here, unknown there.
		_, err = process.Ask(ctx, theShop, (*shop).Strange)
		is(t, err, fault.NotFound)
		// What cannot be sent.
		is(t, process.Do(ctx, theShop, (*shop).Meet, func() {}), fault.Invalid)
		_, err = process.Ask(ctx, theShop, (*shop).Bad)
		is(t, err, fault.Internal)
		_, err = process.Ask(ctx, theShop, (*shop).Count) // that was an answer
		is(t, err)
		// Who is not found.
		is(t, process.Run(ctx, process.Name[shop]("nobody"), (*shop).Bell), process.ErrNoProcess)
		is(t, process.Run(ctx, process.Name[shop]("lost"), (*shop).Bell), errSour)
		is(t, process.Run(ctx, process.Family[shop]("other").Of("1"), (*shop).Bell), process.ErrNoProcess)
		is(t, process.Run(ctx, shops.Of("1"), (*shop).Bell), process.ErrNoProcess) // found, and not there
		is(t, process.Exit(there, theShop, process.Normal))
		synctest.Wait()
		is(t, process.Run(ctx, theShop, (*shop).Bell), process.ErrNoProcess, fault.Unavailable)
		is(t, process.Signal(ctx, theShop, (*shop).Bell), process.ErrNoProcess)
	})
}

// What comes over the wire is checked before it reaches a method.
func TestReceive(t *testing.T) {
	twoNodes(t, func(t *testing.T, _, there context.Context, rec *record) {
		far, err := process.NodeOf(there)
		is(t, err)
		to := process.Destination{Name: "shop"}
		for _, wait := range []bool{true, false} {
			for _, in := range []string{`"text"`, `{"Amount":"x"}`, `{`, ``, `[1]`} {
				_, err := far.Receive(t.Context(), process.Request{To: to, Word: "buy", Input: json.RawMessage(in), Wait: wait})
				is(t, err, fault.Invalid)
			}
			_, err = far.Receive(t.Context(), process.Request{To: to, Word: "unknown", Wait: wait})
			is(t, err, fault.NotFound)
			_, err = far.Receive(t.Context(), process.Request{To: process.Destination{Family: "shops", Key: "1"}, Word: "buy", Wait: wait})
			is(t, err, process.ErrNoProcess)
		}
		out, err := far.Receive(t.Context(), process.Request{To: to, Word: "buy", Input: json.RawMessage(`{"Item":"tea","Amount":3}`), Wait: true})
		is(t, err)
		if string(out) != `{"Item":"tea","Amount":6}` {
			t.Errorf("got %s", out)
		}
		out, err = far.Receive(t.Context(), process.Request{To: to, Word: "note", Input: json.RawMessage(`"wire"`)})
		is(t, err)
		processtest.Settle(t, there, theShop)
		if len(out) != 0 {
			t.Errorf("a cast is answered with %s", out)
		}
		equal(t, rec.all(), "wire")
		if i := slotInfo(t, there, theShop); i.Restarts != 0 {
			t.Errorf("it crashed: %+v", i)
		}
	})
}

// The caller's deadline, or the default, is that of the handler on the other node.
func TestRemoteDeadline(t *testing.T) {
	twoNodes(t, func(t *testing.T, ctx, there context.Context, _ *record) {
		for _, limit := range []time.Duration{0, time.Second, time.Minute} {
			start, call, want := time.Now(), ctx, process.DefaultTimeout
			if limit > 0 {
				var cancel context.CancelFunc
				call, cancel = context.WithTimeout(ctx, limit)
				defer cancel()
				want = limit
			}
			err := process.Run(call, theShop, (*shop).Slow)
			took(t, start, want)
			is(t, err, context.DeadlineExceeded)
			processtest.Settle(t, there, theShop)
			took(t, start, want)
		}
		// In a handler it is that of the call which it handles.
		start := time.Now()
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		is(t, do(short, newBox(t, ctx), func(ctx context.Context) error { return process.Run(ctx, theShop, (*shop).Slow) }), context.DeadlineExceeded)
		took(t, start, 2*time.Second)
		synctest.Wait()
	})
}

// The members of a family are woken from another node.
func TestRemoteFamily(t *testing.T) {
	twoNodes(t, func(t *testing.T, ctx, there context.Context, _ *record) {
		h := &host{node: there, slots: map[string]*process.Slot{}}
		spawn(t, there, func(ctx context.Context) (_ *host, err error) {
			if h.port, err = process.Bind(ctx, (*host).ended); err != nil {
				return nil, err
			}
			if h.make, err = process.Members(shops, func(context.Context) (*shop, error) { return &shop{new(record)}, nil }, shopWords...); err != nil {
				return nil, err
			}
			release, err := process.Adopt(ctx, shops, h)
			if err != nil {
				return nil, err
			}
			_, err = h.port.OnEnd(release)
			return h, err
		})
		var wg sync.WaitGroup
		for _, key := range []string{"a", "b/c", "a"} {
			wg.Go(func() {
				got, err := process.Ask(ctx, shops.Of(key), (*shop).Key)
				is(t, err)
				if got != key {
					t.Errorf("%q answers for %q", got, key)
				}
			})
		}
		wg.Wait()
		if h.made != 2 {
			t.Errorf("%d were made, want 2", h.made)
		}
	})
}

// What is not a message cannot be done to a process of another node.
func TestRemoteIsNotHere(t *testing.T) {
	twoNodes(t, func(t *testing.T, ctx, _ context.Context, _ *record) {
		ref := newBox(t, ctx)
		for name, try := range map[string]func() error{
			"Exit":    func() error { return process.Exit(ctx, theShop, process.Normal) },
			"Wait":    func() error { _, err := process.Wait(ctx, theShop); return err },
			"InfoOf":  func() error { _, err := process.InfoOf(ctx, theShop); return err },
			"State":   func() error { _, err := process.State(ctx, theShop); return err },
			"Restart": func() error { return process.Restart(ctx, theShop) },
			"Suspend": func() error { return process.Suspend(ctx, theShop) },
			"Trace":   func() error { _, err := process.Trace(ctx, theShop, nil); return err },
			"Link": func() error {
				return do(ctx, ref, func(ctx context.Context) error { return process.Link(ctx, theShop) })
			},
			"Monitor": func() error {
				return do(ctx, ref, func(ctx context.Context) error {
					_, err := process.Monitor(ctx, theShop, (*box).Down)
					return err
				})
			},
		} {
			if err := try(); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "another node") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if process.Alive(ctx, theShop) {
			t.Error("it is said to be alive here")
		}
	})
}

func TestRemoteRefusesMethods(t *testing.T) {
	for name, o := range map[string]process.Option{
		"no word":     process.Remote("", (*shop).Bell),
		"no method":   process.Remote("x", 1),
		"nil":         process.Remote("x", (func(*shop, context.Context) error)(nil)),
		"no receiver": process.Remote("x", func(context.Context) error { return nil }),
		"no error":    process.Remote("x", func(*shop, context.Context) int { return 1 }),
		"too many":    process.Remote("x", func(*shop, context.Context, int, int) error { return nil }),
		"variadic":    process.Remote("x", func(*shop, context.Context, ...int) error { return nil }),
		"no context":  process.Remote("x", func(*shop, int) error { return nil }),
	} {
		if _, err := process.Compose(o); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
		n := process.NewNode(t.Context())
		if err := n.Declare(o); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: Declare says %v", name, err)
		}
		n.Close()
	}
}
