package supervisor_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

func (w *world) status(name string) supervisor.Status {
	w.Helper()
	s, err := supervisor.StatusOf(w.ctx, name)
	if err != nil {
		w.Error(err)
	}
	return s
}

func TestStatus(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.startTree(supervisor.Tree{Name: "fleet", Children: []supervisor.Child{
			{Run: w.worker(A)},
			{Name: "web", Run: &service{w: w, name: "s"}, Restart: supervisor.Transient},
			{Run: supervisor.Family(Workers, w.member())},
			{Name: "doors", Run: supervisor.Tree{Children: []supervisor.Child{{Run: w.worker(B), Restart: supervisor.Temporary}}}},
		}})
		w.life(Workers.Of("1"))
		w.life(Workers.Of("2"))
		w.crash(A)
		want := supervisor.Status{Name: "fleet", Kind: "tree", Strategy: "one_for_one", Restart: "permanent", State: "running", Children: []supervisor.Status{
			{Name: "a", Kind: "process", Restart: "permanent", State: "running", Restarts: 1, History: []time.Time{time.Now()}},
			{Name: "web", Kind: "service", Restart: "transient", State: "running"},
			{Name: "workers", Kind: "family", Restart: "permanent", State: "running", Members: 2},
			{Name: "doors", Kind: "tree", Strategy: "one_for_one", Restart: "permanent", State: "running", Children: []supervisor.Status{
				{Name: "b", Kind: "process", Restart: "temporary", State: "running"},
			}},
		}}
		got := w.status("fleet")
		if !reflect.DeepEqual(got, want) || !got.Up() {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
		if got := w.status("fleet/doors"); got.Name != "fleet/doors" || len(got.Children) != 1 {
			t.Errorf("got %+v", got)
		}
		_, err := supervisor.StatusOf(w.ctx, "fleet/a")
		isErr(t, err, process.ErrNoProcess)
		_, err = supervisor.StatusOf(w.ctx, "fleet/workers")
		isErr(t, err, fault.Conflict)
		_, err = supervisor.StatusOf(t.Context(), "fleet")
		isErr(t, err, process.ErrNoNode)
		root.Stop()
	})
}

func TestStatusWhileThingsHappen(t *testing.T) {
	bubble(t, func(w *world) {
		slow := func(_ context.Context, life int) error { time.Sleep(time.Duration(life-1) * time.Minute); return nil }
		root := w.start(
			supervisor.Child{Run: w.worker(A, slow), Backoff: supervisor.Backoff{First: time.Minute, Max: time.Minute}},
			supervisor.Child{Run: w.worker(B), Restart: supervisor.Transient},
			supervisor.Child{Run: supervisor.Tree{Name: "sub", Children: []supervisor.Child{{Run: supervisor.Process("z", func(context.Context) (*sleeper, error) {
				return &sleeper{w, 3 * time.Second}, nil
			})}}}},
		)
		state := func(child int) string { return w.status("root").Children[child].State }
		up := func(want bool) {
			t.Helper()
			if w.status("root").Up() != want {
				t.Errorf("up should be %v: %+v", want, w.status("root"))
			}
		}
		up(true)
		w.crash(A)
		if got := state(0); got != "restarting" {
			t.Errorf("after the crash: %s", got)
		}
		up(false)
		w.after(76 * time.Second)
		if got := state(0); got != "starting" {
			t.Errorf("in its constructor: %s", got)
		}
		up(false)
		w.after(time.Minute)
		if got := state(0); got != "running" {
			t.Errorf("at the end: %s", got)
		}
		up(true)
		if err := process.Do(w.ctx, B, (*worker).End, nil); err != nil {
			t.Error(err)
		}
		w.settle()
		if got := state(1); got != "ended" {
			t.Errorf("after its end: %s", got)
		}
		up(true)
		if err := process.Exit(w.ctx, process.Name[sleeper]("z"), process.Shutdown); err != nil {
			t.Error(err)
		}
		w.settle()
		if s := w.status("root"); s.Children[2].Children[0].State != "stopping" || s.Up() {
			t.Errorf("while it stops: %+v", s)
		}
		w.after(3 * time.Second)
		up(true)
		root.Stop()
	})
}

func TestStatusShowsNoSecrets(t *testing.T) {
	bubble(t, func(w *world) {
		secret := errors.New("the password is hunter2")
		root := w.start(
			supervisor.Child{Run: w.worker(A), Backoff: supervisor.Backoff{First: time.Hour}},
			supervisor.Child{Run: supervisor.Family(Workers, w.member())},
		)
		if err := process.Cast(w.ctx, A, (*worker).End, secret); err != nil {
			t.Error(err)
		}
		w.life(Workers.Of("hunter2"))
		w.settle()
		text, err := json.Marshal(w.status("root"))
		if err != nil || strings.Contains(string(text), "hunter2") {
			t.Errorf("%s, %v", text, err)
		}
		want := `{"name":"root","kind":"tree","strategy":"one_for_one","restart":"permanent","state":"running","restarts":0,"children":[` +
			`{"name":"a","kind":"process","restart":"permanent","state":"restarting","restarts":0},` +
			`{"name":"workers","kind":"family","restart":"permanent","state":"running","restarts":0,"members":1}]}`
		if string(text) != want {
			t.Errorf("got %s", text)
		}
		root.Stop()
	})
}
