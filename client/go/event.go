package client

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/bennu-go/bennu/fault"
)

// Event is the name of something that the server tells, with the type of its payload. A
// payload of bytes, as in Event[[]byte], travels as a binary frame. Declare events as
// constants:
//
//	const Posted client.Event[Msg] = "posted"
type Event[T any] string

// On has fn called with each message of this event, in the order in which they arrive,
// and one at a time with all other callbacks of the channel. After stop it is not called
// again, except that a call that has begun goes on.
//
// Listen before the channel joins, so that nothing is missed.
func On[T any](c *Channel, e Event[T], fn func(T)) (stop func()) {
	return c.listen(string(e), func(m raw) {
		if v, ok := read[T](c, string(e), m); ok {
			fn(v)
		}
	})
}

// OnJoin has fn called with the reply to each join, the first and all later ones, before
// anything that the server sends after it. Resumed says that nothing was missed since
// the last one: what was sent meanwhile follows. If it is false, the state is what the
// reply says.
func OnJoin[R any](c *Channel, fn func(reply R, resumed bool)) (stop func()) {
	return c.joins.add(c.s, func(m raw, resumed bool) {
		if v, ok := read[R](c, eventJoin, m); ok {
			fn(v, resumed)
		}
	})
}

// read decodes for a callback; what does not fit is logged.
func read[T any](c *Channel, event string, m raw) (T, bool) {
	v, err := decode[T](m)
	if err != nil {
		c.s.o.Log.Warn("client: a message does not fit the type of its callback", "topic", c.topic, "event", event, "error", err)
	}
	return v, err == nil
}

// raw is a payload as it travels.
type raw struct {
	data   []byte
	binary bool
}

// encode makes a payload of a value: bytes stay bytes, nil is {}, all else is JSON.
func encode(v any) (raw, error) {
	if v == nil {
		return raw{}, nil
	}
	if isBytes(reflect.TypeOf(v)) {
		return raw{reflect.ValueOf(v).Bytes(), true}, nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return raw{}, fault.Invalid.Wrap(err, "the payload cannot be encoded as JSON")
	}
	return raw{data: data}, nil
}

func decode[T any](m raw) (v T, err error) {
	bytes := isBytes(reflect.TypeFor[T]())
	switch {
	case m.binary && bytes:
		reflect.ValueOf(&v).Elem().SetBytes(m.data)
	case m.binary:
		err = fault.Invalid.Errorf("the payload is bytes, and not JSON for a %T", v)
	case bytes:
		err = fault.Invalid.Errorf("the payload is JSON, and not bytes")
	default:
		if err = json.Unmarshal(m.data, &v); err != nil {
			err = fault.Invalid.Wrap(err, "the payload does not fit a %T", v)
		}
	}
	return v, err
}

// isBytes tells bytes from what only looks so: json.RawMessage is JSON.
func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && !t.Implements(reflect.TypeFor[json.Marshaler]())
}

// The events of the protocol itself.
const (
	eventJoin      = "phx_join"
	eventLeave     = "phx_leave"
	eventReply     = "phx_reply"
	eventError     = "phx_error"
	eventClose     = "phx_close"
	eventHeartbeat = "heartbeat"
	reserved       = "phx_"
	system         = "phoenix" // the topic of heartbeats
)

func checkEvent(event string) error {
	if strings.HasPrefix(event, reserved) {
		return fault.Invalid.Errorf("the event %q is the protocol's own", event)
	}
	return nil
}
