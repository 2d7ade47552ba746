package channeltest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// presences is who is present, by key, as in presence_state and in half a presence_diff.
type presences map[string]struct {
	Metas []struct {
		Ref string `json:"phx_ref"`
	} `json:"metas"`
}

func aboutPresence(m Message) bool {
	return m.Event == "presence_state" || m.Event == "presence_diff"
}

// ExpectPresence waits until these, and no others, are present on the topic, according to
// what the server tells its clients. It is for topics with channel.Presence.
func (r *Room) ExpectPresence(keys ...string) {
	r.c.t.Helper()
	want := slices.Sorted(slices.Values(keys))
	for !r.told || !slices.Equal(r.present(), want) {
		what := "a presence of " + strings.Join(want, ", ") + "; present: " + strings.Join(r.present(), ", ")
		r.hears(r.c.next(what, func(m Message) bool { return m.Topic == r.topic && aboutPresence(m) }))
	}
}

// present is who is present. here has an entry for each key and phx_ref.
func (r *Room) present() []string {
	keys := make(map[string]bool)
	for at := range r.here {
		key, _, _ := strings.Cut(at, "\x00")
		keys[key] = true
	}
	return slices.Sorted(maps.Keys(keys))
}

func (r *Room) hears(m Message) {
	r.c.t.Helper()
	var diff struct{ Joins, Leaves presences }
	r.told = true
	var err error
	if m.Event == "presence_state" {
		clear(r.here)
		err = json.Unmarshal(m.Payload, &diff.Joins)
	} else {
		err = json.Unmarshal(m.Payload, &diff)
	}
	if err != nil {
		r.c.t.Fatalf("%s: %v", m, err)
	}
	each(diff.Leaves, func(at string) { delete(r.here, at) })
	each(diff.Joins, func(at string) { r.here[at] = true })
}

func each(all presences, do func(string)) {
	for key, p := range all {
		for _, meta := range p.Metas {
			do(key + "\x00" + meta.Ref)
		}
	}
}
