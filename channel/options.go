package channel

import (
	"fmt"
	"reflect"
)

// Declared is a channel that [Topic] made.
type Declared struct{ Channel }

// Option is what [Declared.With] adds to a channel: a [History], a [Limit], [Presence],
// [Emits].
type Option interface{ apply(*options) }

// With gives the channel options, and returns it. It panics on those that can never work.
func (d *Declared) With(opts ...Option) *Declared {
	for _, o := range opts {
		if o == nil {
			panic(fmt.Sprintf("channel: an option of the pattern %q is nil", d.pattern()))
		}
		o.apply(d.options())
	}
	return d
}

// options is what is declared of a channel, besides its handlers.
type options struct {
	history    *History
	limit      *Limit         // of a client on the topic
	intercepts map[string]any // Handler[S], by event
	presence   Source
	params     reflect.Type
	reply      reflect.Type // to the join; nil: {}
	handled    []handled
	emits      []emitted
}

// handled is an event that clients may push.
type handled struct {
	event  string
	in     reflect.Type
	out    reflect.Type
	silent bool
	limit  *Limit // nil: none
}

// emitted is an event that clients are told.
type emitted struct {
	event   string
	payload reflect.Type
}

// limitsOf gives the limits of the topic and of the event; nil: none.
func (o *options) limitsOf(event int) [2]*Limit {
	if event < 0 {
		return [2]*Limit{o.limit, nil}
	}
	return [2]*Limit{o.limit, o.handled[event].limit}
}

// passes reports whether a broadcast goes through the process of each client. All that are
// kept do if any does: their offsets come in order.
func (o *options) passes(b *broadcast) bool {
	return o.intercepts[b.event] != nil || b.offset > 0 && len(o.intercepts) > 0
}

func (h History) apply(o *options) {
	if o.history != nil {
		panic("channel: a channel has one History")
	}
	for _, e := range h.Events {
		if h.Load != nil && !e.payload().Implements(reflect.TypeFor[Offsetter]()) {
			panic(fmt.Sprintf("channel: the history is loaded, so the payload of the event %q must have a method Offset() uint64; %v has none", e.name(), e.payload()))
		}
	}
	if h.Load != nil && h.Events == nil {
		panic("channel: a history that is loaded needs to say its Events, such as channel.Events(Posted)")
	}
	if h.Messages < 0 || h.Age < 0 || h.Bytes < 0 {
		panic("channel: the Messages, Age and Bytes of a History cannot be negative")
	}
	o.history = h.orDefaults()
}

func (l Limit) apply(o *options) {
	if wrong := l.check(); wrong != "" {
		panic("channel: the limit of a channel " + wrong)
	}
	l = l.orDefaults()
	o.limit = &l
}

// Emits says which events the channel's clients are told, for the TypeScript that
// describes it. Those of an [Intercept] are known.
func Emits(events ...Named) Option { return emits(events) }

type emits []Named

func (e emits) apply(o *options) {
	for _, event := range e {
		o.emits = append(o.emits, emitted{event.name(), event.payload()})
	}
}
