// Package channel speaks to clients over sockets, by topic.
//
// The wire is that of Phoenix channels, versions 2 and 1, so the official JavaScript client
// and those for Swift, Kotlin, Dart, C# and Python work with it. So do bennu's own, client/js
// and client/go, which know more: they resume.
//
// A client joins topics over one connection. Each topic it has joined is a process: its
// state is a value of yours, and the events that the client pushes are calls of its
// methods. They have the one shape, and the words are those of package process:
//
//	const (
//		Post   channel.Event[NewMsg] = "post"   // what clients push
//		Posted channel.Event[Msg]    = "posted" // what they are told
//	)
//
//	type Room struct{ topic string }
//
//	func joinRoom(ctx context.Context, j channel.Join[Params]) (*Room, error) { … }
//
//	func (r *Room) history(ctx context.Context) (History, error)    { … }
//	func (r *Room) post(ctx context.Context, m NewMsg) (Ack, error) { … }
//
//	socket := &channel.Socket{Channels: []channel.Channel{
//		channel.Topic("room:*", joinRoom,
//			channel.Joined((*Room).history),  // the reply to the join
//			channel.Call(Post, (*Room).post), // replies with the Ack
//		).With(
//			channel.History{Messages: 200, Age: time.Hour}, // to be resumed
//			channel.Presence(users),                        // who is here
//		),
//	}}
//
// A Socket is a handler, to be mounted (router.Mount("/socket", socket), so that clients
// connect to /socket/websocket), and a child, to be listed in the tree before the
// endpoint: its connections end with it.
//
// What the server tells is a typed event:
//
//	err := channel.Broadcast(ctx, "room:lobby", Posted, m) // to all who joined
//	err = channel.Push(r.client, Posted, m)                // to one
//
// # Guarantees
//
// A broadcast is encoded once for each form of the wire that some client speaks. A client
// that joins gets the reply first, and then everything that was broadcast since before the
// reply was made: a snapshot in the reply has no gap after it. What one process broadcasts
// arrives in order. Joins and handlers run at the same time, one at a time for each client
// and topic.
//
// Delivery is at most once, unless the topic keeps a [History]: then a client that says
// what it saw last gets exactly what it missed before anything new, or is told that it
// cannot. A client may have a push acknowledged: it repeats it until it is answered, and
// the server carries it out once, as long as it remembers (5 minutes, and not over its own
// end). That is for events that are answered, not for those set with [Cast] or [Signal].
//
// # Failure
//
// An error that a handler returns is the reply, {"reason": …, "kind": …}, with the text that
// fault.Detail gives and the name of its kind, as in "not found", and "errors" by field if
// it tells of fields, as those of a changeset do. So a client knows what is worth another
// try: exhausted, unavailable and timeout. A panic ends that channel alone: the client gets phx_error and
// rejoins; its other topics and everybody else's go on. An error from a handler set with
// [Cast] or [Signal], to which there is no reply, is a crash too.
//
// A message that cannot be understood closes the connection with 1011. A socket that stops
// sends its clients away with 1012, some at a time, each with its own advice when to come
// back.
//
// # Limits
//
// All are on: see [Limits] and [Limit]. What is beyond one is answered with an error and
// counted; a client that reads too slowly is closed with 1013, and may resume: on a websocket,
// one that leaves more than PendingMessages or PendingBytes and takes nothing for 5 s, or that
// leaves four times PendingBytes. A topic's
// process that is busy lets 1,024 messages wait, and MessageBytes of them.
//
// # Counters
//
//	| channel.messages             | from clients                                         |
//	| channel.messages.refused     | of these, not understood, or beyond a limit          |
//	| channel.messages.unsendable  | to clients: too long for the outbox, or of a form    |
//	|                              | that the client's transport does not have            |
//	| channel.connects.refused     | by Connect, the origin, the version                  |
//	| channel.joins.refused        |                                                      |
//	| channel.clients.slow         | closed because they did not read                     |
//	| channel.history.late         | broadcasts with an offset that was told before       |
//	| channel.intercepts.lost      | broadcasts whose interceptor did not keep up         |
//
// # Testing
//
// Package channeltest connects clients without a port. Methods can be tested as plain Go.
package channel
