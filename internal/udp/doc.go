// Package udp carries messages over UDP, both ways: small sessions for many devices on bad
// networks. It knows nothing of what the messages say.
//
// # Usage
//
// A server has one socket for all its sessions:
//
//	server, err := udp.Listen(":5006", udp.Config{
//		Key: keys.Of,
//		Accept: func(ctx context.Context, hello udp.Hello, s *udp.Session) (udp.Handler, error) {
//			return &client{device: hello.Device, session: s}, nil
//		},
//	})
//	…
//	err = server.Serve(ctx)
//
// and a device dials it:
//
//	s, err := udp.Dial(ctx, "example.com:5006", udp.DialConfig{Device: "truck-7", Key: key, Handler: h})
//	…
//	err = s.Send(msg)
//
// Both ends have the same [Session], and a [Handler] that hears the messages and the end.
// A device whose session ended dials again.
//
// # Guarantees
//
// Each message arrives once, whole, and in the order in which [Session.Send] took them, or
// the session ends. That a message was taken says nothing about its arrival: the programs
// on both ends have to say that to each other.
//
// A message was sent by who has the device's key, and was not changed or repeated on its
// way. Nothing is encrypted: whoever is on the way reads it all, the device's name and the
// params included. Keys never travel. Where that matters, encrypt the messages, or use
// websockets over TLS.
//
// A session outlives a change of the client's address. Handlers are called one message at
// a time; [Handler.Closed] comes last, and once.
//
// # Protocol
//
// Datagrams have up to 1,200 bytes. Numbers are big-endian. The first byte is the version,
// 1, in the high four bits, and the kind in the low four. A mac is the first 16 bytes of
// the HMAC-SHA256 of all that is before it.
//
//	| kind         | bytes                                                                                    |
//	|--------------|------------------------------------------------------------------------------------------|
//	| 1 hello    → | client nonce 16                                                                          |
//	| 2 cookie   ← | client nonce 16, cookie 16                                                               |
//	| 3 open     → | client nonce 16, cookie 16, length 1, device, length 2, params, mac 16                   |
//	| 4 welcome  ← | client nonce 16, session 16, server nonce 16, masked token 16, idle ms 4, most 4, mac 16 |
//	| 5 refusal  ← | client nonce 16, kind of error 1, text                                                   |
//	| 6 data     ↔ | session 16, sequence 8, ack 8, ack bits 8, frames, mac 16                                |
//	| 7 reset    ← | session 16, token 16                                                                     |
//
// "Most" is the longest message in bytes. The frames of a data datagram:
//
//	| kind              | bytes                     |                                          |
//	|-------------------|---------------------------|------------------------------------------|
//	| 1 part, 2 last    | number 8, length 2, bytes | a segment of a message; its last one     |
//	| 3 ping            |                           | to be acknowledged                       |
//	| 4 close           | length 1, reason          | answered by a close                      |
//	| 5 challenge (←)   | value 16                  | to a new address; to be sent back from it |
//	| 6 answer (→)      | value 16                  | the same                                 |
//
// The keys come from the device's key by HKDF-SHA256, with salt and info:
//
//	| info                  | salt         | gives                                                                  |
//	|-----------------------|--------------|------------------------------------------------------------------------|
//	| "bennu udp 1 open"    | client nonce | the key of the open's mac                                              |
//	| "bennu udp 1 session" | both nonces  | keys of what the client signs and of what the server signs; mask of 16 |
//
// Handshake. The cookie is an HMAC of the address, the nonce and the half minute, under a
// secret of the server: the server keeps nothing until it came back. A client that gets no
// answer begins again with the same nonce, and an open whose nonce is known gets the
// answer that the first one got: it makes no second session, whoever sends it again. That
// is remembered for longer than a cookie is good, 30 to 60 seconds.
//
// Sequence numbers count datagrams, each direction for itself, and are never used again;
// what is sent anew is sent in a new datagram. A datagram that is 1,024 behind the newest,
// or was there, is dropped.
//
// Segments are numbered, too, and those are what is acknowledged: ack is the first that is
// missing, bit i says that ack+1+i is there. At most 64 are on their way. A segment is
// sent again when one that left 3 datagrams later has arrived, or after a time-out from
// measured round trips (RFC 6298; from 200 ms, doubling, up to an eighth more by chance).
// The congestion window begins with 10 full datagrams, doubles per round trip, halves with
// losses, and is from 4 to 64. Acknowledgements wait for up to 25 ms, or for a second
// datagram.
//
// # Threats
//
// Amplification. To an address that has not shown that it receives, at most 3 bytes leave
// for each that came; in fact a cookie is less than twice its hello, and a reset is
// shorter than its cause.
//
// A client that moves. The newest datagram, with a right mac, from another address has the
// server send one challenge there: 74 bytes for at least 57. The session moves when the
// answer comes from there; until then everything goes to the old address. So a datagram
// caught and sent on from elsewhere moves nothing, unless who does that also carries the
// challenge to the client and its answer back: they are a router then, and can do what a
// router can, until the client's next datagram comes by itself.
//
// Resets tell a client at once that the server does not know its session. The token in it
// is known to the server, by its [Config].Secret and the session's id, and to the client
// from its welcome, masked. Nobody else can make one. A server must not share its Secret
// with another one that is running: a datagram sent to that would be answered with the
// token.
//
// Refusals are not signed, because who is refused may have no key. Somebody on the way can
// fake them, as they can drop everything. A wrong key and an unknown device are refused
// with the same words.
//
// Without keys everybody can be any device: such a server listens on loopback addresses
// only, and Dial dials no other. Keys have to be random: whoever hears an open can try
// keys on it at leisure.
//
// A device with a right key can fill the server's MaxSessions. Accept knows the device,
// and can refuse.
//
// # Limits
//
//	| limit              | default | beyond it                                            |
//	|--------------------|---------|------------------------------------------------------|
//	| Idle               | 60 s    | the session ends: Timeout                            |
//	| CloseTimeout       | 5 s     | what is pending at a close is lost                   |
//	| PendingTimeout     | 10 s    | the open is refused: Unavailable                     |
//	| MaxMessageBytes    | 64 KiB  | Send refuses; a peer that sends it is closed: Invalid |
//	| MaxPendingBytes    | 1 MiB   | the session ends: Exhausted                          |
//	| MaxPendingMessages | 1,024   | the same                                             |
//	| MaxHeldBytes       | 64 MiB  | segments are dropped, and come again                 |
//	| MaxSessions        | 10,000  | an open is refused: Exhausted                        |
//	| MaxPending         | 256     | an open is dropped, and comes again                  |
//
// The client takes Idle and MaxMessageBytes from the server. It says that it is there
// after a third of Idle without a word from the server, and then more often. A message of
// which not all has come within Idle ends the session, too.
//
// # Failure
//
// A session ends once, for one reason, a [CloseError]. Send returns it from then on. A
// server that restarts with the same Secret answers its old clients' next datagram with a
// reset; without, they end by Idle. What a server drops is counted by Config.Count, by
// reason: see the constants. A network that is down is loss like any other.
//
// # Goroutines and memory
//
// An endpoint has two goroutines, however many its sessions: the reader, which calls
// [Handler.Message], and the keeper, which sends, watches the time and calls
// [Handler.Closed]. A server has one more for each handshake that waits for Key or Accept.
// An idle session is less than 1 KiB; it has no goroutine and no timer.
package udp
