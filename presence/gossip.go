package presence

// Gossip carries messages between the trackers of one name, one on each node. It may lose,
// double, delay and reorder them: what is lost is asked for again.
type Gossip interface {
	// Self is this node's name, unlike all others'. A node that comes back under its name
	// takes the place of what it was.
	Self() string

	// Send gives a message to one node, or to all others if to is "". It must not wait for
	// them. The message is never changed afterwards. It has up to about 256 KiB, and one
	// meta more.
	Send(to string, message []byte) error

	// Listen calls fn with each message that comes, with the name of the node that sent it,
	// until stop is called. fn does not block, and keeps the message.
	Listen(fn func(from string, message []byte)) (stop func(), err error)
}
