package channel

import (
	"bytes"
	"encoding/json"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
)

// inbound is a message from a client: [join_ref, ref, topic, event, payload].
type inbound struct {
	joinRef *string
	ref     *string
	topic   string
	event   string
	payload json.RawMessage
}

// The events of the protocol itself.
const (
	phxJoin   = "phx_join"
	phxLeave  = "phx_leave"
	phxReply  = "phx_reply"
	phxError  = "phx_error"
	phxClose  = "phx_close"
	heartbeat = "heartbeat"
	reserved  = "phx_"    // no event of an application begins so
	system    = "phoenix" // the topic of heartbeats
)

// decode reads a text frame. What follows the fifth element is ignored.
func decode(text []byte) (inbound, error) {
	var parts [5]json.RawMessage
	var m inbound
	if err := json.Unmarshal(text, &parts); err != nil || parts[4] == nil {
		return m, fault.Invalid.Errorf("a message is a JSON array of five: [join_ref, ref, topic, event, payload]")
	}
	for i, to := range []any{&m.joinRef, &m.ref, &m.topic, &m.event} {
		if err := json.Unmarshal(parts[i], to); err != nil {
			return m, fault.Invalid.Errorf("the refs of a message are strings or null, its topic and event are strings")
		}
	}
	if string(parts[2]) == "null" || string(parts[3]) == "null" {
		return m, fault.Invalid.Errorf("a message needs a topic and an event")
	}
	m.payload = parts[4]
	return m, nil
}

type reply struct {
	Status   string          `json:"status"`
	Response json.RawMessage `json:"response"`
}

var empty = json.RawMessage("{}")

// encode makes a frame to be sent, to one client or to many.
func encode(joinRef, ref *string, topic, event string, payload any) (ws.Frame, error) {
	text, err := json.Marshal([5]any{joinRef, ref, topic, event, payload})
	if err != nil {
		return ws.Frame{}, fault.Internal.Wrap(err, "the payload of %q on %q cannot be encoded", event, topic)
	}
	return ws.Text(text), nil
}

// object encodes a payload, which must be a JSON object.
func object(event string, payload any) (json.RawMessage, error) {
	text, err := json.Marshal(payload)
	if err != nil {
		return nil, fault.Internal.Wrap(err, "the payload of %q cannot be encoded", event)
	}
	if !bytes.HasPrefix(text, []byte("{")) {
		return nil, fault.Internal.Errorf("channel: the payload of %q must be a JSON object, such as a struct; it is %.20s", event, text)
	}
	return text, nil
}
