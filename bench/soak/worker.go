package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

// worker is the process that there are so many of.
type worker struct {
	s *soak
	i int // which one it is
}

var errCrash = errors.New("crash")

// Note puts a message into the ledger.
func (w *worker) Note(_ context.Context, e entry) error {
	w.s.beats.Add(1)
	if !e.handle() {
		w.s.v.add("%s handled message %d of client %d twice", w.s.workers[w.i], e.number, e.client)
	}
	if !e.direct || killable(w.i) { // a killed handler may run on beside its successor
		return nil
	}
	if last := w.s.latest(w.i, e.client).Swap(e.number); last > e.number {
		w.s.v.add("%s handled message %d of client %d after %d", w.s.workers[w.i], e.number, e.client, last)
	}
	return nil
}

// Post is Note with an answer, which must be that to the question.
func (w *worker) Post(ctx context.Context, e entry) (uint32, error) { return e.number, w.Note(ctx, e) }

// relayed is a message that is to be sent on.
type relayed struct {
	to process.Address[worker]
	e  entry
}

// Relay waits for another worker in the middle of a handler.
func (w *worker) Relay(ctx context.Context, r relayed) (uint32, error) {
	return process.Call(ctx, r.to, (*worker).Post, r.e)
}

func (w *worker) Ping(context.Context) error { w.s.beats.Add(1); return nil }

// The ways to crash.

func (w *worker) Fail(context.Context) error   { return errCrash }
func (w *worker) Panic(context.Context) error  { panic(errCrash) }
func (w *worker) Goexit(context.Context) error { runtime.Goexit(); return nil }

func (w *worker) FailSoon(ctx context.Context) error {
	_, err := process.After(ctx, time.Millisecond, (*worker).Fail)
	return err
}

func (w *worker) FailHelper(ctx context.Context) error {
	return process.Go(ctx, func(context.Context) error { return errCrash })
}

// Terminate has no work, but is a sign that the tree is not stuck.
func (w *worker) Terminate(context.Context, process.Reason) { w.s.beats.Add(1) }

// killable says whether the i-th worker may be killed: the message that it is handling
// is then lost, or goes on beside the next incarnation.
func killable(i int) bool { return i%8 == 0 }

const (
	units  process.Family[worker]              = "unit"
	extras supervisor.DynamicName[worker, int] = "extra"
)

// open is the constructor of the i-th worker. Those that do not sleep fail at one restart
// of fifty: where a sleeper fails to start, its callers are refused.
func (s *soak) open(i int, sleeps bool) (*worker, error) {
	s.beats.Add(1)
	life := s.lives[i].Add(1)
	if !sleeps && life > 1 && rand.New(rand.NewPCG(s.seed, uint64(i)<<32|uint64(life))).IntN(50) == 0 {
		return nil, errCrash
	}
	return &worker{s, i}, nil
}

var backoff = supervisor.Backoff{First: time.Millisecond, Min: time.Millisecond, Max: 50 * time.Millisecond, Quiet: time.Second}

// tree is a third static, in trees of 100, a third a family whose members fall asleep
// when they have nothing to do for a while, and a dynamic supervisor for the rest. It fills
// in how the first two are addressed.
func (s *soak) tree() supervisor.Tree {
	root := supervisor.Tree{Name: "soak"}
	third := len(s.workers) / 3
	for first := 0; first < third; first += 100 {
		sub := supervisor.Tree{Name: fmt.Sprintf("static:%d", first)}
		for i := first; i < min(first+100, third); i++ {
			name := process.Name[worker](fmt.Sprintf("worker:%d", i))
			s.workers[i] = name
			sub.Children = append(sub.Children, supervisor.Child{
				Run:     supervisor.Process(name, func(context.Context) (*worker, error) { return s.open(i, false) }),
				Backoff: backoff,
			})
		}
		root.Children = append(root.Children, supervisor.Child{Run: sub})
	}
	for i := third; i < 2*third; i++ {
		s.workers[i] = units.Of(strconv.Itoa(i))
	}
	member := func(ctx context.Context) (*worker, error) {
		i, err := strconv.Atoi(process.Self[worker](ctx).Key())
		if err != nil {
			return nil, err
		}
		return s.open(i, true)
	}
	extra := func(_ context.Context, i int) (*worker, error) { return s.open(i, false) }
	root.Children = append(root.Children,
		supervisor.Child{Run: supervisor.Family(units, member, process.Idle(2*time.Second)), Backoff: backoff},
		supervisor.Child{Run: supervisor.Dynamic(extras, extra), Backoff: backoff})
	return root
}

// grow starts the workers of the dynamic supervisor.
func (s *soak) grow() error {
	for i := 2 * (len(s.workers) / 3); i < len(s.workers); i++ {
		ref, err := extras.Start(s.ctx, i)
		if err != nil {
			return err
		}
		s.workers[i] = ref
	}
	return nil
}
