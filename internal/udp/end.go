package udp

import (
	"unicode/utf8"

	"github.com/bennu-go/bennu/fault"
)

// CloseError is why a session ended. Its kind (see package fault) is Timeout for a
// peer that was silent, Exhausted for one that did not take what was sent, Invalid for
// one that broke a limit, Canceled when the peer closed, and Unavailable after our own
// Close, at the end of Serve, and when the server did not know the session anymore.
type CloseError struct {
	Reason string // what was said to the peer, or by it
	Remote bool   // the peer closed
	err    error
}

func (e *CloseError) Error() string {
	if e.Reason == "" {
		return e.err.Error()
	}
	return e.err.Error() + ": " + e.Reason
}

// Unwrap gives the error that has the kind.
func (e *CloseError) Unwrap() error { return e.err }

// spoken is what the peer is told.
func (e *CloseError) spoken() string {
	if e.Remote {
		return "" // it is the answer to what it said
	}
	return e.Reason
}

func closedHere(reason string) *CloseError {
	return &CloseError{Reason: fitReason(reason), err: fault.Unavailable.Errorf("the session was closed")}
}

func closedThere(reason string) *CloseError {
	return &CloseError{Reason: reason, Remote: true, err: fault.Canceled.Errorf("the peer closed the session")}
}

func silent() *CloseError {
	return &CloseError{Reason: "silent for too long", err: fault.Timeout.Errorf("the session timed out")}
}

func slow() *CloseError {
	return &CloseError{Reason: "too many messages are pending", err: fault.Exhausted.Errorf("the peer is too slow")}
}

func violation(what string) *CloseError {
	return &CloseError{Reason: what, err: fault.Invalid.Errorf("the peer broke the protocol")}
}

func unknownThere() *CloseError {
	return &CloseError{Remote: true, err: fault.Unavailable.Errorf("the server does not know the session; it may have restarted: dial again")}
}

// fitReason cuts a reason to what fits, between two characters.
func fitReason(reason string) string {
	if len(reason) <= MaxReasonBytes {
		return reason
	}
	n := MaxReasonBytes
	for n > 0 && !utf8.RuneStart(reason[n]) {
		n--
	}
	return reason[:n]
}
