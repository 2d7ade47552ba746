package channel

import (
	"context"
	"reflect"

	"github.com/bennu-go/bennu/presence"
)

// Source is what tells who is present: a *presence.Tracker.
type Source = presence.Source

// Presence tells the clients of a channel who is present on their topic: presence_state
// behind the reply to the join, then presence_diff, as the official clients expect. Who is
// present is what was tracked, by the join for example:
//
//	_, err := users.Track(ctx, j.Topic, j.Params.Name, Meta{OnlineAt: time.Now()})
func Presence(users Source) Option { return presenceOf{users} }

type presenceOf struct{ Source }

func (p presenceOf) apply(o *options) {
	switch {
	case p.Source == nil || reflect.ValueOf(p.Source).IsZero():
		panic("channel: Presence needs a tracker, such as &presence.Tracker[Meta]{Name: \"users\"}")
	case o.presence != nil:
		panic("channel: a channel has one Presence")
	}
	o.presence = p.Source
}

const (
	presenceState = "presence_state"
	presenceDiff  = "presence_diff"
)

// whoIsHere is what a client that joins a topic is told; nil: nothing. All who join before
// the next change get the same frames.
func (f *feed) whoIsHere(ctx context.Context, source Source) (*broadcast, error) {
	if source == nil {
		return nil, nil
	}
	here, err := source.State(ctx, f.topic)
	if err != nil {
		return nil, err
	}
	version := here.Version + 1 // zero stands for none
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.present == nil || f.present.version != version {
		f.present = &broadcast{topic: f.topic, event: presenceState, payload: here.Payload, version: version}
	}
	return f.present, nil
}

// hearing is a source that the hub listens to, for as many sockets.
type hearing struct {
	sockets int
	stop    func()
}

// attach makes the hub pass on what a source tells.
func (h *hub) attach(ctx context.Context, source Source) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at := h.sources[source]; at != nil {
		at.sockets++
		return nil
	}
	stop, err := source.Hear(ctx, func(d presence.Diff) {
		h.deliver(&broadcast{topic: d.Topic, event: presenceDiff, payload: d.Payload, version: d.Version + 1})
	})
	if err != nil {
		return err
	}
	h.sources[source] = &hearing{1, stop}
	return nil
}

func (h *hub) detach(source Source) {
	h.mu.Lock()
	at := h.sources[source]
	last := at != nil && at.sockets == 1
	if last {
		delete(h.sources, source)
	} else if at != nil {
		at.sockets--
	}
	h.mu.Unlock()
	if last {
		at.stop()
	}
}
