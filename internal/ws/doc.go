// Package ws is websocket connections (RFC 6455, with permessage-deflate of RFC
// 7692), driven by events: messages in, prepared frames out, and nothing in
// between while a connection is idle.
//
// # Usage
//
// A [Poller] serves many connections. A handler upgrades, has the poller serve,
// and returns, so that the HTTP server's buffers can be collected:
//
//	poller, err := ws.NewPoller(ws.Hooks{})
//	…
//	conn, err := ws.Upgrade(w, r, ws.UpgradeOptions{Protocols: []string{"phoenix"}})
//	if err != nil {
//		return // the client has had its answer
//	}
//	conn.Serve(poller, &session{conn: conn})
//
// From then on a [Handler] hears of it:
//
//	func (s *session) Message(_ any, op ws.Op, payload []byte) {
//		_ = s.conn.Send(ws.Text(answer(payload))) // leaves at the end of the turn
//	}
//
//	func (s *session) Closed(end *ws.CloseError) { … }
//
// Any goroutine sends, and none of them waits for the client:
//
//	news := ws.Text(encoded) // encoded once
//	for conn := range subscribers {
//		_ = conn.Send(news) // shared by all
//	}
//
// [Dial] opens a connection as the client; it is served the same way.
//
// # Guarantees
//
// Frames leave in the order in which [Conn.Send] took them. What is pending for
// a connection leaves together: up to 128 frames or 64 KiB in one writev, or,
// where there is none (TLS, a wrapped net.Conn), up to 16 KiB joined in one write. That a
// frame was taken says nothing about its arrival.
//
// What a handler sends on its own connection leaves when the messages at hand
// are handled, unless it flushes. What anybody else sends is written by a worker
// of the poller, first come, first served.
//
// A [Handler] hears one thing at a time, and Closed once and last, when the
// descriptor is closed. A message is the handler's during the call only. A
// [Frame] never changes and may be sent on any number of connections.
//
// Pings are answered and closes echoed without the handler. The package sends no
// pings of its own: clients of channels send heartbeats, and silence is the idle
// timeout's business.
//
// # Limits
//
// All of them are on by default; see [Limits]. A length that a client claims
// allocates nothing: memory at most doubles with what has arrived, and a length
// over the limit is refused from its header.
//
//	| limit            | default | beyond it                                    |
//	|------------------|---------|----------------------------------------------|
//	| MaxMessageBytes  | 1 MiB   | close 1009                                   |
//	| MaxPendingBytes  | 1 MiB   | eviction, see below                          |
//	| MaxPendingFrames | 1,024   | the same                                     |
//	| IdleTimeout      | 60 s    | close 1002; so is a message that takes longer |
//	| WriteTimeout     | 10 s    | the connection is cut                        |
//	| CloseTimeout     | 5 s     | the connection is cut                        |
//
// Besides, a client that sends more than about 100 pings or pongs within a
// second, without a message in between, is closed with 1008. Pongs count as
// pending, so one that pings and does not read is evicted like others.
//
// # Clients that read too slowly
//
// The rule is the same for all kinds of connections. What is within MaxPendingBytes
// and MaxPendingFrames may always wait. Beyond either, the client has to go on
// reading: it is evicted
//
//   - when it has taken nothing for half of WriteTimeout, 5 s by default,
//   - or at once when four times MaxPendingBytes would wait, each frame counted with
//     64 bytes more. That is the bound of what a connection keeps.
//
// So a burst of up to that size evicts nobody who reads, however little of it was
// written yet; of a longer one, it is beyond what the network takes meanwhile. Who
// sends to a full outbox writes what the client takes, or, where a goroutine writes,
// gives way to it: at most 10 ms, and not once a write has waited that long for the client.
//
// An evicted client loses what waits. The close frame is then next, behind what of
// the frame before it has been begun, and behind what the system has taken, up to a
// few MB. There is a second for that. A client that takes nothing in this second
// cannot be told: where a full socket has no room there is no way past it. It sees the
// connection end without a close frame (1006), or a reset.
//
// Where less waits, a client that takes nothing for WriteTimeout is cut. What "takes"
// means is what the system says: on sockets any byte for which there is room again,
// with TLS and on other systems a write of up to 16 KiB that came back, for which
// Linux waits until a third of the socket's buffer is free.
//
// # Time-outs
//
// They are coarse: late by at most an eighth, or two 32nds of a second if
// that is more. A client that sends more than 64 KiB waits for the others
// between two portions of that size.
//
// # Compression
//
// With a [Deflate], permessage-deflate is accepted without context takeover in
// either direction. So a [Frame] is compressed once, when the first connection
// that wants it is sent it, and a connection keeps no compressor. MaxMessageBytes
// holds for what a message becomes, and is watched while it does.
//
// # Failure
//
// A connection ends once, for one reason: a [CloseError], which the handler gets
// and Send returns from then on. Its kind (see package fault) is Exhausted for a
// client that read too slowly, Timeout for one that was silent or stopped
// reading, Invalid for one that broke the protocol or a limit, Canceled for one
// that went away, Internal for a handler that panicked (close 1011), Unavailable
// after our own [Conn.Close] and when the network failed.
//
// # Goroutines and memory
//
// On Linux, TCP and Unix sockets are served by a loop for each CPU, with an
// epoll of its own; the loop waits in the runtime's poller, so no thread is
// blocked. It has one buffer for all of its connections, in which messages are
// unmasked and handed over in place; only a part of a frame is kept with its
// connection. Connections in memory ([Pollable]) are served by the poller's
// workers, which exist while there is something to do. An idle connection of
// these kinds is about 370 bytes: no goroutine, no buffer, no timer.
//
// All others (TLS, other systems) have a goroutine that reads, with a window of
// 256 bytes, and one that writes while something is pending, up to 16 KiB at a time.
// An idle one with TLS is about 4.7 kB, and TLS's own 6 kB. A TLS connection that
// is cut says no goodbye, and one that closes says it within CloseTimeout.
//
// # The dependency
//
// Of gobwas/ws this takes the vectorised unmasking, and wstest its dialer, so
// that our handshake is tested against another's. Its frame reader knows
// nothing of limits, and its upgrader hijacks before it checks, which hides a
// refusal from the middleware around it; both are written here instead.
package ws
