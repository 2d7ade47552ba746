package process

import (
	"context"
	"reflect"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// Info is a process as a listing shows it. Neither its state nor any argument is in
// it: see [State] and [LastCrash] for those.
type Info struct {
	ID       uint64
	Name     string        // name, family and key, or number
	Type     string        // of the state, as in "*fleet.Unit"
	State    string        // vacant, starting, running, stopping, ended; suspended
	Method   string        // that runs now, or ""
	Since    time.Duration // how long it has been running, to 10 ms
	Waiting  int           // messages in the mailbox
	Most     int           // messages that ever waited
	Lost     uint64        // messages that the mailbox lost by its Overflow
	Handled  uint64        // messages so far
	Busy     time.Duration // time spent in methods: sampled every 10 ms
	Restarts int
	Last     Reason // of the latest end, or nil
}

// Info describes the process in the slot.
func (s *Slot) Info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.current()
	i := Info{
		ID:      s.id,
		Name:    s.String(),
		Type:    reflect.PointerTo(s.opener.state()).String(),
		State:   s.phase.String(),
		Method:  methodName(m),
		Waiting: s.waits(),
		Most:    int(s.high),
		Handled: s.handled + uint64(max(s.passed()-1, 0)),
		Busy:    time.Duration(s.busyTime.Load()),
	}
	if m != nil {
		since, uncounted := s.running(m.envelope())
		i.Since = since.Truncate(tick)
		i.Busy += uncounted
	}
	if s.paused && s.phase == alive {
		i.State = "suspended"
	}
	if s.lives > 1 {
		i.Restarts = int(s.lives) - 1
	}
	if s.rare != nil {
		i.Last = s.rare.last
	}
	if s.odd != nil {
		i.Lost = s.odd.lost
	}
	return i
}

// InfoOf describes a process. It wakes nobody.
func InfoOf(ctx context.Context, target Target) (Info, error) {
	s, err := locateHere(ctx, target)
	if err != nil {
		return Info{}, err
	}
	return s.Info(), nil
}

// State prints the state of a process with fault.Inspect, which leaves secrets out. It is
// taken inside the process, between two methods and ahead of the mail, and fails as a
// call does.
func State(ctx context.Context, target Target) (string, error) {
	return system(ctx, target, func(_ context.Context, inc *incarnation) (string, error) {
		return fault.Inspect(inc.state), nil
	})
}

// StateData is State as data for encoding/json: see fault.Data.
func StateData(ctx context.Context, target Target) (any, error) {
	return system(ctx, target, func(_ context.Context, inc *incarnation) (any, error) {
		return fault.Data(inc.state), nil
	})
}

// CrashInfo is an end that was not clean.
type CrashInfo struct {
	At     time.Time
	Reason Reason
	Method string // that was being handled, or ""
	Input  string // its argument, printed by fault.Inspect
}

// LastCrash tells of the latest crash of a process. It fails with fault.NotFound where
// there was none.
func LastCrash(ctx context.Context, target Target) (CrashInfo, error) {
	s, err := locateHere(ctx, target)
	if err != nil {
		return CrashInfo{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.odd == nil || s.odd.crash.Reason == nil {
		return CrashInfo{}, fault.NotFound.Errorf("process: %s has not crashed", s)
	}
	return s.odd.crash, nil
}

// crashOf notes what an incarnation crashed with.
func crashOf(m message, reason Reason) CrashInfo {
	c := CrashInfo{At: time.Now(), Reason: reason, Method: methodName(m)}
	if m != nil {
		if in := m.input(); in != nil {
			c.Input = fault.Inspect(in)
		}
	}
	return c
}

// Alive reports whether the target's process runs. It wakes nobody, and may be untrue a
// moment later.
func Alive(ctx context.Context, target Target) bool {
	s, err := target.locate(ctx, asleep)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == alive
}

// Processes lists the node's processes, newest first.
func (n *Node) Processes() []Info {
	slots := n.slots()
	all := make([]Info, len(slots))
	for i, s := range slots {
		all[i] = s.Info()
	}
	return all
}

// Count is how many processes the node has.
func (n *Node) Count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.count
}
