// Package channeltest is a client of channels for tests, and a server for it.
//
//	func TestPost(t *testing.T) {
//		ctx, url := channeltest.Serve(t, &channel.Socket{Channels: rooms})
//		ann, bob := channeltest.Dial(t, url), channeltest.Dial(t, url)
//		ann.Join("room:1", nil)
//		bob.Join("room:1", nil)
//
//		reply := ann.Push("room:1", "post", Msg{Body: "hi"}) // waits for the reply
//		…
//		bob.Expect(`[null, null, "room:1", "posted", {"body": "hi"}]`)
//	}
//
// Whatever goes wrong fails the test: an end of the connection, or 10 s of waiting. A
// client is for one goroutine, and it reads only when it is asked to: one that is not is
// a slow client. It sends no heartbeats.
package channeltest
