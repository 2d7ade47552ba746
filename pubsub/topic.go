package pubsub

import (
	"context"
	"errors"
	"reflect"
	"sync"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// Topic is the name of what is published, with its type.
type Topic[T any] string

// Publish gives v to all subscribers of the topic. It never blocks. The error is about
// the context or the topic's type, never about a subscriber.
func Publish[T any](ctx context.Context, t Topic[T], v T) error {
	h, err := hubOf(ctx)
	if err != nil {
		return err
	}
	h.mu.RLock()
	subs := h.topics[string(t)]
	h.mu.RUnlock()
	if subs == nil {
		return nil
	}
	s, err := typed[T](string(t), subs)
	if err != nil {
		return err
	}
	b, err := process.NewBurst(ctx)
	if err != nil {
		return err
	}
	defer b.End()
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, sub := range s.list {
		sub.to(b, v)
	}
	return nil
}

// Tap calls to with everything that is published on the topic, in the publisher's
// goroutine, until stop is called. It is for transports: to must neither block nor
// publish.
func Tap[T any](ctx context.Context, t Topic[T], to func(T)) (stop func(), err error) {
	return tap(ctx, t, func(_ *process.Burst, v T) { to(v) })
}

func tap[T any](ctx context.Context, t Topic[T], to func(*process.Burst, T)) (stop func(), err error) {
	h, err := hubOf(ctx)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.topics[string(t)] == nil {
		h.topics[string(t)] = &subscribers[T]{}
	}
	s, err := typed[T](string(t), h.topics[string(t)])
	if err != nil {
		return nil, err
	}
	sub := &subscriber[T]{to: to}
	s.add(sub)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if s.remove(sub) == 0 && h.topics[string(t)] == s {
			delete(h.topics, string(t))
		}
	}, nil
}

// hub is a node's topics.
type hub struct {
	lost   *telemetry.Counter
	mu     sync.RWMutex
	topics map[string]any // *subscribers[T]
}

func hubOf(ctx context.Context) (*hub, error) {
	n, err := process.NodeOf(ctx)
	if err != nil {
		return nil, err
	}
	return process.Part(n, func() *hub {
		lost := telemetry.CountersOf(n.Context(context.Background())).Counter("pubsub.lost")
		return &hub{lost: lost, topics: make(map[string]any)}
	}), nil
}

// subscribers is the list of one topic.
type subscribers[T any] struct {
	mu   sync.RWMutex
	list []*subscriber[T]
}

type subscriber[T any] struct {
	to func(*process.Burst, T)
	at int // in the list; -1: removed
}

func (s *subscribers[T]) add(sub *subscriber[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub.at = len(s.list)
	s.list = append(s.list, sub)
}

// remove gives how many are left.
func (s *subscribers[T]) remove(sub *subscriber[T]) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub.at >= 0 {
		last := len(s.list) - 1
		s.list[sub.at] = s.list[last]
		s.list[sub.at].at = sub.at
		s.list[last] = nil
		s.list = s.list[:last]
		sub.at = -1
	}
	return len(s.list)
}

func typed[T any](topic string, subs any) (*subscribers[T], error) {
	s, ok := subs.(*subscribers[T])
	if !ok {
		return nil, fault.Conflict.Errorf("pubsub: the topic %q carries another type than %v", topic, reflect.TypeFor[T]())
	}
	return s, nil
}

// Gap says that a subscriber lost messages, because its mailbox was full.
type Gap struct {
	Topic string
	Lost  int
}

// Subscription is a process's interest in a topic.
type Subscription struct {
	stop    func()
	release func()
}

// Option changes what Subscribe does for a process with state S. There is one, [OnGap].
type Option[S any] struct {
	gap func(*S, context.Context, Gap) error
}

// OnGap makes method run when messages were lost, before the next one that is not.
func OnGap[S any](method func(*S, context.Context, Gap) error) Option[S] { return Option[S]{method} }

// Subscribe makes method run in this process for everything that is published on the
// topic. An error that it returns is a crash.
func Subscribe[S, T any](ctx context.Context, t Topic[T], method func(*S, context.Context, T) error, opts ...Option[S]) (*Subscription, error) {
	h, err := hubOf(ctx)
	if err != nil {
		return nil, err
	}
	l := &listener[T]{topic: string(t), lost: h.lost}
	if l.port, err = process.Bind(ctx, method); err != nil {
		return nil, err
	}
	for _, o := range opts {
		l.tells = true
		l.late, err = process.Bind(ctx, func(s *S, ctx context.Context, m late[T]) error {
			if err := o.gap(s, ctx, m.after); err != nil {
				return err
			}
			return method(s, ctx, m.v)
		})
		if err != nil {
			return nil, err
		}
	}
	stop, err := tap(ctx, t, l.hear)
	if err != nil {
		return nil, err
	}
	release, err := l.port.OnEnd(stop)
	if err != nil {
		stop()
		return nil, err
	}
	return &Subscription{stop, release}, nil
}

// Stop ends the subscription. Messages that are in the mailbox already still come.
func (s *Subscription) Stop() {
	s.stop()
	s.release()
}

// listener is a subscribed process.
type listener[T any] struct {
	topic string
	port  process.Port[T]
	late  process.Port[late[T]]
	tells bool // late is to be used
	lost  *telemetry.Counter

	mu     sync.Mutex
	missed int
}

// late is the first message after a gap. The two take one place in the mailbox: with one
// each, a mailbox with room for one would hear of gaps alone.
type late[T any] struct {
	after Gap
	v     T
}

func (l *listener[T]) hear(b *process.Burst, v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if l.missed > 0 && l.tells {
		err = l.late.SendIn(b, late[T]{Gap{l.topic, l.missed}, v})
	} else {
		err = l.port.SendIn(b, v)
	}
	if errors.Is(err, process.ErrFull) {
		l.missed++
		l.lost.Add(1)
		return
	}
	l.missed = 0
}
