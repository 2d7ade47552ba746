package channel

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/codec"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/pubsub"
	"github.com/bennu-go/bennu/telemetry"
)

// Join is a client's wish to join a topic.
type Join[P any] struct {
	Topic  string
	Key    string     // what the star of the pattern stands for
	Params P          // the client's params for this topic, decoded from JSON
	Socket url.Values // the params that it connected with
	Client *Client    // to push to; keep it
}

// Channel is what answers on the topics of one pattern. Topic makes one.
type Channel interface {
	match(topic string) (key string, ok bool)
	pattern() string
	slot(ctx context.Context, owner process.Port[process.Down], m *member) (*process.Slot, error)
	cast(ctx context.Context, m *member, in inbound) error
}

// Handler is what a channel with state S does with one event.
type Handler[S any] struct {
	event  string // "" for the reply to the join
	joined bool   // it is the reply to the join
	silent bool   // no reply: an error is a crash
	handle func(s *S, ctx context.Context, payload json.RawMessage) (any, error)
}

// Topic declares a channel for the topics of a pattern: a topic's name, or a beginning
// followed by a star, as in "room:*". join is the constructor of the process that serves
// one client on one topic. An error from it refuses the client.
//
// Topic panics on a pattern or handlers that can never work.
func Topic[S, P any](pattern string, join func(context.Context, Join[P]) (*S, error), handlers ...Handler[S]) Channel {
	prefix, star := strings.CutSuffix(pattern, "*")
	if pattern == "" || strings.Contains(prefix, "*") {
		panic(fmt.Sprintf("channel: the pattern %q must be a topic, or a beginning and one star at its end", pattern))
	}
	if join == nil {
		panic(fmt.Sprintf("channel: the pattern %q has no join", pattern))
	}
	r := &route[S, P]{prefix: prefix, star: star, join: join, handlers: make(map[string]Handler[S])}
	for _, h := range handlers {
		if _, twice := r.handlers[h.event]; twice {
			panic(fmt.Sprintf("channel: the pattern %q has two handlers for the event %q", pattern, h.event))
		}
		if h.event == "" && !h.joined {
			panic(fmt.Sprintf("channel: the pattern %q has a handler without an event", pattern))
		}
		if strings.HasPrefix(h.event, reserved) {
			panic(fmt.Sprintf("channel: the event %q is the protocol's own", h.event))
		}
		r.handlers[h.event] = h
	}
	return r
}

// Joined makes a method's answer the reply to the join. Broadcasts from before it runs on
// reach the client after the reply. Without it the reply is {}.
func Joined[S, Out any](method func(*S, context.Context) (Out, error)) Handler[S] {
	h := Ask("", method)
	h.joined = true
	return h
}

// Call answers an event with what the method returns.
func Call[S, In, Out any](event string, method func(*S, context.Context, In) (Out, error)) Handler[S] {
	return Handler[S]{event: event, handle: func(s *S, ctx context.Context, payload json.RawMessage) (any, error) {
		in, err := input[In](payload)
		if err != nil {
			return nil, err
		}
		return method(s, ctx, in)
	}}
}

// Ask is Call for a method without an input: what the client sends along is ignored.
func Ask[S, Out any](event string, method func(*S, context.Context) (Out, error)) Handler[S] {
	return Handler[S]{event: event, handle: func(s *S, ctx context.Context, _ json.RawMessage) (any, error) {
		return method(s, ctx)
	}}
}

// Do answers an event with {} once the method has returned.
func Do[S, In any](event string, method func(*S, context.Context, In) error) Handler[S] {
	return Call(event, func(s *S, ctx context.Context, in In) (process.None, error) {
		return process.None{}, method(s, ctx, in)
	})
}

// Run is Do for a method without an input.
func Run[S any](event string, method func(*S, context.Context) error) Handler[S] {
	return Ask(event, func(s *S, ctx context.Context) (process.None, error) {
		return process.None{}, method(s, ctx)
	})
}

// Cast runs the method for an event and does not answer it. An error crashes the channel;
// but a payload that cannot be decoded is answered as such.
func Cast[S, In any](event string, method func(*S, context.Context, In) error) Handler[S] {
	h := Do(event, method)
	h.silent = true
	return h
}

// Signal is Cast for a method without an input.
func Signal[S any](event string, method func(*S, context.Context) error) Handler[S] {
	h := Run(event, method)
	h.silent = true
	return h
}

// input decodes a payload. An absent one is the zero value.
func input[In any](payload json.RawMessage) (in In, err error) {
	if len(payload) == 0 || bytes.Equal(payload, []byte("null")) {
		return in, nil
	}
	if err := codec.Decode("the payload", payload, &in); err != nil {
		return in, &badPayload{err}
	}
	return in, nil
}

// badPayload tells a client's mistake from an error of the method.
type badPayload struct{ error }

func (e *badPayload) Unwrap() error { return e.error }

// route is a Channel of one state type.
type route[S, P any] struct {
	prefix   string
	star     bool
	join     func(context.Context, Join[P]) (*S, error)
	handlers map[string]Handler[S]
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

// slot makes the place of the process that serves one client on one topic.
func (r *route[S, P]) slot(ctx context.Context, owner process.Port[process.Down], m *member) (*process.Slot, error) {
	open := func(ctx context.Context) (*S, error) {
		if m.off.Load() {
			return nil, errTwice
		}
		params, err := input[P](m.client.asked.payload)
		if err != nil {
			return nil, err
		}
		m.client.asked.payload = nil // it may be large, and the client stays
		s, err := r.join(ctx, Join[P]{m.client.topic, m.key, params, m.params, m.client})
		if err != nil {
			return nil, err
		}
		if s == nil {
			panic(fmt.Sprintf("channel: the join of %q gave neither a state nor an error", r.pattern()))
		}
		port, err := process.Bind(ctx, r.receive)
		if err != nil {
			return nil, err
		}
		stop, err := pubsub.Tap(ctx, wire(m.client.topic), m.client.hear)
		if err != nil {
			return nil, err
		}
		if _, err := port.OnEnd(stop); err != nil {
			stop()
			return nil, err
		}
		response := empty
		if h, ok := r.handlers[""]; ok {
			out, err := h.handle(s, ctx, nil)
			if err != nil {
				return nil, err
			}
			if response, err = json.Marshal(out); err != nil {
				return nil, fault.Internal.Wrap(err, "the reply to the join cannot be encoded")
			}
		}
		return s, m.client.admit(response, m.after)
	}
	return process.NewSlot(ctx, owner, "", open)
}

func (r *route[S, P]) cast(ctx context.Context, m *member, in inbound) error {
	ref, err := process.RefOf[S](m.slot)
	if err != nil {
		return err
	}
	m.client.waiting.Add(int64(len(in.payload)))
	err = process.Cast(ctx, ref, r.receive, delivery{m.client, in})
	if err != nil {
		m.client.waiting.Add(-int64(len(in.payload)))
	}
	return err
}

type delivery struct {
	client *Client
	inbound
}

// receive handles one message in the channel's process.
func (r *route[S, P]) receive(s *S, ctx context.Context, d delivery) error {
	d.client.waiting.Add(-int64(len(d.payload)))
	if d.event == phxLeave {
		d.client.answer(d.inbound, "ok", empty)
		return process.Stop(ctx, errLeft)
	}
	h, ok := r.handlers[d.event]
	if !ok || d.event == "" {
		d.client.answer(d.inbound, "error", reason("unknown event"))
		return nil
	}
	out, err := h.handle(s, ctx, d.payload)
	if h.silent {
		if _, bad := err.(*badPayload); !bad {
			return err
		}
	}
	response := empty
	if err == nil {
		if response, err = json.Marshal(out); err != nil {
			err = fault.Internal.Wrap(err, "the reply cannot be encoded")
		}
	}
	if err != nil {
		if fault.Of(err) == fault.Internal {
			telemetry.Log(ctx).Error("channel event failed", "topic", short(d.topic), "event", d.event, "error", err)
		}
		d.client.answer(d.inbound, "error", reasonOf(err))
		return nil
	}
	d.client.answer(d.inbound, "ok", response)
	return nil
}

var (
	errLeft  = fault.Canceled.Wrap(process.Shutdown, "left")
	errTwice = fault.Conflict.Wrap(process.Shutdown, "joined again")
	errGone  = fault.Canceled.Wrap(process.Shutdown, "the connection is closed")
)
