package supervisor_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

// world is a node in a bubble of its own time, with a journal of what happened.
type world struct {
	*testing.T
	journal
	ctx      context.Context
	node     *process.Node
	counters *telemetry.Counters
}

func bubble(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { inWorld(t, test) })
}

func inWorld(t *testing.T, test func(w *world)) {
	w := &world{T: t, counters: new(telemetry.Counters)}
	ctx := telemetry.WithLogger(t.Context(), slog.New(slog.DiscardHandler))
	ctx = telemetry.WithCounters(ctx, w.counters)
	w.node = process.NewNode(ctx)
	w.ctx = w.node.Context(ctx)
	test(w)
	w.node.Close()
	if n := w.node.Count(); n != 0 {
		t.Errorf("%d processes are left: %v", n, w.node.Processes())
	}
}

// start starts a tree of the children, which must come up.
func (w *world) start(children ...supervisor.Child) *supervisor.Root {
	w.Helper()
	return w.startTree(supervisor.Tree{Children: children})
}

func (w *world) startTree(t supervisor.Tree) *supervisor.Root {
	w.Helper()
	root, err := t.Start(w.ctx)
	if err != nil {
		w.Fatal(err)
	}
	return root
}

func (w *world) count(counter string) int64 { return w.counters.Counter(counter).Value() }

// settle lets everything happen that happens without time going on.
func (w *world) settle() { synctest.Wait() }

func (w *world) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// ended reports whether the tree has ended by itself, and why.
func (w *world) ended(root *supervisor.Root) (error, bool) {
	ctx, cancel := context.WithCancel(w.ctx)
	synctest.Wait()
	done := make(chan error, 1)
	go func() { done <- root.Wait(ctx) }()
	synctest.Wait()
	defer synctest.Wait()
	defer cancel()
	select {
	case err := <-done:
		return err, true
	default:
		return nil, false
	}
}

// journal is what happened, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) note(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

// read gives what happened since it was read last.
func (j *journal) read() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := strings.Join(j.lines, " ")
	j.lines = nil
	return s
}

func (w *world) expect(want string) {
	w.Helper()
	w.settle()
	if got := w.read(); got != want {
		w.Errorf("it happened: %s\n       wanted: %s", got, want)
	}
}

var errCrash = errors.New("crash")

// worker is a process for tests. It notes "+name" when it starts, "-name" when it ends
// in order, and "!name" when it ends with a crash.
type worker struct {
	j    *journal
	name string
	life int
}

const (
	A process.Name[worker] = "a"
	B process.Name[worker] = "b"
	C process.Name[worker] = "c"
	D process.Name[worker] = "d"
)

func (w *world) worker(name process.Name[worker], opens ...func(ctx context.Context, life int) error) supervisor.Service {
	return supervisor.Process(name, w.open(string(name), opens...))
}

func (w *world) open(name string, opens ...func(ctx context.Context, life int) error) func(ctx context.Context) (*worker, error) {
	var mu sync.Mutex
	n := 0
	return func(ctx context.Context) (*worker, error) {
		mu.Lock()
		n++
		life := n
		mu.Unlock()
		for _, open := range opens {
			if err := open(ctx, life); err != nil {
				w.note("x" + name)
				return nil, err
			}
		}
		w.note("+" + name)
		return &worker{&w.journal, name, life}, nil
	}
}

func (k *worker) Terminate(_ context.Context, reason process.Reason) {
	if process.Clean(reason) {
		k.j.note("-" + k.name)
	} else {
		k.j.note("!" + k.name)
	}
}

func (k *worker) Life(context.Context) (int, error)                 { return k.life, nil }
func (k *worker) Name(context.Context) (string, error)              { return k.name, nil }
func (k *worker) Crash(context.Context) error                       { return errCrash }
func (k *worker) Panic(context.Context) error                       { panic("boom") }
func (k *worker) End(ctx context.Context, r process.Reason) error   { return process.Stop(ctx, r) }
func (k *worker) Rest(_ context.Context, d time.Duration) error     { time.Sleep(d); return nil }
func (k *worker) Wait(_ context.Context, until chan struct{}) error { <-until; return nil }

// crash makes the worker crash, once.
func (w *world) crash(to process.Address[worker]) {
	w.Helper()
	if err := process.Signal(w.ctx, to, (*worker).Crash); err != nil {
		w.Error(err)
	}
	w.settle()
}

// life asks the worker which of its lives it is in.
func (w *world) life(of process.Address[worker]) int {
	w.Helper()
	n, err := process.Ask(w.ctx, of, (*worker).Life)
	if err != nil {
		w.Error(err)
	}
	return n
}

// service is a Service that notes its life as a worker does.
type service struct {
	w     *world
	name  string
	ready func(ctx context.Context) error
	serve func(ctx context.Context) error
}

func (s *service) Start(ctx context.Context) error {
	if s.ready != nil {
		if err := s.ready(ctx); err != nil {
			s.w.note("x" + s.name)
			return err
		}
	}
	s.w.note("+" + s.name)
	return nil
}

func (s *service) Serve(ctx context.Context) error {
	if s.serve != nil {
		return s.serve(ctx)
	}
	<-ctx.Done()
	s.w.note("-" + s.name)
	return ctx.Err()
}

func (w *world) service(name string) supervisor.Child {
	return supervisor.Child{Name: name, Run: &service{w: w, name: name}}
}

func isErr(t testing.TB, err error, wants ...error) {
	t.Helper()
	for _, want := range wants {
		if !errors.Is(err, want) {
			t.Errorf("got error %v, want %v", err, want)
		}
	}
}
