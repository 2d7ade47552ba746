package supervisor_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bennu-go/bennu/supervisor"
)

// The reference model: what OTP says a tree of supervisors does, in one goroutine and in
// lines that are easy to believe. It knows nothing of how package supervisor does it.
// TestModel lets both have the same life, and compares.

// plan is one child as it is written; a tree, if it has a strategy to speak of.
type plan struct {
	name        string
	restart     supervisor.Restart
	significant bool
	backoff     int   // 0: none; 1: endless; n: n tries
	script      []end // how its first starts go; then they succeed
	service     bool
	orders      chan error // to a service: end with this
	lives       int        // how often it was started

	tree      bool
	strategy  supervisor.Strategy
	intensity int
	auto      supervisor.AutoShutdown
	kids      []*plan
}

type end int

const (
	runs end = iota
	fails
	ignores
)

// What Backoff the children have that have one: so short that it has no jitter.
const (
	firstWait = 2 * time.Nanosecond
	nextWait  = 3 * time.Nanosecond
	quiet     = time.Second
	period    = 5 * time.Second
)

// node is a child of a tree that runs.
type node struct {
	*plan
	in       *super
	state    string // running, restarting or ended
	runs     *super // of a tree that is running
	restarts int
	row      int
	rowEnd   time.Duration
	due      time.Duration // of its restart; 0: none
}

// super is a tree that runs.
type super struct {
	*plan
	path   string
	self   *node // nil: the root
	kids   []*node
	stamps []time.Duration
}

type model struct {
	now   time.Duration
	root  *super
	over  bool // the root has ended by itself
	notes []string
}

func (m *model) note(s string) { m.notes = append(m.notes, s) }

// open starts a tree's children in order; if one fails, those before it are stopped.
func (m *model) open(p *plan, path string, self *node) *super {
	s := &super{plan: p, path: path, self: self}
	for _, k := range p.kids {
		n := &node{plan: k, in: s}
		s.kids = append(s.kids, n)
		if !m.start(n) {
			m.stopAll(s)
			return nil
		}
	}
	return s
}

// start reports false where the child cannot start.
func (m *model) start(n *node) bool {
	n.lives++
	switch {
	case n.tree:
		n.runs = m.open(n.plan, n.in.path+"/"+n.name, n)
		if n.runs == nil {
			n.state = "ended"
			return false
		}
	case n.lives <= len(n.script) && n.script[n.lives-1] != runs:
		m.note("x" + n.name)
		n.state = "ended"
		if n.script[n.lives-1] == fails {
			return false
		}
		m.gone(n)
		return true
	default:
		m.note("+" + n.name)
	}
	n.state = "running"
	return true
}

func (m *model) gone(n *node) {
	if n.restart == supervisor.Temporary {
		n.in.kids = slices.DeleteFunc(n.in.kids, func(k *node) bool { return k == n })
	}
}

// stop is by the supervisor.
func (m *model) stop(n *node) {
	if n.state == "running" {
		if n.tree {
			m.stopAll(n.runs)
		} else {
			m.note("-" + n.name)
		}
	}
	n.state, n.due, n.runs = "ended", 0, nil
}

func (m *model) stopAll(s *super) {
	for i := len(s.kids) - 1; i >= 0; i-- {
		m.stop(s.kids[i])
	}
}

// ends is for a leaf that ends by itself.
func (m *model) ends(n *node, clean bool) {
	if clean {
		m.note("-" + n.name)
	} else {
		m.note("!" + n.name)
	}
	m.ended(n, clean)
}

func (m *model) ended(n *node, clean bool) {
	n.state, n.runs = "ended", nil
	if n.restart == supervisor.Permanent || n.restart == supervisor.Transient && !clean {
		m.again(n)
		return
	}
	m.gone(n)
	active := func(k *node) bool { return k.significant && k.state != "ended" }
	if n.significant && (n.in.auto == supervisor.AnySignificant || !slices.ContainsFunc(n.in.kids, active)) {
		m.finish(n.in)
	}
}

// finish is a supervisor's clean end.
func (m *model) finish(s *super) {
	m.stopAll(s)
	if s.self == nil {
		m.over = true
		return
	}
	m.ended(s.self, true)
}

// again has a child restarted, with its group, unless the budget is used up.
func (m *model) again(n *node) {
	n.state = "restarting"
	wait := time.Duration(0)
	if n.backoff > 0 {
		if m.now-n.rowEnd >= quiet {
			n.row = 0
		}
		n.row++
		if n.backoff > 1 && n.row > n.backoff {
			m.finish(n.in)
			return
		}
		wait = nextWait
		if n.row == 1 {
			wait = firstWait
		}
		n.rowEnd = m.now + wait
	} else {
		s := n.in
		s.stamps = append(s.stamps, m.now)
		recent := 0
		for _, at := range s.stamps {
			if at >= m.now-period {
				recent++
			}
		}
		if recent > s.intensity {
			m.finish(s)
			return
		}
	}
	m.halt(n)
	if wait > 0 {
		n.due = m.now + wait
	} else {
		m.revive(n)
	}
}

func group(n *node) []*node {
	switch n.in.strategy {
	case supervisor.OneForAll:
		return slices.Clone(n.in.kids)
	case supervisor.RestForOne:
		return slices.Clone(n.in.kids[slices.Index(n.in.kids, n):])
	}
	return []*node{n}
}

// halt stops the others of the group in reverse order; temporary ones go.
func (m *model) halt(n *node) {
	others := group(n)
	for i := len(others) - 1; i >= 0; i-- {
		if k := others[i]; k != n {
			m.stop(k)
			m.gone(k)
			k.state = "restarting"
		}
	}
}

func (m *model) revive(n *node) {
	n.due = 0
	m.halt(n)
	m.startWaiting(group(n))
}

// startWaiting starts those that wait for it, in order. If one fails, the attempt is
// repeated, which counts.
func (m *model) startWaiting(kids []*node) {
	for _, k := range kids {
		if k.state == "restarting" {
			k.restarts++
			if !m.start(k) {
				m.again(k)
				return
			}
		}
	}
}

// sleep lets time go on. It reports false where two things are due at the same time: the
// order is not defined.
func (m *model) sleep(d time.Duration) bool {
	until := m.now + d
	for {
		var next *node
		for n := range m.all() {
			if n.due == 0 || n.due > until || next != nil && n.due > next.due {
				continue
			}
			if next != nil && n.due == next.due {
				return false
			}
			next = n
		}
		if next == nil {
			m.now = until
			return true
		}
		m.now = next.due
		m.revive(next)
	}
}

// all gives the children of all trees that run.
func (m *model) all() func(yield func(*node) bool) {
	var walk func(s *super, yield func(*node) bool) bool
	walk = func(s *super, yield func(*node) bool) bool {
		for _, k := range s.kids {
			if !yield(k) || k.runs != nil && !walk(k.runs, yield) {
				return false
			}
		}
		return true
	}
	return func(yield func(*node) bool) {
		if !m.over {
			walk(m.root, yield)
		}
	}
}

func (s *super) kid(name string) *node {
	for _, k := range s.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

// The answers of the calls, in one word.
const (
	ok       = ""
	notFound = "not found"
	conflict = "conflict"
	failed   = "failed"
)

func (m *model) startChild(s *super, p *plan) string {
	if s.kid(p.name) != nil {
		return conflict
	}
	n := &node{plan: p, in: s}
	s.kids = append(s.kids, n)
	if !m.start(n) {
		s.kids = s.kids[:len(s.kids)-1]
		return failed
	}
	return ok
}

func (m *model) terminateChild(s *super, name string) string {
	n := s.kid(name)
	if n == nil {
		return notFound
	}
	var free []*node // who waited for it alone waits no more
	if n.due > 0 {
		free = group(n)
		for _, k := range s.kids[:slices.Index(s.kids, n)] {
			if k.due > 0 { // all wait for an earlier one
				free = nil
			}
		}
		for i, k := range free {
			if k != n && k.due > 0 { // the rest waits for a later one
				free = free[:i]
				break
			}
		}
	}
	m.stop(n)
	m.gone(n)
	m.startWaiting(free)
	return ok
}

func (m *model) restartChild(s *super, name string) string {
	switch n := s.kid(name); {
	case n == nil:
		return notFound
	case n.state != "ended":
		return conflict
	case !m.start(n):
		return failed
	}
	return ok
}

func (m *model) deleteChild(s *super, name string) string {
	n := s.kid(name)
	switch {
	case n == nil:
		return notFound
	case n.state != "ended":
		return conflict
	}
	s.kids = slices.DeleteFunc(s.kids, func(k *node) bool { return k == n })
	return ok
}

func (s *super) text() string {
	var b strings.Builder
	for _, k := range s.kids {
		fmt.Fprintf(&b, "%s:%s:%d", k.name, k.state, k.restarts)
		if k.runs != nil {
			fmt.Fprintf(&b, "[%s]", k.runs.text())
		}
		b.WriteString(" ")
	}
	return b.String()
}

func statusText(s supervisor.Status) string {
	var b strings.Builder
	for _, k := range s.Children {
		fmt.Fprintf(&b, "%s:%s:%d", k.Name, k.State, k.Restarts)
		if k.Kind == "tree" && k.State == "running" {
			fmt.Fprintf(&b, "[%s]", statusText(k))
		}
		b.WriteString(" ")
	}
	return b.String()
}
