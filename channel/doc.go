// Package channel speaks to clients over sockets, by topic.
//
// The wire is that of Phoenix channels, version 2, so the official JavaScript client and
// those for Swift, Kotlin, Dart, C# and Python work with it. So does bennu's own, in
// client/js.
//
// A client joins topics over one connection. Each topic it has joined is a process: its
// state is a value of yours, and the events that the client pushes are calls of its
// methods. They have the one shape, and the words are those of package process:
//
//	type RoomChannel struct{ topic string }
//
//	func joinRoom(ctx context.Context, j channel.Join[Params]) (*RoomChannel, error) { … }
//
//	func (r *RoomChannel) history(ctx context.Context) (History, error)   { … }
//	func (r *RoomChannel) post(ctx context.Context, m Msg) (Ack, error)   { … }
//	func (r *RoomChannel) typing(ctx context.Context, t Typing) error     { … }
//
//	socket := &channel.Socket{Channels: []channel.Channel{
//		channel.Topic("room:*", joinRoom,
//			channel.Joined((*RoomChannel).history),    // the reply to the join
//			channel.Call("post", (*RoomChannel).post), // replies with the Ack
//			channel.Cast("typing", (*RoomChannel).typing),
//		),
//	}}
//
// A Socket is a handler, to be mounted (router.Mount("/socket", socket), so that clients
// connect to /socket/websocket), and a child, to be listed in the tree before the
// endpoint: its connections end with it.
//
// What the server sends is a typed event:
//
//	const Posted channel.Event[Msg] = "posted"
//
//	err := channel.Broadcast(ctx, "room:lobby", Posted, m) // to all who joined
//	err = channel.Push(r.client, Posted, m)                // to one
//
// # Guarantees
//
// A broadcast is encoded once. A client that joins gets the reply first, and then
// everything that was broadcast since before the reply was made: a snapshot in the reply
// has no gap after it. What one process broadcasts arrives in order. Delivery is at most
// once: what is sent while a client is away is not repeated.
//
// # Failure
//
// An error that a handler returns is the reply, {"reason": …}, with the text that
// fault.Detail gives, and "errors" by field if it tells of fields, as those of a
// changeset do. A panic ends that channel alone: the client gets phx_error and
// rejoins; its other topics and everybody else's go on. An error from a handler set with
// [Cast] or [Signal], to which there is no reply, is a crash too.
//
// # Limits
//
// 100 topics a connection, 1 MiB a message, 60 s without a sign of life, and an outbox of
// 1 MiB or 1,024 frames: a client that reads too slowly is disconnected. See [Limits]. A
// topic's process that is busy lets 1,024 messages wait, and 1 MiB of them; those above it
// are answered with an error.
//
// # Testing
//
// Package channeltest serves a socket and is a client of it. Methods can be tested as
// plain Go.
package channel
