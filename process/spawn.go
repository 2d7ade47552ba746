package process

import (
	"context"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// DefaultShutdown is how long a process that is asked to end has for it.
const DefaultShutdown = 5 * time.Second

// Option is how a process is to be run: a [Mailbox], a [ShutdownTime], and for a
// family [Idle] and [Most].
type Option interface{ apply(*Options) }

// Options is what a list of Option comes to.
type Options struct {
	Mailbox  Mailbox
	Shutdown time.Duration // 5 s; negative: for ever
	Idle     time.Duration // of a family: 10 min; 0: never asleep
	Most     int           // of a family: 1,000,000; 0: no limit
	family   string
	linked   bool
	remotes  []remote
}

var defaults = &Options{
	Mailbox:  Mailbox{Size: defaultMailbox},
	Shutdown: DefaultShutdown,
	Idle:     10 * time.Minute,
	Most:     1_000_000,
}

// Compose gives the Options of a list, or says what is wrong with it.
func Compose(opts ...Option) (*Options, error) {
	if len(opts) == 0 {
		return defaults, nil
	}
	o := *defaults
	for _, opt := range opts {
		opt.apply(&o)
	}
	for _, r := range o.remotes {
		if r.err != nil {
			return nil, r.err
		}
	}
	switch {
	case o.Mailbox.Size < 0:
		return nil, fault.Invalid.Errorf("process: a mailbox cannot hold %d messages", o.Mailbox.Size)
	case o.Mailbox.Overflow > Crash:
		return nil, fault.Invalid.Errorf("process: there is no such overflow policy: %d", o.Mailbox.Overflow)
	case o.Mailbox.Size == 0:
		o.Mailbox.Size = defaultMailbox
	case o.Idle < 0 || o.Most < 0:
		return nil, fault.Invalid.Errorf("process: Idle and Most of a family are zero or more, got %v and %d", o.Idle, o.Most)
	}
	return &o, nil
}

func (m Mailbox) apply(o *Options) { o.Mailbox = m }

// ShutdownTime is how long a process has to end when it is asked to, or after a
// crash, before it is abandoned: 5 s by default, zero means at once, a negative time
// means for ever.
type ShutdownTime time.Duration

func (d ShutdownTime) apply(o *Options) { o.Shutdown = time.Duration(d) }

// Idle is how long a member of a family has nothing to do before it falls asleep: it
// ends, with Terminate, and is started again by the next message. The time is
// approximate, up to half as much more. Zero: it never does. Default 10 min.
type Idle time.Duration

func (d Idle) apply(o *Options) { o.Idle = time.Duration(d) }

// Most is how many members of a family may be awake; a further one fails with
// fault.Exhausted. Zero: as many as like. Default 1,000,000.
type Most int

func (n Most) apply(o *Options) { o.Most = int(n) }

// Spawn starts a process and waits for its constructor, whose error it returns.
// ctx bounds the start only.
//
// Nobody restarts the process. From inside a process, it is a child of the one that
// spawned it and ends before that one does; else it ends with the node.
func Spawn[S any](ctx context.Context, open func(context.Context) (*S, error), opts ...Option) (Ref[S], error) {
	s, err := offspring(ctx, open, opts)
	if err != nil {
		return Ref[S]{}, err
	}
	if err := s.Start(ctx); err != nil {
		return Ref[S]{}, err
	}
	return Ref[S]{s}, nil
}

// Launch is Spawn without waiting for the constructor. If that fails, the process has
// ended with its error, as a monitor or Wait tells, and a call gets it.
func Launch[S any](ctx context.Context, open func(context.Context) (*S, error), opts ...Option) (Ref[S], error) {
	s, err := offspring(ctx, open, opts)
	if err != nil {
		return Ref[S]{}, err
	}
	s.restart(nil)
	return Ref[S]{s}, nil
}

// Linked is an option of Spawn and Launch in a process: the new one is linked to it from
// its start on, see Link. An error of the constructor does not count for Spawn, which gives
// it to the starter; it does for Launch.
var Linked Option = linkedOption{}

type linkedOption struct{}

func (linkedOption) apply(o *Options) { o.linked = true }

// offspring makes the slot of a process that nobody supervises.
func offspring[S any](ctx context.Context, open func(context.Context) (*S, error), opts []Option) (*Slot, error) {
	o, err := Compose(opts...)
	if err != nil {
		return nil, err
	}
	s, err := newSlot(ctx, Port[Down]{}, "", constructor[S](open), o)
	if err != nil {
		return nil, err
	}
	switch f := frameOf(ctx); {
	case f != nil:
		if err := f.inc.adopt(s); err != nil {
			s.retire(err, refusal)
			return nil, err
		}
	case o.linked:
		s.retire(ErrNotHere, refusal)
		return nil, ErrNotHere
	}
	return s, nil
}

// adopt makes s a child of the incarnation.
func (inc *incarnation) adopt(s *Slot) error {
	inc.slot.mu.Lock()
	defer inc.slot.mu.Unlock()
	if inc.slot.inc != inc || inc.slot.phase == closing {
		return ErrDead
	}
	t := inc.keep()
	if t.children == nil {
		t.children = make(map[*Slot]struct{})
	}
	t.children[s] = struct{}{}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seldom().parent = inc
	return nil
}

func (inc *incarnation) disown(s *Slot) {
	inc.slot.mu.Lock()
	defer inc.slot.mu.Unlock()
	delete(inc.things.children, s)
}

// Go starts a helper: a goroutine that belongs to the process of the context, for
// what would hold up its methods. Its context ends with the process, which waits for
// its helpers before it ends. If fn panics or returns an error, the process crashes
// with it. A helper may call its owner.
//
// A bare go statement in a handler that panics would end the whole program.
func Go(ctx context.Context, fn func(context.Context) error) error {
	f := frameOf(ctx)
	if f == nil {
		return ErrNotHere
	}
	inc, s := f.inc, f.inc.slot
	s.mu.Lock()
	if s.inc != inc || s.phase == closing {
		s.mu.Unlock()
		return ErrDead
	}
	inc.keep().helpers++
	s.mu.Unlock()
	go inc.help(&frame{inc: inc, trace: f.trace, helper: true}, fn)
	return nil
}

func (inc *incarnation) help(ctx *frame, fn func(context.Context) error) {
	var err error
	done := false
	defer func() {
		if !done {
			err = caught(recover())
		}
		s := inc.slot
		s.mu.Lock()
		crash := err != nil && s.inc == inc && inc.cause == nil
		if crash {
			r := s.seldom()
			if r.exit == nil {
				r.exit = err
			}
			s.oddly().crash = crashOf(nil, err)
			s.rouse()
		}
		s.mu.Unlock()
		if _, panicked := err.(*Panic); crash || panicked {
			s.node.report(s, nil, err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if inc.things.helpers--; inc.things.helpers == 0 && inc.things.idle != nil {
			close(inc.things.idle)
		}
	}()
	err = fn(ctx)
	done = true
}
