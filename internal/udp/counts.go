package udp

// The names that Config.Count is called with. Most are datagrams that were dropped.
const (
	CountGarbage     = "garbage"     // not a datagram of this protocol, cut short or too long
	CountVersion     = "version"     // of another version
	CountForged      = "forged"      // a wrong signature
	CountReplayed    = "replayed"    // seen before, or too old
	CountStrayed     = "strayed"     // from an address that is not the server's
	CountUnknown     = "unknown"     // of a session that is not there; answered with a reset
	CountCookie      = "cookie"      // an open with a cookie that is old, or another's
	CountRepeated    = "repeated"    // an open that has been answered; answered likewise
	CountBusy        = "busy"        // an open when MaxPending were being handled
	CountRefused     = "refused"     // an open that was refused
	CountOpened      = "opened"      // a session
	CountMoved       = "moved"       // a session, to another address
	CountReset       = "reset"       // a session that the server did not know anymore
	CountFrame       = "frame"       // signed, with a frame that cannot be
	CountHeld        = "held"        // a segment for which there was no room; it comes again
	CountResent      = "resent"      // segments, after a time-out
	CountWriteFailed = "writeFailed" // a datagram that the system did not take
	CountReadFailed  = "readFailed"
)
