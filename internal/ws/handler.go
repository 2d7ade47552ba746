package ws

// Handler hears of one connection. Its methods are called one at a time, by a
// goroutine that many connections share: they must not block. They may Send,
// Flush and Close this connection and others.
//
// A panic in Message ends the connection with 1011; one in Closed is dropped.
type Handler interface {
	// Message is called with each message. The payload is valid only during the
	// call; text is valid UTF-8. Batch is what [Hooks].Begin gave, or nil.
	Message(batch any, op Op, payload []byte)

	// Closed is the last call, exactly once. The connection is gone by then.
	Closed(end *CloseError)
}

// Hooks are called around the messages of one wake-up, which are those of many
// connections when there is much to do: Begin before the first, End after the
// last. They must not panic.
type Hooks struct {
	Begin func() any
	End   func(batch any)
}
