package channel

import (
	"encoding/json"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/codec"
)

// reply is the answer to a message.
type reply struct {
	status   string // "ok" or "error"
	response []byte
	binary   bool
}

var empty = []byte("{}")

var done = reply{status: "ok", response: empty}

// replyOf makes the reply of what a handler returned. If it is a refusal, the error says of
// what.
func replyOf(out any, err error) (reply, error) {
	if err != nil {
		return refusalOf(err), err
	}
	switch out := out.(type) {
	case struct{}:
		return done, nil
	case Binary:
		return reply{"ok", out, true}, nil
	}
	text, err := json.Marshal(codec.NotNull(out))
	if err != nil {
		return replyOf(nil, fault.Internal.Wrap(err, "the reply cannot be encoded"))
	}
	return reply{status: "ok", response: text}, nil
}

// refused is the response of an error reply.
type refused struct {
	Reason string       `json:"reason"`
	Kind   string       `json:"kind"`             // of package fault, in its words
	Errors fault.Fields `json:"errors,omitempty"` // by field
}

func refusal(k fault.Kind, reason string) reply {
	return refused{Reason: reason, Kind: k.String()}.reply()
}

func refusalOf(err error) reply {
	return refused{fault.Detail(err), fault.Of(err).String(), fault.FieldsOf(err)}.reply()
}

func (r refused) reply() reply { return reply{status: "error", response: r.encode()} }

func (r refused) encode() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		return empty
	}
	return b
}

// origin is which message a reply is to. nil: null.
type origin struct{ joinRef, ref []byte }

// clone makes it independent of the frame that it was read from.
func (o origin) clone() origin {
	both := make([]byte, len(o.joinRef)+len(o.ref))
	n := copy(both, o.joinRef)
	copy(both[n:], o.ref)
	if o.joinRef != nil {
		o.joinRef = both[:n:n]
	}
	if o.ref != nil {
		o.ref = both[n:]
	}
	return o
}
