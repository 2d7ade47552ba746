package supervisor_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

// model is what a child of a tree should be doing, in a few lines that are easy to
// believe. TestModel lets random children of random trees end, and compares.
type model struct {
	name      string
	restart   supervisor.Restart
	parent    *model
	kids      []*model // of a tree
	tree      bool
	intensity int
	stamps    []time.Time
	up        bool
	forgotten bool
	restarts  int
	orders    chan error // to a service: end with this
	notes     []string   // of the root
}

func (m *model) note(s string) {
	for m.parent != nil {
		m = m.parent
	}
	m.notes = append(m.notes, s)
}

func (m *model) start() {
	m.up, m.forgotten, m.stamps = true, false, nil
	if !m.tree {
		m.note("+" + m.name)
	}
	for _, k := range m.kids {
		k.restarts = 0
		k.start()
	}
}

func (m *model) stop(mark string) {
	if !m.up {
		return
	}
	m.up = false
	for i := len(m.kids) - 1; i >= 0; i-- {
		m.kids[i].stop("-")
	}
	if !m.tree {
		m.note(mark + m.name)
	}
}

func (m *model) end(clean bool) {
	mark := "!"
	if clean {
		mark = "-"
	}
	m.stop(mark)
	t := m.parent
	switch {
	case t == nil:
		return
	case m.restart == supervisor.Temporary:
		m.forgotten = true
		return
	case m.restart == supervisor.Transient && clean:
		return
	}
	now := time.Now()
	t.stamps = append(t.stamps, now)
	recent := 0
	for _, at := range t.stamps {
		if now.Sub(at) <= 5*time.Second {
			recent++
		}
	}
	if recent > t.intensity {
		t.end(true)
		return
	}
	m.restarts++
	m.start()
}

// leaves are the running children that are no trees.
func (m *model) leaves() (all []*model) {
	if m.up && !m.tree {
		return []*model{m}
	}
	for _, k := range m.kids {
		if m.up {
			all = append(all, k.leaves()...)
		}
	}
	return all
}

func (m *model) status() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%v:%d", m.name, m.up, m.restarts)
	if m.up && m.tree {
		b.WriteString("[")
		for _, k := range m.kids {
			if !k.forgotten {
				b.WriteString(k.status() + " ")
			}
		}
		b.WriteString("]")
	}
	return b.String()
}

func statusText(s supervisor.Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%v:%d", s.Name, s.State == "running", s.Restarts)
	if s.Kind == "tree" && s.State == "running" {
		b.WriteString("[")
		for _, k := range s.Children {
			b.WriteString(statusText(k) + " ")
		}
		b.WriteString("]")
	}
	return b.String()
}

// grow makes a random tree, as a model and as it is.
func (w *world) grow(r *rand.Rand, parent *model, names *int, depth int) (*model, supervisor.Tree) {
	m := &model{name: fmt.Sprint("t", *names), tree: true, parent: parent, intensity: 1 + r.IntN(4)}
	*names++
	t := supervisor.Tree{Name: m.name, Intensity: m.intensity}
	if r.IntN(6) == 0 {
		m.intensity, t.Intensity = 0, supervisor.NoRestarts
	}
	for range 1 + r.IntN(4) {
		c := supervisor.Child{Restart: supervisor.Restart(r.IntN(3))}
		var k *model
		switch kind := r.IntN(3); {
		case kind == 0 && depth > 0:
			k, c.Run = grown(w.grow(r, m, names, depth-1))
		case kind == 1:
			k = &model{name: fmt.Sprint("s", *names), orders: make(chan error)}
			c.Name = k.name
			c.Run = w.obedient(k.name, k.orders)
		default:
			k = &model{name: fmt.Sprint("p", *names)}
			c.Run = w.worker(process.Name[worker](k.name))
		}
		*names++
		k.parent, k.restart = m, c.Restart
		m.kids = append(m.kids, k)
		t.Children = append(t.Children, c)
	}
	return m, t
}

func grown(m *model, t supervisor.Tree) (*model, supervisor.Service) { return m, t }

// obedient is a service that ends when it is told to.
func (w *world) obedient(name string, orders chan error) supervisor.Service {
	return &service{w: w, name: name, serve: func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			w.note("-" + name)
			return ctx.Err()
		case err := <-orders:
			if err == nil {
				w.note("-" + name)
			} else {
				w.note("!" + name)
			}
			return err
		}
	}}
}

func TestModel(t *testing.T) {
	runs := 150
	if testing.Short() {
		runs = 50
	}
	gaveUp, restarts := 0, 0
	for seed := range runs {
		bubble(t, func(w *world) {
			r := rand.New(rand.NewPCG(uint64(seed), 1))
			names := 0
			m, tree := w.grow(r, nil, &names, 3)
			root := w.startTree(tree)
			m.start()
			check := func(op string) {
				w.settle()
				got, want := w.read(), strings.Join(m.notes, " ")
				m.notes = nil
				if got != want {
					t.Fatalf("seed %d: %s\n    gave: %s\nexpected: %s", seed, op, got, want)
				}
				if !m.up {
					return
				}
				if got, want := statusText(w.status(tree.Name)), m.status(); got != want {
					t.Fatalf("seed %d: %s\n    gave: %s\nexpected: %s", seed, op, got, want)
				}
			}
			check("start")
			for range 40 {
				leaves := m.leaves()
				if len(leaves) == 0 {
					break
				}
				k := leaves[r.IntN(len(leaves))]
				var reason error
				if r.IntN(3) > 0 {
					reason = errCrash
				}
				if k.orders != nil {
					k.orders <- reason
				} else if err := process.Cast(w.ctx, process.Name[worker](k.name), (*worker).End, reason); err != nil {
					t.Fatal(err)
				}
				k.end(reason == nil)
				restarts += k.restarts
				check(fmt.Sprintf("%s ends with %v", k.name, reason))
				time.Sleep(time.Duration(r.IntN(4000)) * time.Millisecond)
			}
			if !m.up {
				gaveUp++
				err, _ := w.ended(root)
				isErr(t, err, supervisor.ErrGaveUp)
			}
			root.Stop()
			m.stop("-")
			check("stop")
		})
	}
	if gaveUp < runs/10 || gaveUp > runs*9/10 || restarts < runs {
		t.Errorf("%d of %d trees gave up, %d restarts: the test tests little", gaveUp, runs, restarts)
	}
}
