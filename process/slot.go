package process

import (
	"context"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// Slot is the place of a process: its mailbox, its name, and one incarnation of it
// after the other. It is what supervisors are made of; everybody else has a [Ref].
//
// A slot that has an owner keeps its mailbox and its name when the process ends;
// the owner hears of the end, and calls Restart or Retire. A slot without one
// retires with its process.
type Slot struct {
	node   *Node
	opener opener
	opts   *Options
	name   string // the name, or the key in the family, or ""
	id     uint64
	owner  Port[Down]

	prev, next *Slot // in the node's list

	mu      sync.Mutex
	phase   phase
	busy    bool   // a goroutine is at work for this slot, or will be
	fresh   bool   // the incarnation has not run Continue yet
	want    bool   // a start is asked for
	doomed  bool   // there will be no other start
	paused  bool   // it is to handle nothing
	batch   uint16 // so many of the mail, from its head on, are the loop's; 0: none
	turns   uint32 // grows when a goroutine is abandoned: the old one must not go on
	lives   uint32 // incarnations that began
	inc     *incarnation
	mail    queue
	starter *starter // who waits for the constructor
	rare    *rare
	odd     *odd
	handled uint64 // before the batch
	high    uint32 // most messages that waited

	interrupt atomic.Bool            // the loop is to look up after the message that it is at
	cursor    atomic.Pointer[link]   // the message that is being handled
	worker    atomic.Pointer[worker] // whose goroutine runs it, or ran it last
	busyTime  atomic.Int64           // sampled
}

type phase uint8

const (
	vacant  phase = iota // no incarnation; messages wait
	opening              // the constructor runs
	alive
	closing // on the way to the end: helpers, children, Terminate
	retired // for good; messages are refused
)

func (p phase) String() string {
	return [...]string{"vacant", "starting", "running", "stopping", "ended"}[p]
}

// rare is the part of a slot that most processes need for their end alone.
type rare struct {
	parent    *incarnation // whose Spawn made it
	urgent    queue        // downs and exits, ahead of the mail
	waiting   []*sender    // in line for room in the mailbox
	left      int          // how many of them have given up
	exit      Reason       // asked for, not yet obeyed
	brutal    bool         // without Terminate
	finishing bool         // the latest incarnation has ended, and not all know
	watchers  map[*Watch]struct{}
	last      Reason        // of the latest end
	clock     *time.Timer   // abandons the incarnation
	due       time.Time     // when clock does
	leave     func()        // cancels the context of a Terminate that runs
	ended     chan struct{} // of the latest incarnation, while it is finishing
}

// odd is the part of a slot that few processes ever need.
type odd struct {
	ahead   queue        // what the process told itself to do next
	later   queue        // postponed
	replay  bool         // later is to go to the head of the mail
	renewal *renewal     // it ends to begin anew
	next    *incarnation // that is to begin, if somebody wants to hear of its end already
	idler   *Timer       // the WhenIdle that is set
	quiet   time.Time    // since when the process has nothing to do, if idler is set
	quietAt uint64       // how much it had handled then
	lost    uint64       // messages that found no room
	taps    []*tap       // traces and faults
	crash   CrashInfo    // the latest
	ageing  ageing
}

type starter struct {
	frame *frame     // who waits for the constructor
	done  chan error // with room for one; nil: nobody waits
}

// opener is a constructor without its type.
type opener interface {
	open(context.Context) (any, error)
	state() reflect.Type
}

// constructor is the one way to start a process. It runs in the new process, and
// again at each restart.
type constructor[S any] func(context.Context) (*S, error)

func (c constructor[S]) open(ctx context.Context) (any, error) {
	s, err := c(ctx)
	if err == nil && s == nil {
		return nil, fault.Internal.Errorf("process: the constructor of %v gave neither a state nor an error", c.state())
	}
	return s, err
}

func (constructor[S]) state() reflect.Type { return reflect.TypeFor[S]() }

// Continuer is a process with work to do after its start and before any message.
// Its starter does not wait for it. An error is a crash.
type Continuer interface {
	Continue(context.Context) error
}

// Terminator is a process that wants to know of its end. Terminate runs on every
// end but a kill, after the process's helpers and children are gone. Its context ends
// after nine tenths of the shutdown time.
type Terminator interface {
	Terminate(context.Context, Reason)
}

// NewSlot makes a slot without starting it. A slot with a name has it at once.
// The owner hears of each end; the zero Port means that nobody does.
func NewSlot[S any](ctx context.Context, owner Port[Down], name Name[S], open func(context.Context) (*S, error), opts ...Option) (*Slot, error) {
	o, err := Compose(opts...)
	if err != nil {
		return nil, err
	}
	return newSlot(ctx, owner, string(name), constructor[S](open), o)
}

// Members makes the slots of a family: NewSlot for each key.
func Members[S any](f Family[S], open func(context.Context) (*S, error), opts ...Option) (func(ctx context.Context, owner Port[Down], key string) (*Slot, error), error) {
	o, err := Compose(opts...)
	if err != nil {
		return nil, err
	}
	family := *o
	family.family = string(f)
	return func(ctx context.Context, owner Port[Down], key string) (*Slot, error) {
		return newSlot(ctx, owner, key, constructor[S](open), &family)
	}, nil
}

func newSlot(ctx context.Context, owner Port[Down], name string, o opener, opts *Options) (*Slot, error) {
	n, err := NodeOf(ctx)
	if err != nil {
		return nil, err
	}
	s := &Slot{node: n, opener: o, opts: opts, name: name, id: n.ids.Add(1), owner: owner}
	if name != "" && opts.family == "" {
		if err := n.register(name, s); err != nil {
			return nil, err
		}
	}
	n.declare(opts)
	n.enlist(s)
	return s, nil
}

func (s *Slot) locate(context.Context, waking) (*Slot, error) { return s, nil }

// String is the name, the family and key ("unit/42"), or the number ("#17").
func (s *Slot) String() string {
	switch {
	case s.opts.family != "":
		return s.opts.family + "/" + s.name
	case s.name != "":
		return s.name
	}
	return "#" + strconv.FormatUint(s.id, 10)
}

// Key is which member of its family the slot is, or "".
func (s *Slot) Key() string {
	if s.opts.family == "" {
		return ""
	}
	return s.name
}

// present gives the incarnation that lives, or that is about to; nil: none. The slot is
// locked.
func (s *Slot) present() *incarnation {
	if s.inc != nil || !s.want {
		return s.inc
	}
	o := s.oddly()
	if o.next == nil {
		o.next = &incarnation{slot: s}
	}
	return o.next
}

// cancelNext takes the incarnation back that was about to begin. The slot is locked; what
// it gives is to be called when it is not.
func (s *Slot) cancelNext(reason Reason) func() {
	if s.odd == nil || s.odd.next == nil {
		return func() {}
	}
	inc := s.odd.next
	s.odd.next = nil
	inc.dead.Store(true)
	if s.seldom().last == nil {
		s.rare.last = reason
	}
	links := inc.takeLinks()
	return func() {
		for _, peer := range links {
			peer.linkEnded(inc, reason)
		}
		if inc.ended != nil {
			close(inc.ended)
		}
	}
}

// oddly gives the odd part. The slot is locked.
func (s *Slot) oddly() *odd {
	if s.odd == nil {
		s.odd = new(odd)
	}
	return s.odd
}

// seldom gives the rare part. The slot is locked.
func (s *Slot) seldom() *rare {
	if s.rare == nil {
		s.rare = new(rare)
	}
	return s.rare
}

// owned reports whether somebody hears of the end, and restarts or retires.
func (s *Slot) owned() bool { return s.owner.set() }

// Start starts an incarnation and waits for its constructor. ctx bounds the start
// only; when it ends before the constructor, the process is stopped again.
func (s *Slot) Start(ctx context.Context) error {
	start := s.node.starters.Get().(*starter)
	start.frame = frameOf(ctx).waiting()
	s.mu.Lock()
	if s.phase != vacant || s.want || s.doomed {
		s.mu.Unlock()
		return fault.Conflict.Errorf("process: %s is %v", s, s.phase)
	}
	s.starter = start
	s.want = true
	s.wake(nil)
	s.mu.Unlock()
	start.frame.yield()
	var err error
	if ended := ctx.Done(); ended == nil {
		err = <-start.done
	} else {
		select {
		case err = <-start.done:
		case <-ended:
			s.Stop(Shutdown, s.opts.Shutdown)
			return explain(ctx.Err(), s)
		}
	}
	start.frame = nil
	s.node.starters.Put(start)
	return err
}

// Restart starts an incarnation and does not wait. If the constructor fails, the
// owner gets a Down for it. by may be the context of whoever will wait for the new
// process, so that a cycle is seen.
func (s *Slot) Restart(by context.Context) { s.restart(frameOf(by).waiting()) }

func (s *Slot) restart(waits *frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == vacant && !s.want && !s.doomed {
		if waits != nil {
			s.starter = &starter{frame: waits}
		}
		s.want = true
		s.wake(nil)
	}
}

// Exit asks the present incarnation to end, and does not wait. A handler that runs
// may finish; its context is cancelled. What has not ended within the shutdown time
// is abandoned.
func (s *Slot) Exit(reason Reason) { s.exit(reason, s.opts.Shutdown, false) }

// ExitHere is Exit for who ends many: a process at rest that keeps nothing ends on the calling
// goroutine, which costs less than to start one for it. Nothing of it runs then but its
// end: it is no Terminator, and has no helpers, children, links, nor anything to do OnEnd.
// The owner hears of it before ExitHere returns.
func (s *Slot) ExitHere(reason Reason) {
	s.mu.Lock()
	if reason == Kill || !s.bare() {
		s.mu.Unlock()
		s.Exit(reason)
		return
	}
	s.seldom().exit = orNormal(reason)
	s.busy = true
	w := s.node.hire()
	w.job = job{s, s.turns}
	s.mu.Unlock()
	w.run()
}

// bare reports whether the process is at rest and keeps nothing. The slot is locked.
func (s *Slot) bare() bool {
	if s.phase != alive || s.busy || s.inc.things != nil {
		return false
	}
	_, terminates := s.inc.state.(Terminator)
	return !terminates
}

// exit gives who waits what is closed at the end. It also takes back a start that has not
// begun, if somebody waits or nobody else could.
func (s *Slot) exit(reason Reason, within time.Duration, waits bool) (ended <-chan struct{}) {
	reason = orNormal(reason)
	if reason == Kill {
		reason, within = Killed, 0
	}
	s.mu.Lock()
	inc := s.inc
	if inc == nil {
		ended = s.past()
		if waits || !s.owned() {
			s.cancelStart(reason)
		} else {
			s.mu.Unlock()
		}
		return ended
	}
	if waits {
		if inc.ended == nil {
			inc.ended = make(chan struct{})
		}
		ended = inc.ended
	}
	s.end(inc, reason, within)
	return ended
}

// endIncarnation ends that one, unless another has come since.
func (s *Slot) endIncarnation(inc *incarnation, reason Reason) {
	s.mu.Lock()
	if s.inc != inc {
		s.mu.Unlock()
		return
	}
	s.end(inc, reason, s.opts.Shutdown)
}

// end asks the present incarnation to end. The slot is locked, and unlocked afterwards.
func (s *Slot) end(inc *incarnation, reason Reason, within time.Duration) {
	r := s.seldom()
	if r.exit == nil || r.exit == errRenewed {
		r.exit = reason
	}
	if within == 0 {
		s.giveUp(inc)
		return
	}
	if within > 0 && (s.busy || within != s.opts.Shutdown) { // if it is at rest, close sets the clock
		s.abandonIn(within, inc)
	}
	s.rouse()
	s.mu.Unlock()
	inc.cancel(reason)
}

// abandonIn gives the incarnation that long to end; the shortest time counts. The
// slot is locked.
func (s *Slot) abandonIn(within time.Duration, inc *incarnation) {
	r, due := s.rare, time.Now().Add(within)
	if r.clock != nil {
		if !due.Before(r.due) {
			return
		}
		r.clock.Stop()
	}
	r.due = due
	r.clock = time.AfterFunc(within, func() { s.abandon(inc) })
}

// cancelStart takes back a start that has been asked for and has not begun. The slot
// is locked, and unlocked afterwards.
func (s *Slot) cancelStart(reason Reason) {
	wanted, never := s.want, s.lives == 0 && s.phase == vacant
	s.want = false
	waited := s.starter != nil && s.starter.done != nil
	if waited {
		s.tellStarter(&hasEnded{s, reason})
	}
	s.starter = nil
	tell := s.cancelNext(reason)
	s.mu.Unlock()
	tell()
	switch {
	case !s.owned() && (wanted || never):
		s.retire(reason, died)
	case s.owned() && wanted && !waited:
		s.owner.urgent(Down{Target: s, Reason: reason})
	}
}

// Stop ends the present incarnation and waits until it has ended. After within its
// context fails, it is abandoned, and counted: a goroutine cannot be killed.
// A negative time waits for ever; zero does not wait at all.
func (s *Slot) Stop(reason Reason, within time.Duration) {
	if ended := s.exit(reason, within, true); ended != nil {
		<-ended
	}
}

// Retire ends a slot for good: its name is free, and whoever waits for an answer
// gets the reason. A running process is killed.
func (s *Slot) Retire(reason Reason) {
	reason = orNormal(reason)
	s.mu.Lock()
	s.doomed = true
	s.mu.Unlock()
	s.Stop(Kill, 0)
	s.retire(reason, died)
}

// Refuse retires a slot whose constructor failed: whoever waits for an answer gets
// err itself, as if the constructor had given it to them.
func (s *Slot) Refuse(err error) { s.retire(err, refusal) }

func refusal(s *Slot, err Reason) error { return explain(err, s) }

// RetireIdle retires a slot that is vacant and has no mail, and reports whether it
// was.
func (s *Slot) RetireIdle(reason Reason) bool { return s.retire(reason, nil) }

// retire gives what lost makes of the reason to whoever waits for an answer; nil means
// that nobody may.
func (s *Slot) retire(reason Reason, lost func(*Slot, Reason) error) bool {
	reason = orNormal(reason)
	s.mu.Lock()
	if s.phase == retired {
		s.mu.Unlock()
		return true
	}
	if s.inc != nil {
		s.mu.Unlock()
		return false
	}
	if lost == nil && (s.phase != vacant || s.want || s.mail.n > 0 || s.rare != nil && len(s.rare.waiting) > 0) {
		s.mu.Unlock()
		return false
	}
	s.phase = retired
	s.want = false
	if s.rare == nil {
		s.rare = new(rare)
	}
	s.rare.last = reason
	s.tellStarter(reason)
	tell := s.cancelNext(reason)
	left := s.drain()
	watchers := s.rare.watchers
	s.rare.watchers = nil
	parent := s.rare.parent
	s.mu.Unlock()
	tell()
	if parent != nil {
		parent.disown(s)
	}

	s.node.delist(s)
	if s.name != "" && s.opts.family == "" {
		s.node.unregister(s.name, s)
	}
	for _, m := range left {
		failed(m, lost(s, reason))
	}
	for w := range watchers {
		w.fire(reason, true)
	}
	return true
}

// drain empties the mailbox and the line before it; whoever stands in line learns of
// it, and goes elsewhere or fails. The slot is locked.
func (s *Slot) drain() (lost []message) {
	if o := s.odd; o != nil {
		s.mail.prepend(o.later)
		o.later, o.ahead, o.replay = queue{}, queue{}, false
	}
	for l := s.mail.pop(); l != nil; l = s.mail.pop() {
		lost = append(lost, l.self)
		if l.self.asked() == nil { // who asked hears of it
			s.node.lost.Add(1)
		}
	}
	for _, w := range s.rare.waiting {
		if !w.left {
			w.refused = true
			close(w.in)
		}
	}
	s.rare.waiting, s.rare.left = nil, 0
	s.rare.urgent = queue{}
	return lost
}

// tellStarter tells whoever waits for the constructor. The slot is locked.
func (s *Slot) tellStarter(err error) {
	if s.starter != nil && s.starter.done != nil {
		s.starter.done <- err
	}
	s.starter = nil
}

// Idle reports whether the process runs, has nothing to do, no helper, no child and no
// answer that it owes, and has handled no more than before, the number that the last call
// gave. Timers and subscriptions do not count.
func (s *Slot) Idle(before uint64) (handled uint64, idle bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handled, s.idle(before)
}

func (s *Slot) idle(before uint64) bool {
	return s.phase == alive && !s.busy && s.mail.n == 0 && s.handled == before && !s.inc.things.busy() && (s.odd == nil || s.odd.later.n == 0)
}

// ExitIdle asks the present incarnation to end with reason if it is Idle, and reports
// whether it was. The next message that comes finds the next incarnation, never a
// handler that is about to end.
func (s *Slot) ExitIdle(reason Reason, before uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.idle(before) {
		return false
	}
	if r := s.seldom(); r.exit == nil {
		r.exit = orNormal(reason)
	}
	s.rouse()
	return true
}
