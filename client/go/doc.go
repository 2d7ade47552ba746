// Package client is a client of channels, for services, devices and tests of load: one
// connection, many topics, typed messages, and everything comes back by itself. It connects
// by websocket, or by UDP.
//
// It speaks to bennu's package channel, and, since the wire is that of Phoenix channels
// version 2, to Phoenix.
//
//	socket, err := client.Dial(ctx, "wss://host/socket", client.Options{Token: client.Token(token)})
//	if err != nil {
//		return err // the server refuses us
//	}
//	defer socket.Close()
//
//	room := socket.Channel("room:1", Params{Name: "ann"})
//	client.On(room, Posted, func(m Msg) { show(m) })
//	snapshot, err := client.Join[Snapshot](ctx, room)
//
//	ack, err := client.Call[Ack](ctx, room, "post", NewMsg{"hello"}) // waits for the reply
//	err = client.Cast(ctx, room, "typing", who)                      // does not
//
// What the server sends is declared once, as a constant with the type of its payload:
//
//	const Posted client.Event[Msg] = "posted"
//
// A payload of bytes ([]byte, or a type of bytes) travels as it is, in a binary frame; all
// else is JSON. A json.RawMessage is JSON that is made already.
//
// # Coming back
//
// A socket stays connected until Close, or until the context of Dial ends. After a loss it
// waits, and then connects, and all channels join again. How long it waits: what the server
// said when it closed; or a random part of what it advised when a channel joined; or, by
// [Options].Backoff, a random part of a time that doubles, on top of a Retry-After. So a
// server that starts again is not overrun.
//
// A channel that crashed at the server joins again, with the same backoff. Only Leave, the
// server's own close, or a first refusal that Join returns, end it. [Channel.Start] joins
// without waiting, and goes on trying even if it is refused: for devices that nobody looks
// after.
//
// # What was missed
//
// If the server keeps a history of the topic, a channel asks for what it has missed when
// it joins again. [OnJoin] tells after each join how it went:
//
//	client.OnJoin(room, func(s Snapshot, resumed bool) {
//		if !resumed {
//			state.Reset(s) // start from here
//		}
//	})
//
// Resumed means that whatever was missed follows, each message once and in order, before
// anything new. Otherwise the state is what the reply says. A program that takes its state
// in OnJoin needs no other case: not for the first join, not for a new server.
//
// # Guarantees
//
// The callbacks of a channel run in the order in which its messages arrived, and one at a
// time, in a goroutine that is there while there are some. Those of two channels run side
// by side. A callback may call and wait for a reply, of its own channel too.
//
// What [Call] sends arrives at most once. If the connection goes while it waits, it fails
// with Unavailable, and nobody knows whether it has happened. [CallAcknowledged] is sent
// again until it is answered, and done once by a server of bennu. What is called before
// the channel has joined, or between two connections, waits, and leaves in order.
// [SendAcknowledged] is for who has many on their way at a time.
//
// What is longer than the server takes fails with Invalid and is not sent. A server of bennu
// says how much that is when a channel joins; one that has not said closes the connection
// instead, and then all that was sent on it and is not answered fails with Invalid, what is
// acknowledged and first joins, too: which message it was is not known.
//
// Nothing that sends waits for the network. 16 MiB or 16,384 frames that the server does
// not take end the connection, and another follows.
//
// # Slow callbacks
//
// 1,024 messages, or 16 MiB of them, wait for a channel's callbacks ([Options].Queue). When
// there are more, nothing more is taken in until all that wait are done; then the channel
// joins again, from the last message that it took. So with a history nothing is lost, and
// without one OnJoin says so. OnState tells of it with an error of kind Exhausted.
//
// # Errors
//
// Joins, calls and casts fail with an [*Error] that wraps one of package fault: errors.Is,
// fault.Of, fault.Detail and fault.FieldsOf work on them as they do at the server.
//
//	| kind                   | Status         | it says                                          |
//	|------------------------|----------------|--------------------------------------------------|
//	| that of the handler's  | "error"        | the server has refused; Exhausted, Unavailable   |
//	| error                  |                | and Timeout are worth another try, later         |
//	| Invalid                | "error"        | too long for the server, and not sent            |
//	| Invalid                | "closed"       | closed for a message too long; perhaps another   |
//	| Timeout                | "timeout"      | no answer in time; it may still happen           |
//	| Unavailable            | "closed"       | the connection or the channel went; perhaps done |
//	| Canceled               | "canceled" or  | the context, the channel or the socket has ended |
//	|                        | "closed"       |                                                  |
//
// A message that does not fit the type of its callback is logged and passed over.
//
// # Presence
//
// [Presence] follows who is on a topic, as the server tells it: the state after a join,
// and the changes since.
//
//	users := client.Presence[User](room)
//	users.OnSync(func() { show(users.List()) })
//
// # UDP
//
// A device on a bad network speaks to a channel.UDP instead of a websocket:
//
//	socket, err := client.Dial(ctx, "udp://host:5006", client.Options{
//		Device: "truck-7",
//		Key:    fault.NewSecret(key), // at least 16 random bytes, of this device alone
//	})
//
// All else is as above. The connection outlives a change of the device's address. Messages
// arrive once, whole and in order, or the connection is lost, and another follows. They
// are signed with the key, so nobody else can send, change or repeat one.
//
// Nothing is encrypted. Whoever is on the way reads the device's name, the Params, and
// everything else; only the key never travels. What is secret belongs on a wss:// address.
//
//	| on a websocket            | over UDP                                                  |
//	|---------------------------|-----------------------------------------------------------|
//	| Token, Header, TLS        | Device and Key; Params, of about 1,100 bytes              |
//	| Compress, Pool            | none; a socket has two goroutines while it is connected   |
//	| Heartbeat, 30 s           | the session pings after a third of the server's Idle      |
//	|                           | without a word, and is lost after all of it: 20 s and     |
//	|                           | 60 s, unless the server says otherwise. A Heartbeat that  |
//	|                           | is set notices sooner                                     |
//	| messages of 1 MiB         | of 64 KiB, unless the server says otherwise, which is     |
//	|                           | known before the first join                               |
//	| refused: HTTP 401, 403, … | refused: Unauthenticated, or what the server's Connect    |
//	|                           | said. That is not signed, so do not forget a key over it  |
//	| nobody there: known soon  | known after Timeout, 10 s                                 |
//
// A server that was killed and is back tells its devices at once if it has its Secret;
// otherwise they find out as from any silence.
//
// # Many sockets
//
// Sockets that share a [Pool] need no goroutine while they are idle (on Linux; over TLS,
// and on other systems, one each). A socket without one has a pool of its own.
//
// # What it does not do
//
// It knows no long-polling, and no proxies but those of [Options].NetDial.
//
// # Testing
//
// A socket may be dialed at a server of the test, such as one of channel/channeltest.
package client
