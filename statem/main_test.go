package statem_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/statem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errSour = errors.New("sour")

// rig is a machine that does what a test asks, and notes what happens.
type rig struct {
	statem.Machine[string]
	*plan
}

// plan is what a test wants of a rig, over all its incarnations.
type plan struct {
	first  string // "": a
	tables []statem.Table[string]
	open   func(context.Context, *rig) error
	cont   func(context.Context, *rig) error
	enter  func(context.Context, *rig) error

	mu    sync.Mutex
	lines []string
}

type step = func(*rig, context.Context) error

func (p *plan) start(ctx context.Context) (*rig, error) {
	r := &rig{plan: p}
	if p.first == "" {
		p.first = "a"
	}
	if err := statem.Begin(ctx, r, p.first, p.tables...); err != nil {
		return nil, err
	}
	if p.open != nil {
		return r, p.open(ctx, r)
	}
	return r, nil
}

func (r *rig) Continue(ctx context.Context) error {
	if r.cont != nil {
		return r.cont(ctx, r)
	}
	return nil
}

func (r *rig) Enter(ctx context.Context, from string) error {
	r.note(from + ">" + r.State())
	if r.enter != nil {
		return r.enter(ctx, r)
	}
	return nil
}

func (p *plan) note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, line)
}

// Note notes the line and the state.
func (r *rig) Note(_ context.Context, line string) error {
	r.note(line + "@" + r.State())
	return nil
}

// In notes the line if the state is the one before its colon, and else postpones it.
func (r *rig) In(ctx context.Context, line string) error {
	if state, _, _ := strings.Cut(line, ":"); r.State() != state {
		return statem.Postpone
	}
	return r.Note(ctx, line)
}

// noter is a method that notes a line.
func noter(line string) step {
	return func(r *rig, ctx context.Context) error { return r.Note(ctx, line) }
}

// bubble runs a test with a node in a synctest bubble.
func bubble(t *testing.T, test func(t *testing.T, ctx context.Context)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, processtest.Node(t)) })
}

func spawn(t testing.TB, ctx context.Context, p *plan, opts ...process.Option) process.Ref[rig] {
	t.Helper()
	ref, err := process.Spawn(ctx, p.start, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// do has the rig do something, and wants the error.
func do(t testing.TB, ctx context.Context, ref process.Ref[rig], want error, fn step) {
	t.Helper()
	is(t, process.Run(ctx, ref, fn), want)
}

func cast(t testing.TB, ctx context.Context, ref process.Ref[rig], method func(*rig, context.Context, string) error, lines ...string) {
	t.Helper()
	for _, line := range lines {
		is(t, process.Cast(ctx, ref, method, line), nil)
	}
}

func to(state string) step {
	return func(r *rig, ctx context.Context) error { return r.Goto(ctx, state) }
}

// saw settles the rig, and wants these lines since the last time.
func (p *plan) saw(t testing.TB, want ...string) {
	t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.lines, want) {
		t.Errorf("saw  %q\nwant %q", p.lines, want)
	}
	p.lines = nil
}

func is(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || want == nil && err != nil {
		t.Fatalf("got %v, want %v", err, want)
	}
}
