package presence

import (
	"context"
	"encoding/json"
	"reflect"
)

// Source is what tells clients who is present, in the payloads of the official client. A
// [Tracker] is one, whatever its metas.
//
// A client is told right by whoever begins with Hear, then, for each client, asks State while
// it keeps back the topic's diffs, gives the client the payload, and from then on the diffs
// with a greater version, those kept back first.
type Source interface {
	// State is who is present on the topic, as the payload of presence_state. It is as of the
	// latest diff that was cut, which Hear may still be about to tell. It is encoded once for
	// all who ask until the next diff, and must not be changed.
	State(ctx context.Context, topic string) (State, error)

	// Hear calls fn with each diff of each topic, until stop is called: those of one topic one
	// at a time and in order, those of different topics possibly at the same time. fn must
	// not block. A call that has begun when stop is called may end after it.
	Hear(ctx context.Context, fn func(Diff)) (stop func(), err error)

	// MetaType is the type of the metas, for what describes the payloads.
	MetaType() reflect.Type
}

// State is all presences of a topic.
type State struct {
	Version uint64          // of the latest diff that is contained
	Payload json.RawMessage // {"key":{"metas":[{…,"phx_ref":"…"}]}}
}

// Diff is what has changed on a topic.
type Diff struct {
	Topic   string
	Version uint64          // greater than that of the topic's diff before, and not always by one
	Payload json.RawMessage // {"joins":{…},"leaves":{…}}
}

var _ Source = (*Tracker[struct{}])(nil)

// MetaType is the type of the metas: M.
func (t *Tracker[M]) MetaType() reflect.Type { return reflect.TypeFor[M]() }
