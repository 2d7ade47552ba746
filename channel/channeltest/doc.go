// Package channeltest is the kit for tests of channels: a socket that runs, and clients of it.
// It needs no port.
//
// The methods of a channel are plain Go, and are best tested by calling them. This package is
// for what goes on between clients. Take a room in which messages are posted:
//
//	func TestRoom(t *testing.T) {
//		s := channeltest.Serve(t, newSocket())
//		ann := channeltest.Connect(t, s, channel.Peer{Params: url.Values{"name": {"ann"}}})
//		bob := channeltest.Connect(t, s, channel.Peer{Params: url.Values{"name": {"bob"}}})
//
//		hers := ann.Join("room:1", nil) // waits for the reply, which must be good
//		his := bob.Join("room:1", nil)
//		refusal := bob.Refused("room:secret", nil)
//		…
//		hers.Push("post", Post{Body: "hi"}).ExpectReply("ok", Ack{ID: 1})
//		his.ExpectBroadcast("posted", Posted{From: "ann", Body: "hi"})
//		hers.ExpectBroadcast("posted", Posted{From: "ann", Body: "hi"})
//		his.ExpectNothing()
//	}
//
// A socket whose channels need other children gets them too:
//
//	s := channeltest.Serve(t, socket, supervisor.Child{Name: "users", Run: users})
//
// # Expecting
//
// ExpectPush, ExpectBroadcast and Next take the next message of a [Room], in the order in
// which the messages came: one that is left out, one that is too many and one that is too early
// all fail the test. Replies are apart: each is waited for by its [Pending], whenever that is
// asked, and Push itself waits for nothing. So are the messages about presence, which
// [Room.ExpectPresence] follows.
//
// What is expected is any value that encodes as the same JSON, or a []byte for a binary
// message. nil is {}. [OK] and [Joined] decode what is to be looked at more closely.
//
// ExpectNothing is no wait for a while: it lets everything happen that is to happen now, until
// no process has anything to do, and then sees what has come. A test fails that waits 5 s for
// anything else. Tests may run in a bubble of [testing/synctest], where time jumps; make the
// server inside.
//
// # Trouble
//
// [Client.Drop] cuts the connection, as a tunnel does, with all that the test has not looked at
// yet. [Client.Reconnect] and [Room.Rejoin] come back, and what a channel.History keeps is there
// again:
//
//	bob.Drop()
//	hers.Push("post", Post{Body: "are you there?"}).ExpectReply("ok", Ack{ID: 2})
//	bob.Reconnect()
//	his.Rejoin()
//	his.ExpectBroadcast("posted", Posted{From: "ann", Body: "are you there?"})
//
// [Room.Crash] makes the channel's process crash; [Server.Stop] is a deploy, after which
// [Client.Move] comes to the server that follows, on the same database for example;
// [Room.PushOnce] is for what a client sends again. [Client.ExpectClose] is for a server that
// sends its client away.
//
// # Frames
//
// [Client.Send], [Client.SendBinary], [Client.Next] and [Client.Expect] are for tests of the
// protocol itself:
//
//	c.Send(`["1","1","room:1","phx_join",{}]`)
//	c.Expect(`["1","1","room:1","phx_reply",{"status":"ok","response":{}}]`)
//
// [Listen] and [Dial] go over a real websocket, for tests of what comes with one: headers,
// origins, sub-protocols, clients that do not read.
//
// # Limits
//
// A client that connects with [Connect] takes everything at once: it is never a slow one. A
// [Client] and its rooms are for one goroutine. It sends no heartbeats by itself.
package channeltest
