package client

// State is where a socket or a channel stands.
type State uint8

// The states. A socket begins with Opening, a channel with Closed.
const (
	Closed  State = iota // not wanted, or closed by the server
	Opening              // connecting or joining
	Open                 // connected or joined
	Waiting              // for the next attempt, or for the connection
)

// String is the state's name.
func (s State) String() string {
	switch s {
	case Opening:
		return "opening"
	case Open:
		return "open"
	case Waiting:
		return "waiting"
	}
	return "closed"
}
