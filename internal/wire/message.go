package wire

import (
	"bytes"
	"unicode/utf8"

	"github.com/bennu-go/bennu/fault"
)

// longest is how many bytes a ref, a topic, an event or a status may have.
const longest = 255

// Message is what a client sends. Its bytes are views into the frame, or copies.
type Message struct {
	JoinRef, Ref []byte // nil: null
	Topic, Event []byte
	Payload      []byte // the JSON text of any value; if Binary, the bytes themselves
	Binary       bool
	Meta         Meta
}

// DecodeText reads a text frame of a client.
func DecodeText(v Version, frame []byte) (Message, error) {
	e, err := decode(v, frame)
	if err != nil {
		return Message{}, err
	}
	m := Message{JoinRef: e.joinRef, Ref: e.ref, Topic: e.topic, Event: e.event, Payload: e.payload}
	meta, err := readMeta(e.meta)
	m.Meta = Meta{Present: meta.present, Epoch: meta.epoch, Offset: meta.offset, Resumes: meta.hasEpoch, ID: meta.id}
	return m, err
}

// envelope is what all frames of text have.
type envelope struct {
	joinRef, ref, topic, event, payload, meta []byte
}

func decode(v Version, frame []byte) (e envelope, err error) {
	var parts [6][]byte
	if v == V1 {
		parts, err = object(frame)
	} else {
		parts, err = array(frame)
	}
	if err != nil {
		return e, err
	}
	var joinRefOK, refOK, topicOK, eventOK bool
	e.joinRef, joinRefOK = ref(parts[0])
	e.ref, refOK = ref(parts[1])
	e.topic, topicOK = unquote(parts[2])
	e.event, eventOK = unquote(parts[3])
	e.payload, e.meta = parts[4], parts[5]
	switch {
	case !joinRefOK || !refOK:
		return e, fault.Invalid.Errorf("the refs of a message must be strings or null")
	case !topicOK || !eventOK:
		return e, fault.Invalid.Errorf("the topic and the event of a message must be strings")
	case len(e.joinRef) > longest || len(e.ref) > longest || len(e.topic) > longest || len(e.event) > longest:
		return e, errLong()
	}
	return e, nil
}

// array is the parts of a frame of version 2.
func array(frame []byte) ([6][]byte, error) {
	parts, n, err := elements(frame)
	if err == nil && n < 5 {
		err = fault.Invalid.Errorf("a message is an array of five: [join_ref, ref, topic, event, payload]; this one has %d", n)
	}
	return parts, err
}

// object is the parts of a frame of version 1. The last of two fields of one name counts.
func object(frame []byte) (parts [6][]byte, err error) {
	s := scanner{json: frame}
	switch {
	case !utf8.Valid(frame):
		return parts, errUTF8()
	case !s.valid():
		return parts, s.wrong()
	case bytes.TrimLeft(frame, " \n\r\t")[0] != '{':
		return parts, fault.Invalid.Errorf(`a message of version 1 is an object: {"topic": …, "event": …, "payload": …, "ref": …}`)
	}
	for name, value := range members(frame) {
		if i := field(name); i >= 0 {
			parts[i] = value
		}
	}
	if parts[4] == nil {
		err = fault.Invalid.Errorf("the message has no payload")
	}
	return parts, err
}

// field is where a field of version 1 stands in version 2, or -1.
func field(quoted []byte) int {
	name, _ := unquote(quoted)
	switch string(name) {
	case "join_ref":
		return 0
	case "ref":
		return 1
	case "topic":
		return 2
	case "event":
		return 3
	case "payload":
		return 4
	case "meta":
		return 5
	}
	return -1
}

// ref is a ref of JSON. One that is absent is null.
func ref(value []byte) ([]byte, bool) {
	if value == nil || isNull(value) {
		return nil, true
	}
	return unquote(value)
}

func errLong() error {
	return fault.Invalid.Errorf("a ref, a topic, an event or a status is longer than %d bytes", longest)
}
