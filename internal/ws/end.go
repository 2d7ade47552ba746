package ws

import (
	"errors"
	"io"
	"os"
	"runtime/debug"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/bennu-go/bennu/fault"
)

// violation is the end of a connection whose other end broke the protocol or a
// limit.
func violation(code Code, what string) *CloseError {
	return &CloseError{Code: code, Reason: what, err: fault.Invalid.Errorf("%s", what)}
}

var errClosedBy = fault.Canceled.Errorf("the client closed the connection")

// closedBy is the end that a close frame asks for.
func closedBy(payload []byte) *CloseError {
	end := &CloseError{Code: NoStatus, Remote: true, err: errClosedBy}
	switch {
	case len(payload) == 0:
		return end
	case len(payload) == 1:
		return violation(ProtocolError, "a close frame has half a code")
	}
	end.Code = Code(payload[0])<<8 | Code(payload[1])
	end.Reason = string(payload[2:])
	if !end.Code.sendable() {
		return violation(ProtocolError, "a close frame has a code that may not be sent")
	}
	if !utf8.ValidString(end.Reason) {
		return violation(InvalidPayload, "a close frame's reason is not UTF-8")
	}
	return end
}

// lost is the end of a connection that gave this error: its other end is gone,
// or, for all we know, the network is.
func lost(err error) *CloseError {
	for _, gone := range []error{io.EOF, io.ErrClosedPipe, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, gone) {
			return &CloseError{Code: Abnormal, Remote: true, err: fault.Canceled.Wrap(err, "the client went away")}
		}
	}
	return &CloseError{Code: Abnormal, err: fault.Unavailable.Wrap(err, "the connection failed")}
}

// unwritable is the end that an error of writing is for the connection.
func unwritable(err error) *CloseError {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return stuck()
	}
	return lost(err)
}

func stuck() *CloseError {
	return &CloseError{Code: Abnormal, err: fault.Timeout.Errorf("the client stopped reading")}
}

func silent(d time.Duration) *CloseError {
	return &CloseError{
		Code:   ProtocolError,
		Reason: "idle timeout",
		err:    fault.Timeout.Errorf("the client was silent for %v", d),
	}
}

func crashed(v any) *CloseError {
	return &CloseError{
		Code: InternalError,
		err:  fault.Internal.Errorf("the handler panicked: %v\n%s", v, debug.Stack()),
	}
}
