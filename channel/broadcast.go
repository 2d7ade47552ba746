package channel

import (
	"sync"
	"time"

	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/internal/ws"
)

// broadcast is what is said to all on a topic. Its frames are made when the first client
// wants one of the kind, and shared.
type broadcast struct {
	topic, event string
	payload      []byte
	binary       bool
	from         *Client // gets it not; may be nil
	to           *Client // it is said to this one alone; nil: to all
	offset       uint64  // in the topic's history; 0: not kept
	version      uint64  // of the presence that it tells of; 0: of none
	at           time.Duration

	mu     sync.Mutex
	frames [kinds]ws.Frame
}

// kind is which form of a message a client understands.
type kind uint8

const (
	plain  kind = iota // version 2
	marked             // version 2, with the offset
	old                // version 1
	kinds
)

func kindOf(v wire.Version, metas bool) kind {
	switch {
	case v == wire.V1:
		return old
	case metas:
		return marked
	}
	return plain
}

// frame gives the message in a form. There is none for binary messages in version 1.
func (b *broadcast) frame(k kind) (ws.Frame, bool) {
	if b.offset == 0 && k == marked {
		k = plain
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.frames[k].Len() == 0 {
		b.frames[k] = b.encode(k)
	}
	return b.frames[k], b.frames[k].Len() > 0
}

func (b *broadcast) encode(k kind) ws.Frame {
	switch {
	case b.binary && k == old:
		return ws.Frame{}
	case b.binary:
		return frame(ws.OpBinary, b.size(), func(dst []byte) []byte {
			switch { // names were checked
			case b.to != nil:
				dst, _ = wire.AppendBinaryPush(dst, b.joinRef(), b.topic, b.event, b.payload)
			case k == marked:
				dst, _ = wire.AppendBinaryBroadcastAt(dst, b.offset, b.topic, b.event, b.payload)
			default:
				dst, _ = wire.AppendBinaryBroadcast(dst, b.topic, b.event, b.payload)
			}
			return dst
		})
	}
	return frame(ws.OpText, b.size(), func(dst []byte) []byte {
		var meta []byte
		if k == marked {
			meta = wire.AppendOffset(nil, b.offset)
		}
		return wire.AppendPush(dst, versionOf(k), b.joinRef(), nil, b.topic, b.event, b.payload, meta)
	})
}

// joinRef is that of whom it is said to, nil for all.
func (b *broadcast) joinRef() []byte {
	if b.to == nil {
		return nil
	}
	return b.to.ref
}

func (b *broadcast) size() int {
	return len(b.joinRef()) + len(b.topic) + len(b.event) + len(b.payload) + frameRoom
}

func versionOf(k kind) wire.Version {
	if k == old {
		return wire.V1
	}
	return wire.V2
}

// frameRoom is what a message needs besides its names and its payload, for most.
const frameRoom = 64

// frame makes a frame of what fill appends.
func frame(op ws.Op, size int, fill func([]byte) []byte) ws.Frame {
	return ws.NewFrame(op, fill(make([]byte, ws.HeaderRoom, ws.HeaderRoom+size)))
}
