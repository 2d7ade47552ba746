package supervisor

import (
	"context"

	"github.com/bennu-go/bennu/process"
)

// Status is a running tree as data, without any argument, state or reason in it, so
// that it may be shown.
type Status struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind"`    // tree, process, family or service
	Restart  string   `json:"restart"` // permanent, transient or temporary
	State    string   `json:"state"`   // running, starting, stopping, restarting or ended
	Restarts int      `json:"restarts"`
	Members  int      `json:"members,omitempty"` // of a family: how many are awake
	Children []Status `json:"children,omitempty"`
}

// Up reports whether every permanent part runs. One that has ended is none of them: it
// had nothing to run (process.Ignore).
func (s Status) Up() bool {
	if s.Restart == Permanent.String() && s.State != "running" && s.State != "ended" {
		return false
	}
	for _, c := range s.Children {
		if !c.Up() {
			return false
		}
	}
	return true
}

// StatusOf asks the tree with that name, and the trees in it, how they are.
func StatusOf(ctx context.Context, name string) (Status, error) {
	s, err := process.Ask(ctx, process.Name[tree](name), (*tree).status)
	if err != nil {
		return Status{}, err
	}
	s.Name, s.Kind, s.State, s.Restart = name, "tree", "running", Permanent.String()
	return s, nil
}

func (t *tree) status(ctx context.Context) (Status, error) {
	var s Status
	for _, k := range t.kids {
		s.Children = append(s.Children, k.status(ctx, t.path))
	}
	return s, nil
}

func (k *kid) status(ctx context.Context, path string) Status {
	s := Status{Name: k.name(), Kind: k.spec().kind(), Restart: k.Restart.String(), State: "ended", Restarts: k.restarts}
	if k.slot == nil {
		return s
	}
	if s.State = k.slot.Info().State; s.State == "vacant" {
		s.State = "restarting"
	}
	if s.State != "running" {
		return s
	}
	var err error
	switch path += "/" + s.Name; s.Kind {
	case "tree":
		var sub Status
		sub, err = process.Ask(ctx, process.Name[tree](path), (*tree).status)
		s.Children = sub.Children
	case "family":
		s.Members, err = process.Ask(ctx, process.Name[family](path), (*family).size)
	}
	if err != nil { // it ended just now, or is too busy to answer
		s.State = "stopping"
	}
	return s
}

func (f *family) size(context.Context) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return len(f.byKey), nil
}
