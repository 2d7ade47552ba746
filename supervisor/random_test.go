package supervisor_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

// story is a tree and what happens to it.
type story struct {
	tree *plan
	acts []act
}

// act is one thing that happens. who and child pick from what is there then.
type act struct {
	what  string // end, start, terminate, restart, delete or sleep
	who   int
	child int
	crash bool
	added *plan
	time  time.Duration
}

func (s story) String() string {
	var b strings.Builder
	var tell func(p *plan, indent string)
	tell = func(p *plan, indent string) {
		fmt.Fprintf(&b, "%s%s", indent, p)
		for _, k := range p.kids {
			tell(k, indent+"  ")
		}
	}
	tell(s.tree, "\n")
	for i, a := range s.acts {
		fmt.Fprintf(&b, "\n%d: %s who %d child %d crash %v %v %v", i, a.what, a.who, a.child, a.crash, a.time, a.added)
	}
	return b.String()
}

func (p *plan) String() string {
	switch {
	case p == nil:
		return ""
	case p.tree:
		return fmt.Sprintf("%s %v %v intensity %d auto %v significant %v backoff %d", p.name, p.restart, p.strategy, p.intensity, p.auto, p.significant, p.backoff)
	}
	return fmt.Sprintf("%s %v significant %v backoff %d script %v", p.name, p.restart, p.significant, p.backoff, p.script)
}

func drawStory(t *rapid.T) story {
	names := 0
	s := story{tree: drawTree(t, &names, 2)}
	for range rapid.IntRange(1, 25).Draw(t, "acts") {
		a := act{
			what:  rapid.SampledFrom([]string{"end", "end", "end", "end", "sleep", "sleep", "start", "terminate", "restart", "delete"}).Draw(t, "what"),
			who:   rapid.IntRange(0, 20).Draw(t, "who"),
			child: rapid.IntRange(0, 5).Draw(t, "child"),
			crash: rapid.Bool().Draw(t, "crash"),
			time:  rapid.SampledFrom([]time.Duration{1, 1, 2, 5, time.Second, period / 2, period - 1, period, period + 1}).Draw(t, "time"),
		}
		if a.what == "start" {
			a.added = drawChild(t, &names, supervisor.Never, 0)
			if a.child == 0 {
				a.added.name, a.added.service = "p0", true // perhaps there is one
			}
		}
		s.acts = append(s.acts, a)
	}
	return s
}

func drawTree(t *rapid.T, names *int, depth int) *plan {
	p := &plan{
		tree:      true,
		name:      fmt.Sprint("t", *names),
		strategy:  supervisor.Strategy(rapid.IntRange(0, 2).Draw(t, "strategy")),
		intensity: rapid.IntRange(0, 4).Draw(t, "intensity"),
		auto:      supervisor.AutoShutdown(max(0, rapid.IntRange(-3, 2).Draw(t, "auto"))),
	}
	*names++
	for range rapid.IntRange(1, 4).Draw(t, "children") {
		p.kids = append(p.kids, drawChild(t, names, p.auto, depth))
	}
	return p
}

func drawChild(t *rapid.T, names *int, auto supervisor.AutoShutdown, depth int) (p *plan) {
	if depth > 0 && rapid.IntRange(0, 3).Draw(t, "tree") == 0 {
		p = drawTree(t, names, depth-1)
	} else {
		p = &plan{name: fmt.Sprint("p", *names), service: rapid.IntRange(0, 2).Draw(t, "service") == 0}
		if depth > 0 {
			p.script = append(p.script, runs) // the tree as it is written starts
		}
		for range rapid.IntRange(0, 4).Draw(t, "script") {
			p.script = append(p.script, max(runs, end(rapid.IntRange(-2, 2).Draw(t, "life"))))
		}
		*names++
	}
	p.restart = supervisor.Restart(rapid.IntRange(0, 2).Draw(t, "restart"))
	p.significant = auto != supervisor.Never && p.restart != supervisor.Permanent && rapid.Bool().Draw(t, "significant")
	p.backoff = max(0, rapid.IntRange(-4, 2).Draw(t, "backoff"))
	return p
}

// child makes the plan real.
func (w *world) child(p *plan) supervisor.Child {
	c := supervisor.Child{Name: p.name, Restart: p.restart, Significant: p.significant}
	switch {
	case p.backoff > 0:
		c.Backoff = supervisor.Backoff{First: firstWait, Min: nextWait, Max: nextWait, Quiet: quiet, Tries: p.backoff}
		if p.backoff == 1 {
			c.Backoff.Tries = 0
		}
	}
	open := func(_ context.Context, life int) error {
		if life > len(p.script) {
			return nil
		}
		return []error{runs: nil, fails: errCrash, ignores: process.Ignore}[p.script[life-1]]
	}
	switch {
	case p.tree:
		c.Run = w.tree(p)
	case p.service:
		life := 0
		p.orders = make(chan error)
		c.Run = &service{w: w, name: p.name,
			ready: func(ctx context.Context) error { life++; return open(ctx, life) },
			serve: func(ctx context.Context) error {
				select {
				case <-ctx.Done():
					w.note("-" + p.name)
					return ctx.Err()
				case err := <-p.orders:
					if err == nil {
						w.note("-" + p.name)
					} else {
						w.note("!" + p.name)
					}
					return err
				}
			}}
	default:
		c.Run = w.worker(process.Name[worker](p.name), open)
	}
	return c
}

func (w *world) tree(p *plan) supervisor.Tree {
	t := supervisor.Tree{Name: p.name, Strategy: p.strategy, Intensity: p.intensity, AutoShutdown: p.auto}
	if p.intensity == 0 {
		t.Intensity = supervisor.NoRestarts
	}
	for _, k := range p.kids {
		t.Children = append(t.Children, w.child(k))
	}
	return t
}

// answer is what a call gave, in one word.
func answer(err error) string {
	switch {
	case err == nil:
		return ok
	case errors.Is(err, errCrash):
		return failed
	}
	return fault.Of(err).String()
}

// tally is how much a run of TestModel has tested.
type tally struct{ restarts, gaveUp, waits, answers int }

// play has the model and a tree live through the story, and says where they differ.
func (w *world) play(s story, sum *tally) (diff string) {
	real := w.tree(s.tree)
	m := new(model)
	m.root = m.open(s.tree, s.tree.name, nil)
	root, err := real.Start(w.ctx)
	if (err == nil) != (m.root != nil) {
		return fmt.Sprintf("start: %v", err)
	}
	if err != nil {
		return w.compare("a failed start", m)
	}
	defer root.Stop()
	if diff := w.compare("start", m); diff != "" {
		return diff
	}
	for i, a := range s.acts {
		what, same := w.perform(a, m)
		if !same {
			return "" // the order is not defined
		}
		if diff := w.compare(fmt.Sprintf("act %d: %s", i, what), m); diff != "" {
			return diff
		}
		if m.over {
			sum.gaveUp++
			if err, ended := w.ended(root); !ended || !errors.Is(err, process.Shutdown) {
				return fmt.Sprintf("it should have ended; ended: %v, %v", ended, err)
			}
			break
		}
		for n := range m.all() {
			sum.restarts += n.restarts
			if n.due > 0 {
				sum.waits++
			}
		}
		if strings.Contains(what, "→") {
			sum.answers++
		}
	}
	if !m.over {
		m.stopAll(m.root)
	}
	root.Stop()
	return w.compare("stop", m)
}

// perform lets one thing happen to both. It reports false where the model does not know
// what comes first.
func (w *world) perform(a act, m *model) (what string, defined bool) {
	var leaves []*node
	supers := []*super{m.root}
	for n := range m.all() {
		switch {
		case n.runs != nil:
			supers = append(supers, n.runs)
		case n.state == "running":
			leaves = append(leaves, n)
		}
	}
	switch a.what {
	case "sleep":
		time.Sleep(a.time)
		return fmt.Sprint("sleep ", a.time), m.sleep(a.time)
	case "end":
		if len(leaves) == 0 {
			return "nothing", true
		}
		n := leaves[a.who%len(leaves)]
		var reason error
		if a.crash {
			reason = errCrash
		}
		m.ends(n, !a.crash)
		if n.service {
			select {
			case n.orders <- reason:
			case <-time.After(time.Hour):
				w.note("it does not serve")
			}
		} else if err := process.Cast(w.ctx, process.Name[worker](n.name), (*worker).End, reason); err != nil {
			w.Error(err)
		}
		return fmt.Sprintf("%s ends with %v", n.name, reason), true
	}
	on := supers[a.who%len(supers)]
	name := "nobody"
	if a.child < len(on.kids) {
		name = on.kids[a.child].name
	}
	var got error
	var want string
	switch a.what {
	case "start":
		name = a.added.name
		c := w.child(a.added)
		want, got = m.startChild(on, a.added), supervisor.StartChild(w.ctx, on.path, c)
	case "terminate":
		want, got = m.terminateChild(on, name), supervisor.TerminateChild(w.ctx, on.path, name)
	case "restart":
		want, got = m.restartChild(on, name), supervisor.RestartChild(w.ctx, on.path, name)
	case "delete":
		want, got = m.deleteChild(on, name), supervisor.DeleteChild(w.ctx, on.path, name)
	}
	what = fmt.Sprintf("%s %s in %s → %q", a.what, name, on.path, want)
	if answer(got) != want {
		w.note("the answer is " + fmt.Sprint(got))
	}
	return what, true
}

// compare says where the two differ: in what happened, and in who is there.
func (w *world) compare(what string, m *model) string {
	w.settle()
	got, want := w.read(), strings.Join(m.notes, " ")
	m.notes = nil
	if got != want {
		return fmt.Sprintf("%s\n    gave: %s\nexpected: %s", what, got, want)
	}
	if m.root == nil || m.over || what == "stop" {
		return ""
	}
	status, err := supervisor.StatusOf(w.ctx, m.root.path)
	if err != nil {
		return fmt.Sprintf("%s: %v", what, err)
	}
	if got, want := statusText(status), m.root.text(); got != want {
		return fmt.Sprintf("%s\n    children: %s\n    expected: %s", what, got, want)
	}
	return ""
}

// TestModel tells the same stories at each run; -rapid.seed and -rapid.checks tell others.
func TestModel(t *testing.T) {
	set := func(name, usual, value string) {
		if f := flag.Lookup(name); f.Value.String() == usual {
			_ = f.Value.Set(value)
			t.Cleanup(func() { _ = f.Value.Set(usual) })
		}
	}
	set("rapid.seed", "0", "1")
	set("rapid.checks", "100", "1500")
	set("rapid.nofailfile", "false", "true")
	var sum tally
	rapid.Check(t, func(rt *rapid.T) {
		s := drawStory(rt)
		var diff string
		synctest.Test(t, func(t *testing.T) {
			inWorld(t, func(w *world) { diff = w.play(s, &sum) })
		})
		if diff != "" {
			rt.Fatalf("%v\n%s", s, diff)
		}
	})
	t.Logf("%+v", sum)
	if !t.Failed() && (sum.restarts < 5000 || sum.gaveUp < 200 || sum.waits < 1000 || sum.answers < 2000) {
		t.Errorf("it tests little: %+v", sum)
	}
}
