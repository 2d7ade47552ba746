package process

import (
	"context"
	"reflect"
)

// Info is a process as a listing shows it. Neither its state nor any argument is in
// it.
type Info struct {
	ID       uint64
	Name     string // name, family and key, or number
	Type     string // of the state, as in "*fleet.Unit"
	State    string // vacant, starting, running, stopping, ended
	Method   string // that runs now, or ""
	Waiting  int    // messages in the mailbox
	Handled  uint64 // messages so far
	Restarts int
	Last     Reason // of the latest end, or nil
}

// Info describes the process in the slot.
func (s *Slot) Info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := Info{
		ID:      s.id,
		Name:    s.String(),
		Type:    reflect.PointerTo(s.opener.state()).String(),
		State:   s.phase.String(),
		Method:  methodName(s.current),
		Waiting: s.mail.n,
		Handled: s.handled.Load(),
	}
	if s.lives > 1 {
		i.Restarts = int(s.lives) - 1
	}
	if s.rare != nil {
		i.Last = s.rare.last
	}
	return i
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
