package channel

import "github.com/bennu-go/bennu/internal/ws"

// Link is the way to one client: what a transport implements. All methods are safe for
// concurrent use, and none waits for the client.
type Link interface {
	// Send queues a message, to be sent soon. An error says that it was not taken: its
	// kind is Invalid for one that is too long, and the link goes on; otherwise the link
	// has ended, or is about to, as one does whose client reads too slowly.
	Send(Frame) error

	// Flush sends what is queued at once, as far as that can be done without waiting.
	Flush()

	// Close ends the link after what is queued.
	Close(code Code, reason string)
}

// Frame is a message as it goes over the wire: text (JSON) or binary. It never changes,
// and is the same for all who get it.
type Frame = ws.Frame

// Code is why a link is closed, as in a websocket's close frame.
type Code = ws.Code

var _ Link = (*ws.Conn)(nil)
