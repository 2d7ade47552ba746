package channeltest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/internal/ws"
)

// Message is what the server has sent.
type Message struct {
	JoinRef, Ref *string // nil: null
	Topic, Event string
	Payload      json.RawMessage // or the bytes of a binary message
	Binary       bool
	Meta         json.RawMessage // the sixth element; nil: none
	Frame        []byte          // as it came

	status string // of a binary reply
	meta   meta
}

// meta is the sixth element of what a server sends.
type meta struct {
	Epoch     string `json:"epoch"`
	Offset    uint64 `json:"offset"`
	Recovered bool   `json:"recovered"`
}

// Reply is the answer to a join or a push: Status is "ok" or "error".
type Reply struct {
	Status   string
	Response json.RawMessage // or the bytes of a binary reply
	Binary   bool
}

// Reason is why, of an error.
func (r Reply) Reason() string {
	var refused struct{ Reason string }
	_ = json.Unmarshal(r.Response, &refused)
	return refused.Reason
}

// Kind is what kind of error it is: one of package fault. It is Internal if the reply is
// none.
func (r Reply) Kind() fault.Kind {
	var refused struct{ Kind string }
	_ = json.Unmarshal(r.Response, &refused)
	k, _ := wire.KindOf(refused.Kind)
	return k
}

// hint is what to do about a push that has found no channel: after a Reconnect, or a crash.
func (r Reply) hint() string {
	if r.Status == "error" && r.Reason() == "unmatched topic" {
		return "; Rejoin the room first"
	}
	return ""
}

func (r Reply) String() string { return r.Status + " " + shown(r.Response, r.Binary) }

func (m Message) String() string {
	if m.Binary {
		return fmt.Sprintf("binary %.300q", m.Frame)
	}
	return fmt.Sprintf("%.500s", m.Frame)
}

// reply is the reply that a message is.
func (m Message) reply() (Reply, error) {
	if m.Binary {
		return Reply{m.status, m.Payload, true}, nil
	}
	var r Reply
	err := json.Unmarshal(m.Payload, &r)
	return r, err
}

func parse(old bool, op ws.Op, frame []byte) (m Message, err error) {
	m.Frame = frame
	switch {
	case op == ws.OpBinary:
		r, err := wire.DecodeServerBinary(frame)
		m.JoinRef, m.Ref, m.Topic, m.Event = text(r.JoinRef), text(r.Ref), string(r.Topic), string(r.Event)
		m.Payload, m.Binary, m.status, m.meta.Offset = r.Payload, true, string(r.Status), r.Meta.Offset
		return m, err
	case old:
		var o struct {
			Topic, Event string
			Ref          *string
			Payload      json.RawMessage
			Meta         json.RawMessage
		}
		err = json.Unmarshal(frame, &o)
		m.Ref, m.Topic, m.Event, m.Payload, m.Meta = o.Ref, o.Topic, o.Event, o.Payload, o.Meta
	default:
		err = json.Unmarshal(frame, &[]any{&m.JoinRef, &m.Ref, &m.Topic, &m.Event, &m.Payload, &m.Meta})
	}
	if err == nil && m.Meta != nil {
		err = json.Unmarshal(m.Meta, &m.meta)
	}
	return m, err
}

func text(ref []byte) *string {
	if ref == nil {
		return nil
	}
	s := string(ref)
	return &s
}

// equal compares what came with what a test wants: bytes, or whatever encodes as the same
// JSON. nil is {}.
func equal(got json.RawMessage, binary bool, want any) bool {
	switch want := want.(type) {
	case channel.Binary:
		return binary && bytes.Equal(got, want)
	case []byte:
		return binary && bytes.Equal(got, want)
	}
	text, err := encode(want)
	var a, b any
	err = errors.Join(err, json.Unmarshal(got, &a), json.Unmarshal(text, &b))
	return err == nil && !binary && reflect.DeepEqual(a, b)
}

// wanted shows what a test wants.
func wanted(want any) string {
	switch want := want.(type) {
	case channel.Binary:
		return shown(want, true)
	case []byte:
		return shown(want, true)
	}
	text, err := encode(want)
	if err != nil {
		return err.Error()
	}
	return shown(text, false)
}

func shown(payload []byte, binary bool) string {
	if binary {
		return fmt.Sprintf("the binary %.300q", payload)
	}
	return fmt.Sprintf("%.500s", payload)
}

// encode is a payload as JSON. nil is {}.
func encode(payload any) ([]byte, error) {
	if payload == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(payload)
}

// list shows messages, one a line.
func list(all []Message) string {
	var b strings.Builder
	for i, m := range all {
		if i == 10 {
			fmt.Fprintf(&b, "\n\t… and %d more", len(all)-i)
			break
		}
		fmt.Fprintf(&b, "\n\t%s", m)
	}
	return b.String()
}
