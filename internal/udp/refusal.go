package udp

import (
	"slices"
	"strings"

	"github.com/bennu-go/bennu/fault"
)

// refusalKinds are the kinds of errors, by the byte that stands for them.
var refusalKinds = [...]fault.Kind{
	fault.Internal, fault.Invalid, fault.Unauthenticated, fault.Forbidden, fault.NotFound,
	fault.Conflict, fault.Exhausted, fault.Unavailable, fault.Timeout,
}

// refusal is the datagram that refuses an open.
func refusal(n nonce, err error) []byte {
	kind := max(slices.Index(refusalKinds[:], fault.Of(err)), 0)
	b := make([]byte, 0, refusalBytes+MaxReasonBytes)
	b = append(appendStart(b, refusalKind, n), byte(kind))
	return append(b, fitReason(fault.Detail(err))...)
}

// refused is the error that a refusal says, of what follows its nonce.
func refused(b []byte) error {
	kind := fault.Internal
	if int(b[0]) < len(refusalKinds) {
		kind = refusalKinds[b[0]]
	}
	text := strings.ToValidUTF8(string(b[1:]), "\uFFFD")
	return kind.Errorf("the server refused the session: %s", text)
}
