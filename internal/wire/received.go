package wire

import "math"

// reply is the event of replies.
const reply = "phx_reply"

// Received is what a server sends. Its bytes are views into the frame, or copies.
type Received struct {
	JoinRef, Ref []byte // nil: null
	Topic, Event []byte
	Payload      []byte // the JSON text of any value; if Binary, the bytes themselves
	Binary       bool
	Status       []byte // of a binary reply, whose Event is phx_reply
	Meta         ReceivedMeta
}

// ReceivedMeta is the sixth element of a server's message.
type ReceivedMeta struct {
	Present      bool
	Epoch        string // of the reply to a join: where the topic stands; "": it keeps no history
	Offset       uint64 // where the topic stands, or of this broadcast
	HasOffset    bool
	Recovered    bool // of the reply to a join that asked for it: what was missed follows
	ReconnectMS  int  // of the reply to a join: the longest time to wait before coming back; 0: nothing is said
	MessageBytes int  // of the reply to a join: the longest message that the server takes; 0: nothing is said
}

// DecodeServerText reads a text frame of a server, of version 2.
func DecodeServerText(frame []byte) (Received, error) {
	e, err := decode(V2, frame)
	if err != nil {
		return Received{}, err
	}
	m, err := readMeta(e.meta)
	return Received{JoinRef: e.joinRef, Ref: e.ref, Topic: e.topic, Event: e.event, Payload: e.payload, Meta: m.received()}, err
}

func (m meta) received() ReceivedMeta {
	return ReceivedMeta{
		Present:      m.present,
		Epoch:        m.epoch,
		Offset:       m.offset,
		HasOffset:    m.hasOffset,
		Recovered:    m.recovered,
		ReconnectMS:  int(min(m.reconnectMS, math.MaxInt32)),
		MessageBytes: int(min(m.messageBytes, math.MaxInt32)),
	}
}

// Reply is the status and the response of a reply, whose event is phx_reply; the response
// of a binary one are bytes. Not ok: it is none.
func (r Received) Reply() (status, response []byte, ok bool) {
	switch {
	case string(r.Event) != reply:
		return nil, nil, false
	case r.Binary:
		return r.Status, r.Payload, true
	}
	for quoted, value := range members(r.Payload) {
		switch name, _ := unquote(quoted); string(name) {
		case "status":
			status, ok = unquote(value)
		case "response":
			response = value
		}
	}
	return status, response, ok && response != nil
}
