package process

import (
	"context"
	"hash/maphash"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// Node is one running system: its processes, their names, and what they share.
// It travels in the context. A program has one; a test makes as many as it likes.
type Node struct {
	base     *nodeContext // what every process of the node sees
	counters *telemetry.Counters
	crashes  *telemetry.Counter
	skipped  *telemetry.Counter
	lost     *telemetry.Counter
	late     *telemetry.Counter
	epoch    time.Time // what now counts from

	registry sync.RWMutex
	names    map[string]*Slot
	families map[string]*hosted
	groups   map[string]*group

	mu    sync.Mutex
	first *Slot // all slots that are not retired, newest first
	count int

	ids      atomic.Uint64
	seed     maphash.Seed
	parts    sync.Map  // reflect.Type → func() *T
	waiters  sync.Pool // *waiter
	starters sync.Pool // *starter
	reports
	workers
	sampler
	computing
	remotes
}

type nodeKey struct{}

// NewNode makes a node. Its processes see the values of ctx (the logger, the
// counters), never its end.
func NewNode(ctx context.Context) *Node {
	n := &Node{names: make(map[string]*Slot), families: make(map[string]*hosted), groups: make(map[string]*group), epoch: time.Now(), seed: maphash.MakeSeed()}
	n.counters = telemetry.CountersOf(ctx)
	n.crashes = n.counters.Counter("process.crashes")
	n.skipped = n.counters.Counter("process.calls.skipped")
	n.lost = n.counters.Counter("process.messages.lost")
	n.late = n.counters.Counter("process.abandoned")
	ctx = telemetry.WithCounters(context.WithoutCancel(ctx), n.counters)
	n.base = &nodeContext{ctx, n}
	n.SetAlarms(Alarms{Handler: defaultAlarm, Mailbox: defaultAlarm})
	n.waiters.New = func() any { return newWaiter(n) }
	n.starters.New = func() any { return &starter{done: make(chan error, 1)} }
	return n
}

// Context gives ctx with this node in it. The node's logger and counters come
// along.
func (n *Node) Context(ctx context.Context) context.Context { return &nodeContext{ctx, n} }

// now is the node's time.
func (n *Node) now() time.Duration { return time.Since(n.epoch) }

type nodeContext struct {
	context.Context
	node *Node
}

func (c *nodeContext) Value(key any) any {
	switch key.(type) {
	case nodeKey:
		return c.node
	case frameKey, telemetry.TraceKey:
		return c.Context.Value(key)
	}
	if v := c.Context.Value(key); v != nil || c == c.node.base {
		return v
	}
	return c.node.base.Value(key)
}

// NodeOf is the context's node. It fails with ErrNoNode where there is none, and with
// ErrDead where the context is of a process that has ended and may not act any more.
func NodeOf(ctx context.Context) (*Node, error) {
	if f := frameOf(ctx); f != nil {
		if f.inc.dead.Load() {
			return nil, ErrDead
		}
		return f.inc.slot.node, nil
	}
	if n, ok := ctx.Value(nodeKey{}).(*Node); ok {
		return n, nil
	}
	return nil, ErrNoNode
}

// Part is the node's one value of type T, made by the first who asks. It is how a
// package keeps something per node without package-level state.
func Part[T any](n *Node, make func() *T) *T {
	t := reflect.TypeFor[T]()
	part, ok := n.parts.Load(t)
	if !ok {
		part, _ = n.parts.LoadOrStore(t, sync.OnceValue(make))
	}
	return part.(func() *T)()
}

// Close ends all processes that nobody supervises, and waits for what is still to
// be reported. Stop the supervision tree first.
func (n *Node) Close() {
	var wg sync.WaitGroup
	for _, s := range n.slots() {
		if !s.owned() {
			wg.Go(func() { s.Stop(Shutdown, s.opts.Shutdown) })
		}
	}
	wg.Wait()
	n.reports.flush()
}

func (n *Node) slots() []*Slot {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make([]*Slot, 0, n.count)
	for s := n.first; s != nil; s = s.next {
		all = append(all, s)
	}
	return all
}

func (n *Node) enlist(s *Slot) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.count++
	if s.next = n.first; s.next != nil {
		s.next.prev = s
	}
	n.first = s
}

func (n *Node) delist(s *Slot) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.count--
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		n.first = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	}
	s.prev, s.next = nil, nil
}

// register gives a slot its name.
func (n *Node) register(name string, s *Slot) error {
	n.registry.Lock()
	defer n.registry.Unlock()
	if n.names[name] != nil {
		return fault.Conflict.Errorf("process: the name %q is taken", name)
	}
	n.names[name] = s
	return nil
}

func (n *Node) unregister(name string, s *Slot) {
	n.registry.Lock()
	defer n.registry.Unlock()
	if n.names[name] == s {
		delete(n.names, name)
	}
}

func (n *Node) named(name string) *Slot {
	n.registry.RLock()
	defer n.registry.RUnlock()
	return n.names[name]
}
