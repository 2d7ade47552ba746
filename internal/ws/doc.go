// Package ws is websocket connections (RFC 6455), seen from the server: the
// handshake, messages in, prepared frames out.
//
// # Usage
//
// A handler upgrades, hands the connection to a goroutine of its own and
// returns, so that the HTTP server's buffers can be collected:
//
//	conn, err := ws.Upgrade(w, r, ws.Limits{}, "phoenix")
//	if err != nil {
//		return // the client has had its answer
//	}
//	go serve(conn)
//
// One goroutine reads. Any goroutine sends, and none of them waits for the
// client:
//
//	for {
//		op, msg, err := conn.ReadMessage()
//		if err != nil {
//			return // closed, by whomever; err says why
//		}
//		…
//	}
//
//	news := ws.Text(encoded) // encoded once
//	for conn := range subscribers {
//		conn.Send(news) // shared by all
//	}
//
// # Guarantees
//
// Frames leave in the order in which [Conn.Send] took them. What is pending for
// a connection leaves together: up to 128 frames or 64 KiB in one writev, or,
// where there is none (TLS, a wrapped net.Conn), joined in one write. That a
// frame was taken says nothing about its arrival.
//
// A message belongs to whoever read it. A [Frame] never changes and may be sent
// on any number of connections.
//
// Pings are answered and closes are echoed inside [Conn.ReadMessage], so
// somebody has to be reading. The package sends no pings of its own: clients of
// channels send heartbeats, and silence is the idle timeout's business.
// Extensions, compression among them, are not negotiated.
//
// # Limits
//
// All of them are on by default; see [Limits]. A length that a client claims
// allocates nothing: memory grows with what has arrived, in steps of 4 KiB that
// become doublings, and a length over the limit is refused from its header.
//
//	| limit            | default | beyond it                                    |
//	|------------------|---------|----------------------------------------------|
//	| MaxMessageBytes  | 1 MiB   | close 1009                                   |
//	| MaxPendingBytes  | 1 MiB   | eviction: close 1013, if it still gets out   |
//	| MaxPendingFrames | 1,024   | the same                                     |
//	| IdleTimeout      | 60 s    | close 1002                                   |
//	| WriteTimeout     | 10 s    | the connection is cut                        |
//	| CloseTimeout     | 5 s     | the connection is cut                        |
//
// # Failure
//
// A connection ends once, for one reason: a [CloseError], which ReadMessage and
// Send return from then on. Its kind (see package fault) is Exhausted for a
// client that read too slowly, Timeout for one that was silent or stopped
// reading, Invalid for one that broke the protocol or a limit, Canceled for one
// that went away, Unavailable after our own [Conn.Close] and when the network
// failed.
//
// # Goroutines and memory
//
// An idle connection has one goroutine, its owner's, blocked in ReadMessage with
// a 128-byte window that is part of the [Conn]. The first Send starts a writer,
// which leaves when nothing is pending. The writer is also who closes the
// connection: after [Conn.Done] neither is left.
//
// # The dependency
//
// Of gobwas/ws this takes the vectorised unmasking, and wstest its dialer, so
// that our handshake is tested against another's. Its frame reader knows
// nothing of limits, and its upgrader hijacks before it checks, which hides a
// refusal from the middleware around it; both are written here instead.
package ws
