package ws

import "fmt"

// Code is the status of a close frame.
type Code uint16

// The codes that this house uses. Applications have 4000 to 4999 to themselves.
// The channels' JavaScript client comes back after every code but Normal.
const (
	Normal         Code = 1000
	GoingAway      Code = 1001
	ProtocolError  Code = 1002
	Unsupported    Code = 1003
	NoStatus       Code = 1005 // never sent: the close frame had no code
	Abnormal       Code = 1006 // never sent: there was no close frame
	InvalidPayload Code = 1007
	Policy         Code = 1008
	TooBig         Code = 1009
	InternalError  Code = 1011
	Restart        Code = 1012
	TryAgainLater  Code = 1013
)

// sendable reports whether the code may stand in a close frame.
func (c Code) sendable() bool {
	switch {
	case c >= 3000:
		return c <= 4999
	case c < 1000 || c > 1014:
		return false
	}
	return c != 1004 && c != NoStatus && c != Abnormal
}

// CloseError is why a connection ended. It wraps an error of package fault.
type CloseError struct {
	Code   Code   // NoStatus and Abnormal included
	Reason string // of the close frame; what a client wrote is not to be trusted
	Remote bool   // the other side closed first
	err    error
}

// Error is the code and what happened. A client's own reason is not part of it.
func (e *CloseError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("websocket closed with %d", e.Code)
	}
	return fmt.Sprintf("websocket closed with %d: %v", e.Code, e.err)
}

// Unwrap gives the error of package fault.
func (e *CloseError) Unwrap() error { return e.err }
