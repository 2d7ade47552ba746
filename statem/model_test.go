package statem_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/statem"
)

// A random program for a machine is run by a process, and by a model of gen_statem that is
// one queue and a list of timers.

const (
	modelStates = 3
	modelEvents = 5
	modelNames  = 2
	modelLimit  = 30 // after so many events a program does nothing any more
)

type op int

const (
	opGoto op = iota
	opRepeat
	opPostpone
	opNext
	opState
	opCancelState
	opNamed
	opUpdate
	opCancel
	opEvent
	ops
)

type action struct {
	op    op
	arg   int           // a state, an event, or
	name  int           // of a time-out
	after time.Duration // likewise
}

func (a action) String() string {
	return fmt.Sprintf("%s(%d,%d,%v)", [...]string{"goto", "repeat", "postpone", "next", "state", "cancelState", "named", "update", "cancel", "event"}[a.op], a.arg, a.name, a.after)
}

type burst struct {
	at     time.Duration
	events []int
}

type program struct {
	on     [modelStates][modelEvents][]action
	enter  [modelStates][]action
	refuse [modelStates][modelStates]bool // Enter of the second fails from the first
	bursts []burst
}

func drawProgram(t *rapid.T) *program {
	draw := func(label string, below int) int { return rapid.IntRange(0, below-1).Draw(t, label) }
	act := func(o op) action {
		a := action{op: o, name: draw("name", modelNames), after: time.Duration(draw("after", 4)) * 10 * time.Millisecond}
		if a.arg = draw("event", modelEvents); o == opGoto {
			a.arg = draw("state", modelStates)
		}
		return a
	}
	p := new(program)
	for s := range modelStates {
		for e := range modelEvents {
			for range draw("actions", 4) {
				p.on[s][e] = append(p.on[s][e], act(op(draw("op", int(ops)))))
			}
		}
		for range draw("actions", 3) {
			p.enter[s] = append(p.enter[s], act(rapid.SampledFrom([]op{opState, opCancelState, opNamed, opUpdate, opCancel, opEvent}).Draw(t, "op")))
		}
		for to := range modelStates {
			p.refuse[s][to] = s != to && draw("refuse", 6) == 5
		}
	}
	var at time.Duration
	for range 1 + draw("bursts", 4) {
		at += time.Duration(1+draw("gap", 5)) * 7 * time.Millisecond
		b := burst{at: at}
		for range 1 + draw("size", 4) {
			b.events = append(b.events, draw("event", modelEvents))
		}
		p.bursts = append(p.bursts, b)
	}
	return p
}

// arm makes each time that is not zero different from all others.
func arm(after time.Duration, armed *int) time.Duration {
	if after == 0 {
		return 0
	}
	*armed++
	return after + time.Duration(*armed)*time.Microsecond
}

// actor is the process.
type actor struct {
	statem.Machine[int]
	*program
	start time.Time
	lines []string
	armed int
	count int
}

var errRefused = errors.New("refused")

func (a *actor) note(format string, args ...any) {
	a.lines = append(a.lines, fmt.Sprintf("%v: ", time.Since(a.start))+fmt.Sprintf(format, args...))
}

func (a *actor) Enter(ctx context.Context, from int) error {
	a.note("enter %d from %d", a.State(), from)
	for _, what := range a.enter[a.State()] {
		if err := a.perform(ctx, what); err != nil {
			return err
		}
	}
	if a.refuse[from][a.State()] {
		return errRefused
	}
	return nil
}

// Mail handles an event.
func (a *actor) Mail(ctx context.Context, e int) error {
	a.note("event %d in %d", e, a.State())
	if a.count++; a.count > modelLimit {
		return nil
	}
	postpone := false
	for _, what := range a.on[a.State()][e] {
		if what.op == opPostpone {
			postpone = true
		} else if err := a.perform(ctx, what); err != nil && !errors.Is(err, errRefused) {
			return err
		}
	}
	if postpone {
		return statem.Postpone
	}
	return nil
}

func (a *actor) perform(ctx context.Context, what action) error {
	e, name := what.arg, fmt.Sprint(what.name)
	method := func(a *actor, ctx context.Context) error { return a.Mail(ctx, e) }
	switch what.op {
	case opGoto:
		return a.Goto(ctx, what.arg)
	case opRepeat:
		return a.Repeat(ctx)
	case opNext:
		return process.Next(ctx, (*actor).Mail, e)
	case opState:
		return statem.StateTimeout(ctx, a, arm(what.after, &a.armed), method)
	case opCancelState:
		a.note("cancelled %v", statem.CancelState(a))
	case opNamed:
		return statem.Timeout(ctx, a, name, arm(what.after, &a.armed), method)
	case opUpdate:
		return statem.Update(ctx, a, name, method)
	case opCancel:
		a.note("cancelled %v", statem.Cancel(a, name))
	case opEvent:
		return statem.EventTimeout(ctx, a, arm(what.after, &a.armed), method)
	}
	return nil
}

func runProcess(t *testing.T, p *program) (lines []string) {
	synctest.Test(t, func(t *testing.T) {
		ctx := processtest.Node(t)
		a := &actor{program: p, start: time.Now()}
		ref, err := process.Spawn(ctx, func(ctx context.Context) (*actor, error) { return a, statem.Begin(ctx, a, 0) })
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range p.bursts {
			time.Sleep(b.at - time.Since(a.start))
			synctest.Wait()
			err := process.Suspend(ctx, ref)
			for _, e := range b.events {
				err = errors.Join(err, process.Cast(ctx, ref, (*actor).Mail, e))
			}
			if err := errors.Join(err, process.Resume(ctx, ref)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		processtest.Settle(t, ctx, ref)
		lines = a.lines
	})
	return lines
}

// model is gen_statem, but for the order of what is inserted by what was inserted.
type model struct {
	*program
	now     time.Duration
	state   int
	queue   []event
	later   []event // postponed
	ahead   []event // inserted
	replay  bool
	ofState *clock
	ofEvent *clock
	named   [modelNames]*clock
	clocks  []*clock // that are to come
	lines   []string
	armed   int
	count   int
}

type event struct {
	id    int
	clock *clock // of a time-out that is in the queue
}

type clock struct {
	id   int
	due  time.Duration
	over bool
}

func (m *model) note(format string, args ...any) {
	m.lines = append(m.lines, fmt.Sprintf("%v: ", m.now)+fmt.Sprintf(format, args...))
}

func (c *clock) stop() bool {
	if c == nil || c.over {
		return false
	}
	c.over = true
	return true
}

func (m *model) set(place **clock, id int, due time.Duration) {
	(*place).stop()
	c := &clock{id: id, due: due}
	if *place = c; due <= m.now {
		m.queue = append(m.queue, event{id, c})
	} else {
		m.clocks = append(m.clocks, c)
	}
}

func (m *model) enterFrom(from int) bool {
	m.note("enter %d from %d", m.state, from)
	for _, what := range m.enter[m.state] {
		m.perform(what)
	}
	return !m.refuse[from][m.state]
}

func (m *model) perform(what action) {
	switch what.op {
	case opGoto:
		if what.arg == m.state {
			return
		}
		from, clock := m.state, m.ofState
		m.state, m.ofState = what.arg, nil
		if !m.enterFrom(from) {
			m.ofState.stop()
			m.state, m.ofState = from, clock
			return
		}
		clock.stop()
		m.replay = true
	case opRepeat:
		m.enterFrom(m.state)
	case opNext:
		m.ahead = append(m.ahead, event{id: what.arg})
	case opState:
		m.set(&m.ofState, what.arg, m.now+arm(what.after, &m.armed))
	case opCancelState:
		m.note("cancelled %v", m.ofState.stop())
	case opNamed:
		m.set(&m.named[what.name], what.arg, m.now+arm(what.after, &m.armed))
	case opUpdate:
		due := m.now
		if c := m.named[what.name]; c.stop() {
			due = c.due
		}
		m.set(&m.named[what.name], what.arg, due)
	case opCancel:
		m.note("cancelled %v", m.named[what.name].stop())
	case opEvent:
		m.set(&m.ofEvent, what.arg, m.now+arm(what.after, &m.armed))
	}
}

func (m *model) handle(e event) {
	if e.clock != nil {
		if e.clock.over {
			return
		}
		e.clock.over = true
	}
	m.ofEvent.stop()
	m.note("event %d in %d", e.id, m.state)
	if m.count++; m.count > modelLimit {
		return
	}
	postpone := false
	for _, what := range m.on[m.state][e.id] {
		if what.op == opPostpone {
			postpone = true
		} else {
			m.perform(what)
		}
	}
	if postpone {
		m.later = append(m.later, event{id: e.id}) // it has come
	}
}

func runModel(p *program) (lines []string, unique bool) {
	m := &model{program: p}
	m.enterFrom(0)
	for bursts := p.bursts; ; {
		for len(m.ahead)+len(m.queue) > 0 {
			from := &m.queue
			if len(m.ahead) > 0 {
				from = &m.ahead
			}
			e := (*from)[0]
			*from = (*from)[1:]
			m.handle(e)
			if m.replay {
				m.queue = append(m.later, m.queue...)
				m.later, m.replay = nil, false
			}
		}
		m.clocks = slices.DeleteFunc(m.clocks, func(c *clock) bool { return c.over })
		slices.SortFunc(m.clocks, func(a, b *clock) int { return int(a.due - b.due) })
		switch {
		case len(m.clocks) == 0 && len(bursts) == 0:
			return m.lines, true
		case len(m.clocks) > 1 && m.clocks[0].due == m.clocks[1].due, len(m.clocks) > 0 && len(bursts) > 0 && m.clocks[0].due == bursts[0].at:
			return nil, false
		case len(bursts) == 0 || len(m.clocks) > 0 && m.clocks[0].due < bursts[0].at:
			c := m.clocks[0]
			m.now = c.due
			m.queue = append(m.queue, event{c.id, c})
		default:
			m.now = bursts[0].at
			for _, id := range bursts[0].events {
				m.queue = append(m.queue, event{id: id})
			}
			bursts = bursts[1:]
		}
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawProgram(rt)
		want, unique := runModel(p)
		if !unique {
			rt.Skip("two things come at once")
		}
		if got := runProcess(t, p); !slices.Equal(got, want) {
			i := 0
			for i < min(len(got), len(want)) && got[i] == want[i] {
				i++
			}
			rt.Fatalf("%+v\nafter\n%s\ngot\n%s\nwant\n%s", *p, strings.Join(got[:i], "\n"), strings.Join(got[i:], "\n"), strings.Join(want[i:], "\n"))
		}
	})
}
