package channel

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/codec"
	"github.com/bennu-go/bennu/process"
)

// Join is a client's wish to join a topic.
type Join[P any] struct {
	Topic  string
	Key    string  // what the star of the pattern stands for
	Params P       // the client's params for this topic, decoded from JSON
	Peer   *Peer   // who it is, as Connect left it
	Client *Client // to push to; keep it
}

// Channel is what answers on the topics of one pattern. Topic makes one.
type Channel interface {
	match(topic string) (key string, ok bool)
	pattern() string
	options() *options
	slot(ctx context.Context, owner process.Port[process.Down], c *Client) (*process.Slot, error)
	event(name []byte) int
	cast(ctx context.Context, b *process.Burst, c *Client, d delivery) error
	intercept(c *Client, b *broadcast) error
}

// Handler is what a channel with state S does with one event.
type Handler[S any] struct {
	event  string
	role   role
	silent bool // no reply: an error is a crash
	limit  *Limit
	in     reflect.Type // nil: none
	out    reflect.Type // nil: none
	handle func(s *S, ctx context.Context, payload []byte, binary bool) (any, error)
	again  func(topic string, out any) (*broadcast, error) // of an interceptor
}

type role uint8

const (
	onEvent role = iota
	onJoined
	onBroadcast
)

// Joined makes a method's answer the reply to the join. Broadcasts from before it runs on
// reach the client after the reply. Without it the reply is {}.
func Joined[S, Out any](method func(*S, context.Context) (Out, error)) Handler[S] {
	h := Ask("", method)
	h.role = onJoined
	return h
}

// Call answers an event with what the method returns. At most one limit can be given.
func Call[S, In, Out any](event Event[In], method func(*S, context.Context, In) (Out, error), limit ...Limit) Handler[S] {
	read := reader[In]()
	return Handler[S]{
		event: string(event), limit: only(string(event), limit),
		in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
		handle: func(s *S, ctx context.Context, payload []byte, binary bool) (any, error) {
			in, err := read(payload, binary)
			if err != nil {
				return nil, err
			}
			return method(s, ctx, in)
		},
	}
}

// Ask is Call for a method without an input: what the client sends along is ignored.
func Ask[S, Out any](event Event[process.None], method func(*S, context.Context) (Out, error), limit ...Limit) Handler[S] {
	return Handler[S]{
		event: string(event), limit: only(string(event), limit), out: reflect.TypeFor[Out](),
		handle: func(s *S, ctx context.Context, _ []byte, _ bool) (any, error) { return method(s, ctx) },
	}
}

// Do answers an event with {} once the method has returned.
func Do[S, In any](event Event[In], method func(*S, context.Context, In) error, limit ...Limit) Handler[S] {
	return Call(event, func(s *S, ctx context.Context, in In) (process.None, error) {
		return process.None{}, method(s, ctx, in)
	}, limit...)
}

// Run is Do for a method without an input.
func Run[S any](event Event[process.None], method func(*S, context.Context) error, limit ...Limit) Handler[S] {
	return Ask(event, func(s *S, ctx context.Context) (process.None, error) {
		return process.None{}, method(s, ctx)
	}, limit...)
}

// Cast runs the method for an event and does not answer it. An error crashes the channel;
// but a payload that cannot be decoded is answered as such.
func Cast[S, In any](event Event[In], method func(*S, context.Context, In) error, limit ...Limit) Handler[S] {
	h := Do(event, method, limit...)
	h.silent, h.out = true, nil
	return h
}

// Signal is Cast for a method without an input.
func Signal[S any](event Event[process.None], method func(*S, context.Context) error, limit ...Limit) Handler[S] {
	h := Run(event, method, limit...)
	h.silent, h.out = true, nil
	return h
}

// Intercept has the method look at each broadcast of an event before this client gets it:
// the client gets what it returns, or nothing if its error is [Skip]. Another error is a
// crash. The payload is encoded once more for each client, so this is for the events that
// need it.
func Intercept[S, T any](event Event[T], method func(*S, context.Context, T) (T, error)) Handler[S] {
	h := Handler[S]{event: string(event), role: onBroadcast, in: reflect.TypeFor[T]()}
	h.handle = func(s *S, ctx context.Context, payload []byte, binary bool) (any, error) {
		var in T
		if raw, ok := any(&in).(*Binary); ok && binary {
			*raw = payload
		} else if err := json.Unmarshal(payload, &in); err != nil {
			return nil, fault.Internal.Wrap(err, "%q was broadcast with another payload than the interceptor's", string(event))
		}
		return method(s, ctx, in)
	}
	h.again = func(topic string, out any) (*broadcast, error) { return encode(topic, event, out.(T)) }
	return h
}

// Skip, returned by the method of an [Intercept], keeps a broadcast from this client.
var Skip = fault.Canceled.Errorf("channel: this client does not get the broadcast")

func only(event string, limits []Limit) *Limit {
	if len(limits) == 0 {
		return nil
	}
	if len(limits) > 1 {
		panic(fmt.Sprintf("channel: the event %q has %d limits", event, len(limits)))
	}
	l := limits[0]
	if wrong := l.check(); wrong != "" {
		panic(fmt.Sprintf("channel: the limit of the event %q %s", event, wrong))
	}
	l = l.orDefaults()
	return &l
}

// reader makes what reads payloads of a type. An absent one is the zero value.
func reader[In any]() func(payload []byte, binary bool) (In, error) {
	var rules codec.Input
	switch reflect.TypeFor[In]() {
	case reflect.TypeFor[Binary](), reflect.TypeFor[json.RawMessage]():
	default:
		rules = codec.InputOf(reflect.TypeFor[In]())
	}
	return func(payload []byte, binary bool) (in In, err error) {
		raw, wants := any(&in).(*Binary)
		switch {
		case wants && binary:
			*raw = payload
			return in, nil
		case wants:
			return in, &badPayload{fault.Invalid.Errorf("the payload must be binary")}
		case binary:
			return in, &badPayload{fault.Invalid.Errorf("the payload must be JSON, not binary")}
		case len(payload) == 0 || bytes.Equal(payload, []byte("null")):
			payload = []byte("null")
		}
		if raw, ok := any(&in).(*json.RawMessage); ok {
			*raw = payload // it was checked with its frame
			return in, nil
		}
		if err := rules.Read("the payload", payload, &in); err != nil {
			return in, &badPayload{err}
		}
		return in, nil
	}
}

// badPayload tells a client's mistake from an error of the method.
type badPayload struct{ error }

func (e *badPayload) Unwrap() error { return e.error }

// Topic declares a channel for the topics of a pattern: a topic's name, or a beginning
// followed by a star, as in "room:*". join is the constructor of the process that serves
// one client on one topic. An error from it refuses the client.
//
// Topic panics on a pattern or handlers that can never work.
func Topic[S, P any](pattern string, join func(context.Context, Join[P]) (*S, error), handlers ...Handler[S]) *Declared {
	prefix, star := strings.CutSuffix(pattern, "*")
	if pattern == "" || strings.Contains(prefix, "*") {
		panic(fmt.Sprintf("channel: the pattern %q must be a topic, or a beginning and one star at its end", pattern))
	}
	if join == nil {
		panic(fmt.Sprintf("channel: the pattern %q has no join", pattern))
	}
	r := &route[S, P]{
		prefix: prefix, star: star, join: join,
		opts:   &options{params: reflect.TypeFor[P](), intercepts: make(map[string]any)},
		events: make(map[string]int), read: reader[P](),
	}
	for _, h := range handlers {
		r.add(h)
	}
	return &Declared{r}
}

func (r *route[S, P]) add(h Handler[S]) {
	twice := false
	switch h.role {
	case onJoined:
		twice = r.joined != nil
		r.joined, r.opts.reply = &h, h.out
	case onBroadcast:
		twice = r.opts.intercepts[h.event] != nil
		r.opts.intercepts[h.event] = h
		r.opts.emits = append(r.opts.emits, emitted{h.event, h.in})
	default:
		_, twice = r.events[h.event]
		r.events[h.event] = len(r.handlers)
		r.handlers = append(r.handlers, h)
		r.opts.handled = append(r.opts.handled, handled{h.event, h.in, h.out, h.silent, h.limit})
	}
	switch {
	case twice && h.role == onJoined:
		panic(fmt.Sprintf("channel: the pattern %q has two Joined", r.pattern()))
	case twice:
		panic(fmt.Sprintf("channel: the pattern %q has two handlers for the event %q", r.pattern(), h.event))
	case h.event == "" && h.role != onJoined:
		panic(fmt.Sprintf("channel: the pattern %q has a handler without an event", r.pattern()))
	case strings.HasPrefix(h.event, reserved):
		panic(fmt.Sprintf("channel: the event %q is the protocol's own", h.event))
	case len(h.event) > mostName:
		panic(fmt.Sprintf("channel: the event %.40q… is longer than %d bytes", h.event, mostName))
	}
}

// route is a Channel of one state type.
type route[S, P any] struct {
	prefix   string
	star     bool
	join     func(context.Context, Join[P]) (*S, error)
	read     func(payload []byte, binary bool) (P, error) // of params
	joined   *Handler[S]
	handlers []Handler[S]
	events   map[string]int // in handlers
	opts     *options
}

func (r *route[S, P]) match(topic string) (key string, ok bool) {
	if r.star {
		return strings.CutPrefix(topic, r.prefix)
	}
	return "", topic == r.prefix
}

func (r *route[S, P]) pattern() string {
	if r.star {
		return r.prefix + "*"
	}
	return r.prefix
}

func (r *route[S, P]) options() *options { return r.opts }

func (r *route[S, P]) event(name []byte) int {
	if i, ok := r.events[string(name)]; ok {
		return i
	}
	if string(name) == phxLeave {
		return leaving
	}
	return unknown
}

// slot makes the place of the process that serves one client on one topic.
func (r *route[S, P]) slot(ctx context.Context, owner process.Port[process.Down], c *Client) (*process.Slot, error) {
	return process.NewSlot(ctx, owner, "", func(ctx context.Context) (*S, error) { return r.open(ctx, c) })
}

// cast gives a message to the process, which needs not have started yet.
func (r *route[S, P]) cast(ctx context.Context, b *process.Burst, c *Client, d delivery) error {
	ref, err := process.RefOf[S](c.slot)
	if err != nil {
		return err
	}
	return process.CastIn(ctx, b, ref, r.receive, d)
}

// intercept has the process look at a broadcast.
func (r *route[S, P]) intercept(c *Client, b *broadcast) error {
	ref, err := process.RefOf[S](c.slot)
	if err != nil {
		return err
	}
	ctx := c.session.socket.ctx
	return process.Cast(process.NoWait(ctx), ref, r.overhear, interception{c, b})
}
