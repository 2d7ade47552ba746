package channel_test

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

func TestFrames(t *testing.T) {
	for name, script := range map[string]string{
		"heartbeat": `
			> [null,"9","phoenix","heartbeat",{}]
			< [null,"9","phoenix","phx_reply",{"status":"ok","response":{}}]`,
		"heartbeat with a join_ref": `
			> ["3","9","phoenix","heartbeat",{}]
			< [null,"9","phoenix","phx_reply",{"status":"ok","response":{}}]`,
		"the topic of heartbeats is no topic": `
			> ["1","1","phoenix","phx_join",{}]
			< [null,"1","phoenix","phx_reply",{"status":"error","response":{"reason":"unmatched topic","kind":"not found"}}]
			> [null,"2","phoenix","other",{}]
			< [null,"2","phoenix","phx_reply",{"status":"error","response":{"reason":"unmatched topic","kind":"not found"}}]
			> [null,"3","phoenix","phx_leave",{}]
			< [null,"3","phoenix","phx_reply",{"status":"ok","response":{}}]`,
		"join, push, leave": `
			> ["1","1","room:1","phx_join",{"mood":"fine"}]
			< ["1","1","room:1","phx_reply",{"status":"ok","response":{}}]
			> ["1","2","room:1","echo",{"text":"<hi>"}]
			< ["1","2","room:1","phx_reply",{"status":"ok","response":{"text":"<hi>"}}]
			> ["1","3","room:1","phx_leave",{}]
			< ["1","3","room:1","phx_reply",{"status":"ok","response":{}}]
			< ["1","1","room:1","phx_close",{}]
			> ["1","4","room:1","echo",{}]
			< [null,"4","room:1","phx_reply",{"status":"error","response":{"reason":"unmatched topic","kind":"not found"}}]`,
		"more than five elements": `
			> ["1","1","room:1","phx_join",{},"and",["more"]]
			< ["1","1","room:1","phx_reply",{"status":"ok","response":{}}]`,
		"no route": `
			> ["1","2","cellar:1","phx_join",{}]
			< [null,"2","cellar:1","phx_reply",{"status":"error","response":{"reason":"unmatched topic","kind":"not found"}}]`,
		"not joined": `
			> ["1","2","room:1","echo",{}]
			< [null,"2","room:1","phx_reply",{"status":"error","response":{"reason":"unmatched topic","kind":"not found"}}]`,
		"leave without a join": `
			> ["7","8","room:1","phx_leave",{}]
			< ["7","8","room:1","phx_reply",{"status":"ok","response":{}}]`,
		"null join_ref of messages": `
			> ["1","1","room:1","phx_join",{}]
			< ["1","1","room:1","phx_reply",{"status":"ok","response":{}}]
			> [null,"2","room:1","echo",{"text":"a"}]
			< [null,"2","room:1","phx_reply",{"status":"ok","response":{"text":"a"}}]
			> [null,"3","room:1","phx_leave",{}]
			< [null,"3","room:1","phx_reply",{"status":"ok","response":{}}]
			< ["1","1","room:1","phx_close",{}]`,
		"null join_ref of the join": `
			> [null,"5","room:1","phx_join",{"mood":"chatty"}]
			< [null,"5","room:1","phx_reply",{"status":"ok","response":{}}]
			< ["5",null,"room:1","said",{"text":"from within the join"}]
			> ["5","6","room:1","echo",{"text":"stale, for what the server compares with is null"}]
			> [null,"7","room:1","echo",{"text":"b"}]
			< [null,"7","room:1","phx_reply",{"status":"ok","response":{"text":"b"}}]`,
		"stale join_ref": `
			> ["2","2","room:1","phx_join",{}]
			< ["2","2","room:1","phx_reply",{"status":"ok","response":{}}]
			> ["1","3","room:1","echo",{}]
			> ["1","4","room:1","phx_leave",{}]
			> ["2","5","room:1","all",{}]
			< ["2","5","room:1","phx_reply",{"status":"ok","response":[]}]`,
		"null ref: a reply all the same": `
			> ["2",null,"room:1","phx_join",{}]
			< ["2",null,"room:1","phx_reply",{"status":"ok","response":{}}]`,
		"duplicate join": `
			> ["1","1","room:1","phx_join",{}]
			< ["1","1","room:1","phx_reply",{"status":"ok","response":{}}]
			> ["2","2","room:1","phx_join",{"mood":"chatty"}]
			< ["2","2","room:1","phx_reply",{"status":"ok","response":{}}]
			< ["1","1","room:1","phx_close",{}]
			< ["2",null,"room:1","said",{"text":"from within the join"}]`,
		"duplicate join that is refused": `
			> ["1","1","room:1","phx_join",{}]
			< ["1","1","room:1","phx_reply",{"status":"ok","response":{}}]
			> ["2","2","room:1","phx_join",{"mood":"angry"}]
			< ["2","2","room:1","phx_reply",{"status":"error","response":{"reason":"come back when you are calm","kind":"forbidden"}}]
			< ["1","1","room:1","phx_close",{}]
			> ["1","3","room:1","phx_leave",{}]
			< ["1","3","room:1","phx_reply",{"status":"ok","response":{}}]`,
		"refused": `
			> ["1","1","room:1","phx_join",{"mood":"angry"}]
			< ["1","1","room:1","phx_reply",{"status":"error","response":{"reason":"come back when you are calm","kind":"forbidden"}}]
			> ["2","2","room:1","phx_join",{}]
			< ["2","2","room:1","phx_reply",{"status":"ok","response":{}}]`,
		"refused by field": `
			> ["1","1","room:1","phx_join",{"mood":"odd"}]
			< ["1","1","room:1","phx_reply",{"status":"error","response":{"reason":"mood must be known","kind":"invalid","errors":{"mood":["must be known"]}}}]`,
		"failed": `
			> ["1","1","room:1","phx_join",{"mood":"broken"}]
			< ["1","1","room:1","phx_reply",{"status":"error","response":{"reason":"internal error","kind":"internal error"}}]`,
		"join crashed": `
			> ["1","1","room:1","phx_join",{"mood":"mad"}]
			< ["1","1","room:1","phx_reply",{"status":"error","response":{"reason":"join crashed","kind":"internal error"}}]
			> ["2","2","room:1","phx_join",{"mood":"absent"}]
			< ["2","2","room:1","phx_reply",{"status":"error","response":{"reason":"join crashed","kind":"internal error"}}]
			> ["3","3","room:1","phx_join",{"mood":"suicidal"}]
			< ["3","3","room:1","phx_reply",{"status":"error","response":{"reason":"join crashed","kind":"internal error"}}]`,
		"params of the wrong type": `
			> ["1","1","room:1","phx_join",{"age":"old"}]
			< ["1","1","room:1","phx_reply",{"status":"error","response":{"reason":"age must be a whole number, not a string","kind":"invalid"}}]
			> ["2","2","room:1","phx_join",[]]
			< ["2","2","room:1","phx_reply",{"status":"error","response":{"reason":"the payload must be an object, not an array","kind":"invalid"}}]
			> ["3","3","room:1","phx_join",null]
			< ["3","3","room:1","phx_reply",{"status":"ok","response":{}}]`,
		"crash": `
			> ["1","1","room:1","phx_join",{}]
			< ["1","1","room:1","phx_reply",{"status":"ok","response":{}}]
			> ["2","2","room:2","phx_join",{}]
			< ["2","2","room:2","phx_reply",{"status":"ok","response":{}}]
			> ["1","3","room:1","boom",{}]
			< ["1","1","room:1","phx_error",{"reason":"channel_crash","kind":"internal error"}]
			> ["2","4","room:2","echo",{"text":"alive"}]
			< ["2","4","room:2","phx_reply",{"status":"ok","response":{"text":"alive"}}]
			> ["1","5","room:1","echo",{}]
			< [null,"5","room:1","phx_reply",{"status":"error","response":{"reason":"unmatched topic","kind":"not found"}}]
			> ["6","6","room:1","phx_join",{}]
			< ["6","6","room:1","phx_reply",{"status":"ok","response":{}}]`,
		"clean stop": `
			> ["1","1","room:1","phx_join",{}]
			< ["1","1","room:1","phx_reply",{"status":"ok","response":{}}]
			> ["1","2","room:1","bye",{}]
			< ["1","2","room:1","phx_reply",{"status":"ok","response":{}}]
			< ["1","1","room:1","phx_close",{}]`,
		"empty key and odd topics": `
			> ["1","1","room:","phx_join",{}]
			< ["1","1","room:","phx_reply",{"status":"ok","response":{}}]
			> ["2","2","room:\u0000\"*","phx_join",{}]
			< ["2","2","room:\u0000\"*","phx_reply",{"status":"ok","response":{}}]
			> ["3","3","","phx_join",{}]
			< [null,"3","","phx_reply",{"status":"error","response":{"reason":"unmatched topic","kind":"not found"}}]`,
	} {
		t.Run(name, func(t *testing.T) {
			_, c := connect(t)
			play(c, script)
			c.ExpectNothing()
		})
	}
}

// TestOldFrames: version 1 is objects, accepts join_ref and never writes it.
func TestOldFrames(t *testing.T) {
	for name, script := range map[string]string{
		"heartbeat": `
			> {"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}
			< {"topic":"phoenix","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"1"}`,
		"join, push, leave": `
			> {"topic":"room:1","event":"phx_join","payload":{},"ref":"1"}
			< {"topic":"room:1","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"1"}
			> {"topic":"room:1","event":"echo","payload":{"text":"hi"},"ref":"2"}
			< {"topic":"room:1","event":"phx_reply","payload":{"status":"ok","response":{"text":"hi"}},"ref":"2"}
			> {"topic":"room:1","event":"poke","payload":{},"ref":null}
			< {"topic":"room:1","event":"said","payload":{"text":"ouch"},"ref":null}
			> {"topic":"room:1","event":"phx_leave","payload":{},"ref":"3"}
			< {"topic":"room:1","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"3"}
			< {"topic":"room:1","event":"phx_close","payload":{},"ref":"1"}`,
		"join_ref": `
			> {"join_ref":"7","topic":"room:1","event":"phx_join","payload":{},"ref":"8"}
			< {"topic":"room:1","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"8"}
			> {"join_ref":"6","topic":"room:1","event":"echo","payload":{"text":"stale"},"ref":"9"}
			> {"join_ref":"7","topic":"room:1","event":"echo","payload":{"text":"a"},"ref":"10"}
			< {"topic":"room:1","event":"phx_reply","payload":{"status":"ok","response":{"text":"a"}},"ref":"10"}
			> {"topic":"room:1","event":"boom","payload":{},"ref":"11"}
			< {"topic":"room:1","event":"phx_error","payload":{"reason":"channel_crash","kind":"internal error"},"ref":"7"}`,
		"no route": `
			> {"topic":"cellar","event":"phx_join","payload":{},"ref":"1"}
			< {"topic":"cellar","event":"phx_reply","payload":{"status":"error","response":{"reason":"unmatched topic","kind":"not found"}},"ref":"1"}`,
		"binary answers do not go": `
			> {"topic":"room:1","event":"phx_join","payload":{},"ref":"1"}
			< {"topic":"room:1","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"1"}
			> {"topic":"room:1","event":"mirror","payload":{},"ref":"2"}
			< {"topic":"room:1","event":"phx_reply","payload":{"status":"error","response":{"reason":"the payload must be binary","kind":"invalid"}},"ref":"2"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := channeltest.Serve(t, socketOf(rooms))
			c := channeltest.Connect(t, s, version1)
			play(c, script)
			c.ExpectNothing()
		})
	}
}

var version1 = channel.Peer{Params: url.Values{"vsn": {"1.0.0"}}}

// TestOldClientAndBinary: a broadcast that version 1 cannot carry is counted, and a push is
// an error.
func TestOldClientAndBinary(t *testing.T) {
	pushed := make(chan error, 1)
	join := func(_ context.Context, j channel.Join[struct{}]) (*room, error) {
		pushed <- channel.Push(j.Client, sketched, channel.Binary("x"))
		return new(room), nil
	}
	s := channeltest.Serve(t, socketOf(channel.Topic("t", join)))
	old, c := channeltest.Connect(t, s, version1), channeltest.Connect(t, s)
	theirs := old.Join("t", nil)
	if err := await(t, pushed); !errors.Is(err, fault.Internal) {
		t.Error(err)
	}
	ours := c.Join("t", nil)
	must(t, await(t, pushed))
	ours.ExpectPush("drawn", []byte("x"))
	tell(t, s, "t", sketched, channel.Binary("y"))
	tell(t, s, "t", posted, text{"z"})
	ours.ExpectBroadcast("drawn", []byte("y"))
	ours.ExpectBroadcast("said", text{"z"})
	theirs.ExpectBroadcast("said", text{"z"})
	theirs.ExpectNothing()
	if n := telemetry.CountersOf(s.Context()).Counter("channel.messages.unsendable").Value(); n != 1 {
		t.Errorf("%d were counted", n)
	}
	old.SendBinary([]byte{0, 0, 1, 1, 1, '1', 't', 'e'})
	old.ExpectClose(1011)
}

// TestBinaryFrames are byte by byte as the protocol has them.
func TestBinaryFrames(t *testing.T) {
	_, c := connect(t)
	play(c, `
		> ["1","1","room:1","phx_join",{}]
		< ["1","1","room:1","phx_reply",{"status":"ok","response":{}}]`)
	expect := func(want string) {
		t.Helper()
		if m := c.Next(); !m.Binary || string(m.Frame) != want {
			t.Fatalf("%s, not %q", m, want)
		}
	}
	c.SendBinary([]byte("\x00\x01\x02\x06\x06" + "1" + "12" + "room:1" + "mirror" + "\xab\x00\xcd"))
	expect("\x01\x01\x02\x06\x02" + "1" + "12" + "room:1" + "ok" + "\xab\x00\xcd")
	c.SendBinary([]byte("\x00\x00\x00\x06\x06" + "room:1" + "mirror")) // null refs, and no bytes
	expect("\x01\x00\x00\x06\x02" + "room:1" + "ok")
	c.SendBinary([]byte("\x00\x01\x01\x06\x06" + "1" + "3" + "room:1" + "mirror" + "no"))
	c.Expect(`["1","3","room:1","phx_reply",{"status":"error","response":{"reason":"not that","kind":"conflict"}}]`)
	c.SendBinary([]byte("\x00\x01\x01\x06\x04" + "1" + "4" + "room:1" + "draw" + "xy"))
	expect("\x00\x01\x06\x05" + "1" + "room:1" + "drawn" + "xy") // a push has three sizes
	expect("\x02\x06\x05" + "room:1" + "drawn" + "xy")
	c.Expect(`["1","4","room:1","phx_reply",{"status":"ok","response":{}}]`)
	play(c, `
		> ["1","5","room:1","mirror",{}]
		< ["1","5","room:1","phx_reply",{"status":"error","response":{"reason":"the payload must be binary","kind":"invalid"}}]`)
	c.SendBinary([]byte("\x00\x01\x01\x06\x04" + "1" + "6" + "room:1" + "echo" + "{}"))
	c.Expect(`["1","6","room:1","phx_reply",{"status":"error","response":{"reason":"the payload must be JSON, not binary","kind":"invalid"}}]`)
	c.SendBinary([]byte("\x00\x01\x01\x06\x04" + "0" + "7" + "room:1" + "draw" + "stale"))
	c.SendBinary([]byte("\x00\x00\x01\x07\x09" + "9" + "phoenix" + "heartbeat"))
	c.Expect(`[null,"9","phoenix","phx_reply",{"status":"ok","response":{}}]`)
}

// TestBinaryJoin: the params are bytes.
func TestBinaryJoin(t *testing.T) {
	join := func(_ context.Context, j channel.Join[channel.Binary]) (*mirror, error) {
		return &mirror{j.Params}, nil
	}
	_, c := connect(t, channel.Topic("mirror", join, channel.Joined((*mirror).image)))
	c.SendBinary([]byte("\x00\x01\x01\x06\x08" + "1" + "1" + "mirror" + "phx_join" + "abc"))
	if m := c.Next(); string(m.Frame) != "\x01\x01\x01\x06\x02"+"1"+"1"+"mirror"+"ok"+"abc" {
		t.Fatal(m)
	}
	if r := c.Refused("mirror", text{}); r.Reason() != "the payload must be binary" {
		t.Error(r)
	}
	if r := c.Refused("room:1", []byte("x")); r.Reason() != "the payload must be JSON, not binary" {
		t.Error(r)
	}
}

type mirror struct{ bytes []byte }

func (m *mirror) image(context.Context) (channel.Binary, error) { return m.bytes, nil }

// TestPushAndBroadcastOfText: a push names the join it is for, a broadcast none.
func TestPushAndBroadcastOfText(t *testing.T) {
	s, c := connect(t)
	c.Send(`["7","8","room:1","phx_join",{"mood":"chatty"}]`)
	c.Expect(`["7","8","room:1","phx_reply",{"status":"ok","response":{}}]`)
	c.Expect(`["7",null,"room:1","said",{"text":"from within the join"}]`)
	tell(t, s, "room:1", posted, text{"all"})
	c.Expect(`[null,null,"room:1","said",{"text":"all"}]`)
}

// TestOldClientCannotResume: its broadcasts have no place for offsets, so none are promised.
func TestOldClientCannotResume(t *testing.T) {
	join := func(context.Context, channel.Join[struct{}]) (*room, error) { return new(room), nil }
	s := channeltest.Serve(t, socketOf(channel.Topic("t", join).With(channel.History{})))
	c := channeltest.Connect(t, s, version1)
	c.Send(`{"topic":"t","event":"phx_join","payload":{},"ref":"1","meta":{"epoch":"x","offset":1}}`)
	c.Expect(`{"topic":"t","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"1"}`)
}
