package channel

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/codec"
	"github.com/bennu-go/bennu/pubsub"
)

// Event is the name of something that a client tells the server or the server its clients,
// with the type of the payload, which encodes as a JSON object or is [Binary]. Declare
// events as constants:
//
//	const Moved channel.Event[Units] = "moved"
type Event[T any] string

// Binary is a payload that is no JSON: the message travels as a binary frame. As the
// input or the answer of a handler it stands for the client's or the reply's bytes.
type Binary []byte

// Named is an event without its type. Every [Event] is one.
type Named interface {
	name() string
	payload() reflect.Type
}

func (e Event[T]) name() string          { return string(e) }
func (e Event[T]) payload() reflect.Type { return reflect.TypeFor[T]() }

// Events lists events.
func Events(events ...Named) []Named { return events }

// Broadcast tells all clients that have joined the topic. The payload is encoded once. It
// never waits for a client; the error is about the payload or the context.
func Broadcast[T any](ctx context.Context, topic string, e Event[T], payload T) error {
	return publish(ctx, nil, topic, e, payload)
}

// BroadcastFrom is Broadcast to all clients but one.
func BroadcastFrom[T any](ctx context.Context, from *Client, e Event[T], payload T) error {
	return publish(ctx, from, from.topic, e, payload)
}

// Push tells one client, after the reply to its join. A client that has gone away is no
// error: its channel is about to end.
func Push[T any](to *Client, e Event[T], payload T) error {
	b, err := encode(to.topic, e, payload)
	if err != nil {
		return err
	}
	b.to = to
	return to.push(b)
}

func publish[T any](ctx context.Context, from *Client, topic string, e Event[T], payload T) error {
	b, err := encode(topic, e, payload)
	if err != nil {
		return err
	}
	b.from = from
	if o, ok := any(payload).(Offsetter); ok {
		b.offset = o.Offset()
	}
	if _, err := hubOf(ctx); err != nil {
		return err
	}
	return pubsub.Publish(ctx, broadcasts, b)
}

// broadcasts carries what is said on all topics.
const broadcasts pubsub.Topic[*broadcast] = "channel"

func encode[T any](topic string, e Event[T], payload T) (*broadcast, error) {
	if strings.HasPrefix(string(e), reserved) {
		return nil, fault.Internal.Errorf("channel: the event %q is the protocol's own", string(e))
	}
	if len(topic) > mostName || len(e) > mostName {
		return nil, fault.Internal.Errorf("channel: the topic %.40q and the event %.40q may have %d bytes each", topic, string(e), mostName)
	}
	b := &broadcast{topic: topic, event: string(e)}
	if raw, ok := any(payload).(Binary); ok {
		b.payload, b.binary = raw, true
		return b, nil
	}
	text, err := json.Marshal(codec.NotNull(payload))
	if err != nil {
		return nil, fault.Internal.Wrap(err, "the payload of %q cannot be encoded", string(e))
	}
	if text[0] != '{' {
		return nil, fault.Internal.Errorf("channel: the payload of %q must be a JSON object, such as a struct; it is %.20s", string(e), text)
	}
	b.payload = text
	return b, nil
}

// mostName is how long a topic or an event may be: a binary frame has one byte for it.
const mostName = 255
