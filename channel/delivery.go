package channel

import (
	"github.com/bennu-go/bennu/internal/wire"
)

// delivery is a message on its way to the process of its topic: its ref, id and payload,
// one behind the other.
type delivery struct {
	client *Client
	text   []byte
	event  int16 // which handler
	ref    uint8 // so many bytes
	ident  uint8 // the same
	binary bool
	owed   bool // the reply comes later
	noRef  bool
	noJoin bool
	known  bool // the answers know that it is being carried out
}

// What is no number of a handler.
const (
	unknown = -1
	leaving = -2
)

func newDelivery(c *Client, event int, m *wire.Message) delivery {
	text := make([]byte, 0, len(m.Ref)+len(m.Meta.ID)+len(m.Payload))
	text = append(append(append(text, m.Ref...), m.Meta.ID...), m.Payload...)
	return delivery{
		client: c, text: text, event: int16(event), ref: uint8(len(m.Ref)), ident: uint8(len(m.Meta.ID)),
		binary: m.Binary, noRef: m.Ref == nil, noJoin: m.JoinRef == nil,
	}
}

// to is the same for another client who asks it, with another ref.
func (d delivery) to(w waiter) delivery {
	text := append(append([]byte(nil), w.origin.ref...), d.text[d.ref:]...)
	d.client, d.text, d.ref = w.client, text, uint8(len(w.origin.ref))
	d.noRef, d.noJoin = w.origin.ref == nil, w.origin.joinRef == nil
	d.known = true
	return d
}

func (d delivery) payload() []byte { return d.text[int(d.ref)+int(d.ident):] }

// id is that of an acknowledged push, or "".
func (d delivery) id() string { return string(d.text[d.ref : int(d.ref)+int(d.ident)]) }

func (d delivery) origin() (o origin) {
	if !d.noRef {
		o.ref = d.text[:d.ref:d.ref]
	}
	if !d.noJoin {
		o.joinRef = d.client.ref
	}
	return o
}
