package process

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync"

	"github.com/bennu-go/bennu/fault"
)

// Target is whatever leads to a process: a [Ref], a [Name], a [Member] of a
// family, or a [Slot].
type Target interface {
	// locate finds the process, and wakes a sleeping member of a family if it is to.
	locate(ctx context.Context, want waking) (*Slot, error)
	String() string
}

type waking uint8

const (
	asleep  waking = iota // may stay asleep
	awake                 // is to be woken
	awaited               // is to be woken, and the context's process waits for it
)

// Address is a Target whose process holds an *S. It is what the verbs take, so
// that the compiler checks the method against the process.
type Address[S any] interface {
	Target
	of(*S)
}

// Ref is the address of one process. It outlives restarts by a supervisor, and is
// small and comparable. The zero Ref leads nowhere.
type Ref[S any] struct{ slot *Slot }

func (Ref[S]) of(*S) {}

func (r Ref[S]) locate(context.Context, waking) (*Slot, error) {
	if r.slot == nil {
		return nil, fmt.Errorf("%w: the Ref is empty", ErrNoProcess)
	}
	return r.slot, nil
}

// RefOf gives the address of the process in a slot, or fault.Conflict where it holds no
// *S.
func RefOf[S any](s *Slot) (Ref[S], error) { return Ref[S]{s}, sameType[S](s) }

// String is the process's name, family and key ("unit/42"), or number ("#17").
func (r Ref[S]) String() string {
	if r.slot == nil {
		return "nowhere"
	}
	return r.slot.String()
}

// LogValue makes a Ref show as its String in logs and in fault.Inspect.
func (r Ref[S]) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Key is which member of its family the process is, or "".
func (r Ref[S]) Key() string {
	if r.slot == nil {
		return ""
	}
	return r.slot.Key()
}

// Name is a process's name on its node. Declare names as constants:
//
//	const Lobby process.Name[Room] = "room:lobby"
//
// A name stands for whichever process holds it when it is used, so it outlives
// restarts.
type Name[S any] string

func (Name[S]) of(*S) {}

// String is the name itself.
func (n Name[S]) String() string { return string(n) }

// Ref is the process that holds the name now.
func (n Name[S]) Ref(ctx context.Context) (Ref[S], error) {
	s, err := n.locate(ctx, asleep)
	if err != nil {
		return Ref[S]{}, err
	}
	return Ref[S]{s}, nil
}

// Register gives the process of the context one more name, until its incarnation ends or
// release is called. A name that is taken fails with fault.Conflict.
func Register[S any](ctx context.Context, name Name[S]) (release func(), err error) {
	inc, err := here[S](ctx)
	if err != nil {
		return nil, err
	}
	n, s := inc.slot.node, inc.slot
	if err := n.register(string(name), s); err != nil {
		return nil, err
	}
	unregister := sync.OnceFunc(func() { n.unregister(string(name), s) }) // once: it may be another's later
	forget, err := inc.hold(unregister)
	if err != nil {
		unregister()
		return nil, err
	}
	return func() { forget(); unregister() }, nil
}

func (n Name[S]) locate(ctx context.Context, _ waking) (*Slot, error) {
	node, err := NodeOf(ctx)
	if err != nil {
		return nil, err
	}
	s := node.named(string(n))
	if s == nil {
		if s, err = node.abroad(ctx, Destination{Name: string(n)}, reflect.TypeFor[S]()); err != nil {
			return nil, err
		}
	}
	if s == nil {
		return nil, explainName(string(n))
	}
	return s, sameType[S](s)
}

// Family names processes that exist as soon as somebody speaks to them: one for
// each key. Declare families as constants:
//
//	const Units process.Family[Unit] = "unit"
//
//	err := process.Do(ctx, Units.Of("42"), (*Unit).Moved, fix)
//
// The supervision tree owns a family with supervisor.Family. A member's
// constructor learns its key from process.Self[Unit](ctx).
type Family[S any] string

// Of is the address of the member with that key.
func (f Family[S]) Of(key string) Member[S] { return Member[S]{string(f), key} }

// Member is the address of one process of a [Family].
type Member[S any] struct{ family, key string }

func (Member[S]) of(*S) {}

// Key is which member of its family it is.
func (m Member[S]) Key() string { return m.key }

// String is the family and the key, as in "unit/42".
func (m Member[S]) String() string { return m.family + "/" + m.key }

// LogValue makes a Member show as its String in logs and in fault.Inspect.
func (m Member[S]) LogValue() slog.Value { return slog.StringValue(m.String()) }

func (m Member[S]) locate(ctx context.Context, want waking) (*Slot, error) {
	node, err := NodeOf(ctx)
	if err != nil {
		return nil, err
	}
	h := node.family(m.family)
	if h == nil {
		s, err := node.abroad(ctx, Destination{Family: m.family, Key: m.key}, reflect.TypeFor[S]())
		if s == nil && err == nil {
			err = explainFamily(m.family)
		}
		return s, err
	}
	if h.state != reflect.TypeFor[S]() {
		return nil, fault.Conflict.Errorf("process: family %q is of %v, not of %v", m.family, h.state, reflect.TypeFor[S]())
	}
	return h.member(ctx, m, m.key, want)
}

// member asks the host for one.
func (h *hosted) member(ctx context.Context, of Target, key string, want waking) (*Slot, error) {
	if want != awaited {
		ctx = Outside(ctx)
	}
	s, err := h.host.Member(ctx, key, want != asleep)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, fmt.Errorf("%w: %s is asleep", ErrNoProcess, of)
	}
	return s, nil
}

func explainName(name string) error {
	return fmt.Errorf("%w: %q; is it in the supervision tree, before what uses it?", ErrNoProcess, name)
}

func explainFamily(name string) error {
	return fmt.Errorf("%w: nothing owns the family %q; is it in the supervision tree, before what uses it?", ErrNoProcess, name)
}

// Host keeps the members of a family. A supervisor is one.
type Host interface {
	// Member gives the slot of a member. If there is none it makes one and starts
	// it with Restart(ctx), or, when wake is false, gives nil.
	Member(ctx context.Context, key string, wake bool) (*Slot, error)
}

type hosted struct {
	host  Host
	state reflect.Type
}

// Adopt makes host the owner of a family until release is called. A family has
// one owner.
func Adopt[S any](ctx context.Context, f Family[S], host Host) (release func(), err error) {
	n, err := NodeOf(ctx)
	if err != nil {
		return nil, err
	}
	n.registry.Lock()
	defer n.registry.Unlock()
	if n.families[string(f)] != nil {
		return nil, fault.Conflict.Errorf("process: the family %q has an owner", string(f))
	}
	h := &hosted{host, reflect.TypeFor[S]()}
	n.families[string(f)] = h
	return func() {
		n.registry.Lock()
		defer n.registry.Unlock()
		if n.families[string(f)] == h {
			delete(n.families, string(f))
		}
	}, nil
}

func (n *Node) family(name string) *hosted {
	n.registry.RLock()
	defer n.registry.RUnlock()
	return n.families[name]
}

// Self is a handler's own address. It is the zero Ref, which leads nowhere, where
// the context is not of a process with state S.
func Self[S any](ctx context.Context) Ref[S] {
	inc, err := here[S](ctx)
	if err != nil {
		return Ref[S]{}
	}
	return Ref[S]{inc.slot}
}

// here is the running process of a context, checked to hold an *S.
func here[S any](ctx context.Context) (*incarnation, error) {
	f := frameOf(ctx)
	if f == nil || f.inc.slot.opener.state() != reflect.TypeFor[S]() {
		return nil, ErrNotHere
	}
	if f.inc.dead.Load() {
		return nil, ErrDead
	}
	return f.inc, nil
}

func sameType[S any](s *Slot) error {
	if t := reflect.TypeFor[S](); s.opener.state() != t {
		return fault.Conflict.Errorf("process: %s holds a %v, not a %v", s, s.opener.state(), t)
	}
	return nil
}
