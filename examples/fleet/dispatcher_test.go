package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// crew follows who watches, as a page does.
type crew map[string][]string // name → refs

func (c crew) String() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(c)) {
		all = append(all, fmt.Sprintf("%s×%d", name, len(c[name])))
	}
	return strings.Join(all, " ")
}

type watchers map[string]struct {
	Metas []struct {
		Watch
		Ref string `json:"phx_ref"`
	}
}

func (c crew) change(joins, leaves watchers) {
	for name, w := range joins {
		for _, m := range w.Metas {
			c[name] = append(c[name], m.Ref)
		}
	}
	for name, w := range leaves {
		for _, m := range w.Metas {
			c[name] = slices.DeleteFunc(c[name], func(ref string) bool { return ref == m.Ref })
		}
		if len(c[name]) == 0 {
			delete(c, name)
		}
	}
}

// see follows the diffs until these watch, and no others.
func (c crew) see(from *client, want string) {
	from.Helper()
	for c.String() != want {
		var diff struct{ Joins, Leaves watchers }
		from.event("agency:city", "presence_diff").into(from, &diff)
		c.change(diff.Joins, diff.Leaves)
	}
}

func (w *world) dispatcher(name string) (*client, crew) {
	w.Helper()
	c := w.socket()
	c.join("agency:city", AgencyParams{name}, nil)
	var state watchers
	c.event("agency:city", "presence_state").into(w, &state)
	here := make(crew)
	here.change(state, nil)
	for name, w := range state {
		for _, m := range w.Metas {
			if m.Since.IsZero() {
				c.Errorf("%s watches since never", name)
			}
		}
	}
	return c, here
}

// Dispatchers of an agency see each other come, go, and change their names.
func TestDispatchers(t *testing.T) {
	w := start(t)
	ann, seen := w.dispatcher("Ann")
	defer ann.hangUp()
	seen.see(ann, "Ann×1")
	bob, hisView := w.dispatcher("  ")
	hisView.see(bob, "Ann×1 dispatcher×1")
	seen.see(ann, "Ann×1 dispatcher×1")
	other := w.socket()
	defer other.hangUp()
	other.join("agency:elsewhere", AgencyParams{"Eve"}, nil)

	for range 2 { // the second time it is so already
		if r := bob.push("agency:city", "rename", AgencyParams{"Bob"}); r.Status != "ok" {
			t.Errorf("rename: %s %s", r.Status, r.Response)
		}
	}
	seen.see(ann, "Ann×1 Bob×1")
	// Two may have the same name.
	twin, _ := w.dispatcher("Bob")
	seen.see(ann, "Ann×1 Bob×2")
	if r := bob.push("agency:city", "rename", AgencyParams{"Ann"}); r.Status != "ok" {
		t.Errorf("rename: %s %s", r.Status, r.Response)
	}
	seen.see(ann, "Ann×2 Bob×1")
	bob.hangUp()
	seen.see(ann, "Ann×1 Bob×1")
	if r := twin.push("agency:city", "phx_leave", none{}); r.Status != "ok" {
		t.Errorf("leave: %s %s", r.Status, r.Response)
	}
	seen.see(ann, "Ann×1")
	twin.hangUp()
}

func TestNames(t *testing.T) {
	w := start(t)
	c := w.socket()
	defer c.hangUp()
	c.join("agency:city", none{}, nil)
	for name, ok := range map[string]bool{
		"": true, "Ann": true, "Ænn Łucja 李": true, strings.Repeat("x", 40): true, strings.Repeat("李", 40): true, "🚑": true,
		strings.Repeat("x", 41): false, "a\nb": false, "a\x00b": false, "a\u202eb": false, "\ufffd": true,
	} {
		joined, renamed := w.socket(), w.socket()
		renamed.join("agency:city", none{}, nil)
		for what, r := range map[string]reply{
			"join":   joined.push("agency:city", "phx_join", AgencyParams{name}),
			"rename": renamed.push("agency:city", "rename", AgencyParams{name}),
		} {
			if (r.Status == "ok") != ok || !ok && !strings.Contains(r.reason(), "a name must be") {
				t.Errorf("%s as %q: %s %s", what, name, r.Status, r.Response)
			}
		}
		joined.hangUp()
		renamed.hangUp()
	}
	for _, params := range []string{`{"name":7}`, `[]`, `{"name":{}}`} {
		if r := c.push("agency:city", "rename", json.RawMessage(params)); r.Status != "error" || r.reason() == "" {
			t.Errorf("%s: %s %s", params, r.Status, r.Response)
		}
	}
}

// What the page and others may say is described for TypeScript.
func TestSocketTypes(t *testing.T) {
	w := start(t)
	a := w.do("GET", "/socket.d.ts", "")
	for _, want := range []string{
		"[topic: `agency:${string}`]: {", "[topic: `unit:${string}`]: {", `"moved": Views`, `"position": {`, `"rename": {`, `"crash": {`,
	} {
		if a.status != 200 || !strings.Contains(a.body, want) {
			t.Errorf("there is no %s in %d\n%s", want, a.status, a.body)
		}
	}
}
