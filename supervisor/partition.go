package supervisor

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// Partition is a child that runs n copies of a process (0: as many as GOMAXPROCS), to
// spread over them what one alone would be too slow for:
//
//	const Shards process.Family[Shard] = "shards"
//
//	err := process.Do(ctx, Shards.Of("user:42"), (*Shard).Add, item)
//
// The copies are started with it, in order, each with its index as process.Self(ctx).Key().
// A key that is a whole number leads to the copy with the index abs(key) mod n, any other to
// hash(key) mod n. The same key always leads to the same copy.
//
// It is a [Tree] of the copies, OneForOne: TerminateChild, RestartChild and the like take its
// path and an index. Restart, Shutdown, Backoff and Lifetime of the [Child] are the copies';
// without a Backoff they share the default budget.
func Partition[S any](f process.Family[S], n int, open func(context.Context) (*S, error), opts ...process.Option) Service {
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return partitionSpec[S]{family: f, n: n, open: open, opts: opts}
}

// Resize changes how many copies of a [Partition] run, from none to as many as it started
// with: the last ones are terminated, or restarted. Keys are spread over those that are left.
func Resize(ctx context.Context, path string, n int) error {
	return tell(ctx, path, (*supervisor).resize, n)
}

type partitionSpec[S any] struct {
	ofMembers
	family process.Family[S]
	n      int
	open   func(context.Context) (*S, error)
	opts   []process.Option
}

func (p partitionSpec[S]) label() string { return string(p.family) }
func (p partitionSpec[S]) kind() string  { return "partition" }

func (p partitionSpec[S]) check() error {
	if p.n < 0 {
		return fault.Invalid.Errorf("supervisor: the partition %q of %d copies", p.label(), p.n)
	}
	return nil
}

func (p partitionSpec[S]) slot(ctx context.Context, owner process.Port[process.Down], path string, c Child) (*process.Slot, error) {
	opts := c.options(p.opts)
	o, err := process.Compose(opts...)
	if err != nil {
		return nil, err
	}
	make, err := process.Members(p.family, p.open, opts...)
	if err != nil {
		return nil, err
	}
	open := func(ctx context.Context) (*supervisor, error) {
		r := newRouter(p.label(), p.n)
		release, err := process.Adopt(ctx, p.family, r)
		if err != nil {
			return nil, err
		}
		r.release = release
		s, err := supervise(ctx, path, p.tree(c, &copies{make, r, o.Shutdown}), r)
		if err != nil {
			release()
		}
		return s, err
	}
	return process.NewSlot(ctx, owner, process.Name[supervisor](path), open, process.ShutdownTime(p.shutdown(c)))
}

// tree is the tree of the copies.
func (p partitionSpec[S]) tree(c Child, of *copies) Tree {
	t := Tree{Name: p.label()}
	for i := range p.n {
		one := c
		one.Name, one.Run = strconv.Itoa(i), copySpec{index: i, of: of}
		t.Children = append(t.Children, one)
	}
	return t
}

func (p partitionSpec[S]) plan(c Child, s *Status) { p.tree(c, nil).plan(c, s) }

func (partitionSpec[S]) ask(ctx context.Context, path string, s *Status) error {
	return askTree(ctx, path, s)
}

// Serve runs the partition by itself, as a tree of one child.
func (p partitionSpec[S]) Serve(ctx context.Context) error { return alone(ctx, p) }

// copies is what the copies of a partition have in common.
type copies struct {
	make     func(ctx context.Context, owner process.Port[process.Down], key string) (*process.Slot, error)
	router   *router
	shutdown time.Duration
}

type copySpec struct {
	plain
	Service // none: it runs in its tree alone
	index   int
	of      *copies
}

func (c copySpec) label() string                { return strconv.Itoa(c.index) }
func (c copySpec) kind() string                 { return "process" }
func (c copySpec) shutdown(Child) time.Duration { return c.of.shutdown }

func (c copySpec) slot(ctx context.Context, owner process.Port[process.Down], _ string, _ Child) (*process.Slot, error) {
	slot, err := c.of.make(ctx, owner, c.label())
	if err == nil {
		c.of.router.set(c.index, slot)
	}
	return slot, err
}

// router leads each key to its copy.
type router struct {
	name    string
	release func() // gives the family up

	mu    sync.RWMutex
	n     int             // of slots, those that are in use
	slots []*process.Slot // nil: not started yet
}

func newRouter(name string, n int) *router {
	return &router{name: name, n: n, slots: make([]*process.Slot, n)}
}

// Member implements process.Host.
func (r *router) Member(_ context.Context, key string, _ bool) (*process.Slot, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.n == 0 {
		return nil, fmt.Errorf("%w: %s has no partition", process.ErrNoProcess, r.name)
	}
	i := index(key, uint64(r.n))
	if r.slots[i] == nil {
		return nil, fmt.Errorf("%w: partition %d of %s has not started yet", process.ErrNoProcess, i, r.name)
	}
	return r.slots[i], nil
}

func (r *router) set(i int, slot *process.Slot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slots[i] = slot
}

func (r *router) size() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.n
}

func (r *router) use(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n = n
}

// index gives the place of a key among n.
func index(key string, n uint64) (i uint64) {
	digits := strings.TrimPrefix(key, "-")
	whole := digits != ""
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			whole = false
			break
		}
		i = (i*10 + uint64(c-'0')) % n
	}
	if whole {
		return i
	}
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	hash := uint64(offset)
	for _, c := range []byte(key) {
		hash = (hash ^ uint64(c)) * prime
	}
	return hash % n
}

func (s *supervisor) resize(ctx context.Context, n int) error {
	if s.router == nil {
		return fault.Invalid.Errorf("%s is no partition", s.path)
	}
	if n < 0 || n > len(s.Children) {
		return fault.Invalid.Errorf("%s has from 0 to %d partitions, not %d", s.path, len(s.Children), n)
	}
	now := s.router.size()
	s.router.use(min(n, now))
	for i := now - 1; i >= n; i-- {
		if k := s.named(strconv.Itoa(i)); k != nil {
			k.stop()
			s.retire(k, process.Shutdown)
		}
	}
	for i := now; i < n; i++ {
		if err := s.fill(ctx, s.Children[i]); err != nil {
			return err
		}
		s.router.use(i + 1)
	}
	return nil
}

// fill starts a copy that does not run.
func (s *supervisor) fill(ctx context.Context, c Child) error {
	k := s.named(c.name())
	if k == nil { // temporary, and gone
		k = s.add(c)
	}
	if k.state != ended {
		return nil
	}
	return s.try(ctx, k)
}
