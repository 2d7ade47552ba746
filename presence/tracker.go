package presence

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// Tracker keeps who is present, each with a meta of type M, and shares it with the trackers
// of its name on other nodes. It is a child of the tree:
//
//	users := &presence.Tracker[User]{Name: "users"}
//
//	supervisor.Child{Name: "users", Run: users}
//
// One value is run by one tree at a time.
type Tracker[M any] struct {
	Name string // of the tracker on all nodes

	// Fetch gives fields beside the metas, for each key that has some a value that encodes as
	// a JSON object: a name and a picture, with one query for all keys. No lock is held
	// meanwhile. If it fails, or takes longer than FetchTime, there are the metas alone.
	Fetch     func(ctx context.Context, topic string, keys []string) (map[string]any, error)
	FetchTime time.Duration // default 5 s

	Gossip    Gossip        // default: over pubsub
	Period    time.Duration // a sign of life is given so often; default 1.5 s
	Down      time.Duration // without a sign of life, another node's presences are hidden; default 30 s
	Permanent time.Duration // and then forgotten; default 20 min
	Interval  time.Duration // between two diffs of a topic, at least; default 50 ms
	MetaBytes int           // longest meta as JSON; default 4 KiB

	engine   atomic.Pointer[engine] // nil: it does not run
	audience audience
}

// ErrDown: the tracker does not run.
var ErrDown = fault.Unavailable.Errorf("presence: the tracker does not run; list it in the tree before what uses it")

// Start makes the tracker ready: processes may be tracked from here on.
func (t *Tracker[M]) Start(ctx context.Context) error {
	s, err := t.settings()
	if err != nil {
		return err
	}
	n, err := process.NodeOf(ctx)
	if err != nil {
		return err
	}
	e := newEngine(n.Context(context.WithoutCancel(ctx)), s, &t.audience)
	if !t.engine.CompareAndSwap(nil, e) {
		return fault.Conflict.Errorf("presence: the tracker %q runs already", t.Name)
	}
	if err := e.open(); err != nil {
		t.engine.Store(nil)
		return err
	}
	return nil
}

// Serve runs the tracker until ctx ends. Its presences leave then, here and on other nodes.
func (t *Tracker[M]) Serve(ctx context.Context) error {
	e := t.engine.Load()
	if e == nil {
		return ErrDown
	}
	defer t.engine.Store(nil)
	e.serve(ctx)
	return nil
}

func (t *Tracker[M]) running() (*engine, error) {
	if e := t.engine.Load(); e != nil {
		return e, nil
	}
	return nil, ErrDown
}

// runningFor is running for who is of a node.
func (t *Tracker[M]) runningFor(ctx context.Context) (*engine, error) {
	e, err := t.running()
	if err == nil {
		return e, nil
	}
	if _, none := process.NodeOf(ctx); none != nil {
		err = none
	}
	return nil, err
}

// Track makes the process of ctx present on the topic under the key, until the process is
// to end, or Untrack. A process that is so already gets fault.Conflict: see Update.
func (t *Tracker[M]) Track(ctx context.Context, topic, key string, meta M) (ref string, err error) {
	e, err := t.runningFor(ctx)
	if err != nil {
		return "", err
	}
	if err := checkSpot(topic, key); err != nil {
		return "", err
	}
	text, err := encodeMeta(meta, e.MetaBytes)
	if err != nil {
		return "", err
	}
	return e.track(ctx, topic, key, text)
}

// Update changes the meta of the process of ctx. Clients see the new one join and the old
// one leave in one diff. It fails with fault.NotFound where the process is not present so.
func (t *Tracker[M]) Update(ctx context.Context, topic, key string, meta M) (ref string, err error) {
	e, err := t.runningFor(ctx)
	if err != nil {
		return "", err
	}
	text, err := encodeMeta(meta, e.MetaBytes)
	if err != nil {
		return "", err
	}
	return e.update(ctx, topic, key, text)
}

// Untrack makes the process of ctx leave. It fails with fault.NotFound where the process is
// not present so.
func (t *Tracker[M]) Untrack(ctx context.Context, topic, key string) error {
	e, err := t.runningFor(ctx)
	if err != nil {
		return err
	}
	return e.untrack(ctx, topic, key)
}

// settings is what a Tracker says, without its type, defaults filled in.
type settings struct {
	Name                              string
	Fetch                             func(ctx context.Context, topic string, keys []string) (map[string]any, error)
	FetchTime                         time.Duration
	Gossip                            Gossip
	Period, Down, Permanent, Interval time.Duration
	MetaBytes                         int
}

func (t *Tracker[M]) settings() (settings, error) {
	s := settings{t.Name, t.Fetch, t.FetchTime, t.Gossip, t.Period, t.Down, t.Permanent, t.Interval, t.MetaBytes}
	if s.Name == "" {
		return s, fault.Internal.Errorf("presence: a Tracker needs a Name, the same on all nodes")
	}
	for _, d := range []struct {
		set      *time.Duration
		standard time.Duration
	}{
		{&s.FetchTime, 5 * time.Second},
		{&s.Period, 1500 * time.Millisecond},
		{&s.Down, 30 * time.Second},
		{&s.Permanent, 20 * time.Minute},
		{&s.Interval, 50 * time.Millisecond},
	} {
		if *d.set < 0 {
			return s, fault.Internal.Errorf("presence: the tracker %q has a negative duration", s.Name)
		}
		if *d.set == 0 {
			*d.set = d.standard
		}
	}
	if s.MetaBytes == 0 {
		s.MetaBytes = 4 << 10
	}
	switch {
	case s.Down < 2*s.Period:
		return s, fault.Internal.Errorf("presence: the tracker %q needs a Down of at least two Periods: one sign of life may be lost", s.Name)
	case s.Permanent < s.Down:
		return s, fault.Internal.Errorf("presence: the tracker %q needs a Permanent that is not less than Down", s.Name)
	case s.MetaBytes < 2 || s.MetaBytes > mostMeta:
		return s, fault.Internal.Errorf("presence: the tracker %q has MetaBytes %d, which must be between 2 and %d", s.Name, s.MetaBytes, mostMeta)
	}
	return s, nil
}
