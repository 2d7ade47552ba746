package data_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/pubsub"
	"github.com/bennu-go/bennu/telemetry"
)

type alert struct {
	Unit  string
	Level int
}

const alerts pubsub.Topic[alert] = "alerts"

// onNode is a context with a node, whose counters it has.
func onNode(t testing.TB) context.Context {
	ctx := telemetry.WithLogger(context.Background(), slog.New(slog.DiscardHandler))
	n := process.NewNode(telemetry.WithCounters(ctx, new(telemetry.Counters)))
	t.Cleanup(n.Close)
	return n.Context(ctx)
}

func counted(ctx context.Context, name string) int64 {
	n, _ := process.NodeOf(ctx)
	return telemetry.CountersOf(n.Context(context.Background())).Snapshot()[name]
}

// serveOutbox starts an outbox and gives what stops it.
func serveOutbox(t testing.TB, ctx context.Context, o *data.Outbox) (stop func() error) {
	t.Helper()
	if err := o.Start(ctx); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- o.Serve(ctx); close(served) }()
	stop = func() error { cancel(); return <-served }
	t.Cleanup(func() { stop() })
	return stop
}

// heard collects what arrives somewhere.
type heard struct {
	mu  sync.Mutex
	all []string
}

func (h *heard) add(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, what)
}

func (h *heard) list() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.all)
}

func (h *heard) wants(t testing.TB, want ...string) {
	t.Helper()
	if got := h.list(); !slices.Equal(got, want) {
		t.Errorf("arrived: %q, want %q", got, want)
	}
}

// on hears a topic.
func (h *heard) on(t testing.TB, ctx context.Context, topic pubsub.Topic[alert]) {
	t.Helper()
	stop, err := pubsub.Tap(ctx, topic, func(a alert) { h.add(fmt.Sprintf("%s %d", a.Unit, a.Level)) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
}

func emit(ctx context.Context, repo *data.Repo, effects ...data.Effect) error {
	return repo.Write(ctx, func(ctx context.Context, tx data.Tx) error { return tx.Emit(ctx, effects...) })
}

func mustEmit(t testing.TB, ctx context.Context, repo *data.Repo, effects ...data.Effect) {
	t.Helper()
	if err := emit(ctx, repo, effects...); err != nil {
		t.Fatal(err)
	}
}

func settle(t testing.TB, o *data.Outbox) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if err := o.Settle(ctx); err != nil {
		t.Fatal(err)
	}
}

// stored is how many rows a query finds.
func stored(t testing.TB, repo *data.Repo, query string, args ...any) (n int) {
	t.Helper()
	err := repo.Read(context.Background(), func(ctx context.Context, tx data.Tx) error {
		return tx.NewRaw("SELECT count(*) FROM "+query, args...).Scan(ctx, &n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func change(t testing.TB, repo *data.Repo, query string, args ...any) {
	t.Helper()
	err := repo.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewRaw(query, args...).Exec(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEffectsGoOutWhenItCommits(t *testing.T) {
	t.Parallel()
	datatest.Each(t, nil, testEffectsGoOutWhenItCommits)
}

func testEffectsGoOutWhenItCommits(t *testing.T, repo *data.Repo) {
	ctx := onNode(t)
	outbox := &data.Outbox{Repo: repo, Carriers: []data.Carrier{data.Topic(alerts)}}
	serveOutbox(t, ctx, outbox)
	var h heard
	h.on(t, ctx, alerts)

	failed := errors.New("changed my mind")
	err := repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		if err := tx.Emit(ctx, data.Publish(alerts, alert{"rolled back", 1})); err != nil {
			return err
		}
		return failed
	})
	if err != failed {
		t.Fatal(err)
	}
	err = repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		if err := tx.Emit(ctx, data.Publish(alerts, alert{"truck", 1}), data.Publish(alerts, alert{"it's \\ \"\x00é", 2})); err != nil {
			return err
		}
		err := repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
			if err := tx.Emit(ctx, data.Publish(alerts, alert{"savepoint", 3})); err != nil {
				return err
			}
			return failed
		})
		if err != failed {
			return err
		}
		h.wants(t) // nothing goes out before the commit
		return tx.Emit(ctx, data.Publish(alerts, alert{"van ?", 4}))
	})
	if err != nil {
		t.Fatal(err)
	}
	settle(t, outbox)
	h.wants(t, "truck 1", "it's \\ \"\x00é 2", "van ? 4")
	if n := stored(t, repo, "bennu_outbox"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if n := counted(ctx, "data.effects.carried"); n != 3 {
		t.Errorf("%d were counted", n)
	}
}

func TestEffectsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	ctx, repo := onNode(t), datatest.Open(t, nil)
	const other pubsub.Topic[alert] = "others"
	outbox := &data.Outbox{Repo: repo, Carriers: []data.Carrier{data.Topic(alerts), data.Topic(other)}}
	serveOutbox(t, ctx, outbox)
	var h heard
	h.on(t, ctx, alerts)
	h.on(t, ctx, other)
	var want []string
	var mu sync.Mutex
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 100 {
				topic := []pubsub.Topic[alert]{alerts, other}[i%2]
				err := repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
					mu.Lock() // one write runs at a time
					want = append(want, fmt.Sprintf("%d %d", w, i))
					mu.Unlock()
					return tx.Emit(ctx, data.Publish(topic, alert{fmt.Sprint(w), i}))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	settle(t, outbox)
	h.wants(t, want...)
}

// An effect of one's own takes part in the transaction.
type note struct{ unit string }

func (n note) Enlist(ctx context.Context, tx data.Tx) error {
	_, err := tx.NewInsert().Model(&Position{Unit: n.unit}).Exec(ctx)
	return err
}

func TestEffectsOfOnesOwn(t *testing.T) {
	t.Parallel()
	ctx, repo := onNode(t), datatest.Open(t, migrations)
	outbox := &data.Outbox{Repo: repo, Carriers: []data.Carrier{data.Topic(alerts)}}
	serveOutbox(t, ctx, outbox)
	var h heard
	h.on(t, ctx, alerts)
	mustEmit(t, ctx, repo, data.Publish(alerts, alert{"a", 1}), note{"one"}, data.Publish(alerts, alert{"b", 2}), note{"two"})
	settle(t, outbox)
	h.wants(t, "a 1", "b 2")
	wantUnits(t, repo, "one", "two")
	if err := emit(ctx, repo); err != nil {
		t.Errorf("nothing emitted: %v", err)
	}
}

func TestCarry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, repo := onNode(t), datatest.Open(t, nil)
		var h heard
		begun := time.Now()
		attempts := make(map[string]int)
		flaky := data.Carry("flaky", func(ctx context.Context, a alert) error {
			attempts[data.EffectID(ctx)]++
			h.add(fmt.Sprintf("%s after %v", a.Unit, time.Since(begun)))
			switch n := attempts[data.EffectID(ctx)]; {
			case a.Unit == "fails" && n < 4:
				return errors.New("not now")
			case a.Unit == "panics" && n < 2:
				panic("oh")
			case a.Unit == "never":
				return fault.Invalid.Errorf("no such unit")
			case a.Unit == "hangs" && n < 2:
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		outbox := &data.Outbox{Repo: repo, Carriers: []data.Carrier{flaky, data.Topic(alerts)}}
		serveOutbox(t, ctx, outbox)
		var topics heard
		topics.on(t, ctx, alerts)
		for _, unit := range []string{"fails", "panics", "never", "hangs", "last"} {
			mustEmit(t, ctx, repo, flaky.Effect(alert{unit, 1}))
		}
		mustEmit(t, ctx, repo, data.Publish(alerts, alert{"quick", 1}))
		synctest.Wait()
		topics.wants(t, "quick 1") // while the other one fails
		settle(t, outbox)
		h.wants(t, "fails after 0s", "fails after 100ms", "fails after 300ms", "fails after 700ms",
			"panics after 700ms", "panics after 800ms", "never after 800ms", "hangs after 800ms", "hangs after 1m0.9s", "last after 1m0.9s")
		if n := stored(t, repo, "bennu_outbox WHERE error = 'no such unit'"); n != 1 {
			t.Errorf("%d refused effects are stored", n)
		}
		for name, want := range map[string]int64{"carried": 5, "failed": 5, "refused": 1, "adopted": 0} {
			if n := counted(ctx, "data.effects."+name); n != want {
				t.Errorf("data.effects.%s = %d, want %d", name, n, want)
			}
		}
		if len(attempts) != 5 || attempts[""] != 0 {
			t.Errorf("effects: %v", attempts)
		}
	})
}

func TestRefusedEffectsAreTriedAgainOnRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, repo := onNode(t), datatest.Open(t, nil)
		var h heard
		broken := true
		call := data.Carry("call", func(_ context.Context, a alert) error {
			if broken {
				return fault.Invalid
			}
			h.add(a.Unit)
			return nil
		})
		outbox := &data.Outbox{Repo: repo, Carriers: []data.Carrier{call}}
		stop := serveOutbox(t, ctx, outbox)
		mustEmit(t, ctx, repo, call.Effect(alert{"x", 1}))
		settle(t, outbox)
		stop()
		broken = false
		change(t, repo, "UPDATE bennu_outbox SET error = NULL")
		serveOutbox(t, ctx, outbox)
		time.Sleep(2 * time.Second) // of the bubble's clock
		h.wants(t, "x")
	})
}

func TestEffectsWithoutAnOutbox(t *testing.T) {
	t.Parallel()
	ctx, repo := onNode(t), datatest.Open(t, nil)
	wantFault(t, emit(ctx, repo, data.Publish(alerts, alert{})), fault.Unavailable, "list a data.Outbox")
	outbox := &data.Outbox{Repo: repo, Carriers: []data.Carrier{data.Topic(alerts)}}
	wantFault(t, outbox.Serve(ctx), fault.Unavailable, "call Start")
	wantFault(t, outbox.Settle(ctx), fault.Unavailable)
	stop := serveOutbox(t, ctx, outbox)

	unknown := data.Carry("unknown", func(context.Context, alert) error { return nil })
	wantFault(t, emit(ctx, repo, unknown.Effect(alert{})), fault.Internal, `"unknown"`, "Outbox.Carriers")
	wantFault(t, emit(ctx, repo, data.Publish(pubsub.Topic[int]("others"), 1)), fault.Internal, `"topic:others"`)
	wantFault(t, emit(ctx, repo, data.Publish(pubsub.Topic[func()]("alerts"), func() {})), fault.Internal, "JSON")
	wantFault(t, outbox.Start(ctx), fault.Conflict)
	wantFault(t, (&data.Outbox{Repo: repo}).Start(ctx), fault.Conflict)
	if err := emit(ctx, repo, data.Publish(alerts, alert{})); err != nil {
		t.Errorf("the first outbox is gone: %v", err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	wantFault(t, emit(ctx, repo, data.Publish(alerts, alert{})), fault.Unavailable)
}

func TestLargestEffect(t *testing.T) {
	t.Parallel()
	ctx, repo := onNode(t), datatest.Open(t, nil)
	var h heard
	length := data.Carry("length", func(_ context.Context, text string) error { h.add(fmt.Sprint(len(text))); return nil })
	outbox := &data.Outbox{Repo: repo, Carriers: []data.Carrier{length}}
	serveOutbox(t, ctx, outbox)
	const most = 1<<20 - len(`""`)
	mustEmit(t, ctx, repo, length.Effect(strings.Repeat("x", most)))
	wantFault(t, emit(ctx, repo, length.Effect(strings.Repeat("x", most+1))), fault.Invalid, "store it, and emit its key")
	settle(t, outbox)
	h.wants(t, fmt.Sprint(most))
}

func TestOutboxWiring(t *testing.T) {
	t.Parallel()
	ctx, repo := onNode(t), datatest.Open(t, nil)
	call := func(name string) data.Carrier {
		return data.Carry(name, func(context.Context, alert) error { return nil })
	}
	tests := []struct {
		outbox *data.Outbox
		want   string
	}{
		{&data.Outbox{}, "no Repo"},
		{&data.Outbox{Repo: repo, Carriers: []data.Carrier{nil}}, "nil"},
		{&data.Outbox{Repo: repo, Carriers: []data.Carrier{call("")}}, "no name"},
		{&data.Outbox{Repo: repo, Carriers: []data.Carrier{data.Topic(pubsub.Topic[int](""))}}, "no name"},
		{&data.Outbox{Repo: repo, Carriers: []data.Carrier{call("a"), call("a")}}, `two carriers called "a"`},
		{&data.Outbox{Repo: repo, Carriers: []data.Carrier{call("topic:a")}}, "like a topic"},
	}
	for _, test := range tests {
		wantFault(t, test.outbox.Start(ctx), fault.Invalid, test.want)
	}
	if err := (&data.Outbox{Repo: repo}).Start(context.Background()); !errors.Is(err, process.ErrNoNode) {
		t.Errorf("without a node: %v", err)
	}
	wantFault(t, (&data.Outbox{Repo: &data.Repo{}}).Start(ctx), fault.Unavailable, "not running")
	serveOutbox(t, ctx, &data.Outbox{Repo: repo}) // none of these is in the way
}

func TestCarriersMayNotEndTheirGoroutine(t *testing.T) {
	t.Parallel()
	ctx, repo := onNode(t), datatest.Open(t, nil)
	var h heard
	call := data.Carry("call", func(context.Context, alert) error {
		if len(h.list()) == 0 {
			h.add("once")
			runtime.Goexit()
		}
		h.add("twice")
		return nil
	})
	outbox := &data.Outbox{Repo: repo, Carriers: []data.Carrier{call}}
	if err := outbox.Start(ctx); err != nil {
		t.Fatal(err)
	}
	mustEmit(t, ctx, repo, call.Effect(alert{})) // before Serve
	wantFault(t, outbox.Serve(ctx), fault.Internal, "ended its goroutine")
	serveOutbox(t, ctx, outbox) // as a supervisor does
	for len(h.list()) < 2 {
		runtime.Gosched()
	}
	settle(t, outbox)
	h.wants(t, "once", "twice")
}

// Bodies that do not fit into memory are read when their turn comes.
func TestManyEffectsWait(t *testing.T) {
	t.Parallel()
	ctx, repo := onNode(t), datatest.Open(t, nil)
	var h heard
	gate := make(chan struct{})
	text := strings.Repeat("x", 1<<20-100)
	call := data.Carry("call", func(_ context.Context, s []string) error {
		<-gate
		if s[1] != text {
			return fault.Invalid
		}
		h.add(s[0])
		return nil
	})
	outbox := &data.Outbox{Repo: repo, Carriers: []data.Carrier{call}}
	serveOutbox(t, ctx, outbox)
	var want []string
	for i := range 12 {
		mustEmit(t, ctx, repo, call.Effect([]string{fmt.Sprint(i), text}))
		want = append(want, fmt.Sprint(i))
	}
	if n := outbox.Pending(); n != 12 {
		t.Errorf("%d are pending", n)
	}
	close(gate)
	settle(t, outbox)
	h.wants(t, want...)
}
