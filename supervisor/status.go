package supervisor

import (
	"context"
	"slices"
	"time"

	"github.com/bennu-go/bennu/process"
)

// Status is a tree as data, running or planned, without any argument, state or reason in
// it, so that it may be shown.
type Status struct {
	Name     string      `json:"name"`
	Kind     string      `json:"kind"`               // tree, process, family, dynamic, partition or service
	Strategy string      `json:"strategy,omitempty"` // of a tree: one_for_one, one_for_all or rest_for_one
	Restart  string      `json:"restart"`            // permanent, transient or temporary
	State    string      `json:"state"`              // running, starting, stopping, restarting, ended, busy (it did not answer in time) or planned
	Restarts int         `json:"restarts"`           // by its supervisor, those that failed included
	History  []time.Time `json:"history,omitempty"`  // of the latest five restarts
	Members  int         `json:"members,omitempty"`  // of a family or a dynamic supervisor: how many there are
	Children []Status    `json:"children,omitempty"`
}

// Up reports whether every permanent part runs. One that has ended is none of them: it
// had nothing to run (process.Ignore), or was stopped on purpose (TerminateChild).
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

// StatusOf asks the tree with that path, and the trees in it, how they are: "shop/doors"
// is the tree "doors" in the tree "shop". Without a deadline in ctx it waits for 5 s.
func StatusOf(ctx context.Context, path string) (Status, error) {
	s := Status{Name: path, Kind: Tree{}.kind(), Restart: Permanent.String(), State: "running"}
	if err := askTree(unveil(ctx), path, &s); err != nil {
		return Status{}, err
	}
	return s, nil
}

// Plan is the tree as it would be, before it runs.
func (t Tree) Plan() Status {
	if t.Name == "" {
		t.Name = "root"
	}
	return Child{Run: t}.plan()
}

func (c Child) plan() Status {
	own := c.self()
	s := Status{Name: c.name(), Kind: c.spec().kind(), Restart: own.Restart.String(), State: "planned"}
	c.spec().plan(c, &s)
	return s
}

// askTree adds what the tree with that path consists of.
func askTree(ctx context.Context, path string, s *Status) error {
	t, err := process.Ask(ctx, process.Name[supervisor](path), (*supervisor).status)
	s.Strategy, s.Children = t.Strategy, t.Children
	return err
}

func (s *supervisor) status(ctx context.Context) (t Status, _ error) {
	t.Strategy = s.Strategy.String()
	for _, k := range s.kids {
		c := k.status()
		if c.State == "running" {
			if err := k.ask(ctx, s.path, &c); err != nil {
				c.State = "busy"
			}
		}
		t.Children = append(t.Children, c)
	}
	return t, nil
}

func (k *kid) status() Status {
	c := Status{
		Name: k.name(), Kind: k.spec().kind(), Restart: k.Restart.String(), State: "ended",
		Restarts: k.restarts, History: slices.Clone(k.history),
	}
	switch k.state {
	case restarting:
		c.State = "restarting"
	case started:
		if c.State = k.slot.Info().State; c.State == "vacant" {
			c.State = "restarting"
		}
	}
	return c
}

// ask leaves half of the time to the others: one that is busy must not hide them.
func (k *kid) ask(ctx context.Context, path string, c *Status) error {
	if until, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(until)/2)
		defer cancel()
	}
	return k.spec().ask(ctx, path+"/"+k.name(), c)
}
