package channel

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/pubsub"
)

// Event is the name of something that the server tells its clients, with the type of the
// payload, which must encode as a JSON object. Declare events as constants:
//
//	const Moved channel.Event[Units] = "moved"
type Event[T any] string

// Broadcast tells all clients that have joined the topic. The payload is encoded once. It
// never blocks; the error is about the payload or the context, never about a client.
func Broadcast[T any](ctx context.Context, topic string, e Event[T], payload T) error {
	return broadcastFrom(ctx, nil, topic, e, payload)
}

// BroadcastFrom is Broadcast to all clients but one.
func BroadcastFrom[T any](ctx context.Context, from *Client, e Event[T], payload T) error {
	return broadcastFrom(ctx, from, from.topic, e, payload)
}

// Push tells one client, which has joined. It never blocks. A client that has gone away
// is no error: its channel is about to end.
func Push[T any](to *Client, e Event[T], payload T) error {
	text, err := checked(e, payload)
	if err != nil {
		return err
	}
	frame, err := encode(to.joinRef, nil, to.topic, string(e), text)
	if err == nil {
		to.send(frame)
	}
	return err
}

// broadcast is what travels from a publisher to the connections.
type broadcast struct {
	from  *Client // gets it not; may be nil
	frame ws.Frame
}

func wire(topic string) pubsub.Topic[broadcast] { return pubsub.Topic[broadcast]("channel/" + topic) }

func broadcastFrom[T any](ctx context.Context, from *Client, topic string, e Event[T], payload T) error {
	text, err := checked(e, payload)
	if err != nil {
		return err
	}
	frame, err := encode(nil, nil, topic, string(e), text)
	if err != nil {
		return err
	}
	return pubsub.Publish(ctx, wire(topic), broadcast{from, frame})
}

func checked[T any](e Event[T], payload T) (json.RawMessage, error) {
	if strings.HasPrefix(string(e), reserved) {
		return nil, fault.Internal.Errorf("channel: the event %q is the protocol's own", string(e))
	}
	return object(string(e), payload)
}
