package supervisor_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

// shop is a tree with one child of each kind.
func (w *world) shop() supervisor.Tree {
	return supervisor.Tree{Name: "shop", Strategy: supervisor.RestForOne, Children: []supervisor.Child{
		{Run: w.worker(A)},
		w.shards(2, supervisor.Child{Restart: supervisor.Transient}),
		{Run: supervisor.Tree{Name: "doors", Strategy: supervisor.OneForAll, Children: []supervisor.Child{
			w.service("web"),
			{Run: &supervisor.Tree{Name: "back", Children: []supervisor.Child{{Name: "t\tcp\n", Run: w.worker(B), Restart: supervisor.Temporary}}}},
		}}, Restart: supervisor.Transient},
		{Run: supervisor.Family(Workers, w.member())},
		w.dynamic(supervisor.Child{Restart: supervisor.Temporary}),
	}}
}

const planned = `
shop              tree       rest_for_one  permanent  planned
├─ a              process                  permanent  planned
├─ shards         partition  one_for_one   permanent  planned
│  ├─ 0           process                  transient  planned
│  └─ 1           process                  transient  planned
├─ doors          tree       one_for_all   transient  planned
│  ├─ web         service                  permanent  planned
│  └─ back        tree       one_for_one   permanent  planned
│     └─ "t\tcp\n"  process                  temporary  planned
├─ workers        family                   permanent  planned
└─ jobs           dynamic                  permanent  planned
`

func text(t testing.TB, s supervisor.Status) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("\n")
	if err := supervisor.Print(&b, s); err != nil {
		t.Error(err)
	}
	return b.String()
}

func TestPrintAPlan(t *testing.T) {
	bubble(t, func(w *world) {
		got := text(t, w.shop().Plan())
		if got, want := strings.Join(strings.Fields(got), " "), strings.Join(strings.Fields(planned), " "); got != want {
			t.Errorf("got %s", got)
		}
	})
}

// What runs is what was planned.
func TestThePlanIsWhatRuns(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.startTree(w.shop())
		got, err := root.Status(context.Background()) // it knows its node and its name
		must(t, err)
		var wanted func(s *supervisor.Status)
		wanted = func(s *supervisor.Status) {
			s.State = "running"
			for i := range s.Children {
				wanted(&s.Children[i])
			}
		}
		want := w.shop().Plan()
		wanted(&want)
		if !reflect.DeepEqual(got, want) || !got.Up() {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		root.Stop()
		_, err = root.Status(w.ctx)
		isErr(t, err, process.ErrNoProcess)
	})
}

func TestPrintWhatRuns(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(
			supervisor.Child{Run: w.worker(A)},
			supervisor.Child{Run: w.worker(B)},
			supervisor.Child{Run: supervisor.Family(Workers, w.member())},
			w.dynamic(supervisor.Child{}),
		)
		w.life(Workers.Of("1"))
		w.job("1")
		w.job("2")
		w.after(time.Minute)
		w.crash(A)
		w.crash(A)
		w.crash(B)
		got := text(t, w.status("root"))
		want := `
root        tree     one_for_one  permanent  running
├─ a        process               permanent  running  2 restarts, the last at 2000-01-01T00:01:00Z
├─ b        process               permanent  running  1 restart, the last at 2000-01-01T00:01:00Z
├─ workers  family                permanent  running  1 member
└─ jobs     dynamic               permanent  running  2 members
`
		if got != want {
			t.Errorf("got %s", got)
		}
		root.Stop()
	})
}

func TestPrintGivesTheErrorOfItsWriter(t *testing.T) {
	isErr(t, supervisor.Print(broken{}, supervisor.Tree{}.Plan()), errCrash)
	if got := (supervisor.Tree{}).Plan(); got.Name != "root" {
		t.Errorf("got %+v", got)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errCrash }

func TestStatusKeepsTheLatestRestarts(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A)})
		var want []time.Time
		for range 12 {
			w.after(10 * time.Second)
			w.crash(A)
			want = append(want, time.Now())
		}
		s := w.status("root").Children[0]
		if s.Restarts != 12 || !reflect.DeepEqual(s.History, want[7:]) {
			t.Errorf("got %+v", s)
		}
		root.Stop()
	})
}

// A tree that is busy, as one that starts something slow, does not hide the others.
func TestStatusOfABusyTree(t *testing.T) {
	bubble(t, func(w *world) {
		sub := func(name string) supervisor.Child {
			return supervisor.Child{Run: supervisor.Tree{Name: name}}
		}
		root := w.start(sub("one"), sub("two"), sub("three"))
		slow := supervisor.Child{Run: w.worker(A, func(context.Context, int) error { time.Sleep(time.Minute); return nil })}
		done := make(chan error, 1)
		go func() { done <- supervisor.StartChild(w.ctx, "root/two", slow) }()
		w.settle()
		s := w.status("root")
		if s.Up() || s.Children[0].State != "running" || s.Children[1].State != "busy" || s.Children[2].State != "running" {
			t.Errorf("got %+v", s)
		}
		must(t, <-done)
		if s := w.status("root"); !s.Up() || len(s.Children[1].Children) != 1 {
			t.Errorf("got %+v", s)
		}
		root.Stop()
	})
}
