package channel_test

import (
	"fmt"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
)

func TestHandlers(t *testing.T) {
	_, c := connect(t)
	r := c.Join("room:1", nil)
	for _, step := range []struct{ event, payload, status, response string }{
		{"echo", `{"text":"a"}`, "ok", `{"text":"a"}`},
		{"echo", `{"text":"no"}`, "error", `{"reason":"not that"}`},
		{"echo", `null`, "ok", `{"text":""}`},
		{"echo", `{"text":"a","unknown":1}`, "ok", `{"text":"a"}`},
		{"echo", `{"text":1}`, "error", `{"reason":"text must be a string, not a number"}`},
		{"echo", `[]`, "error", `{"reason":"the payload must be an object, not an array"}`},
		{"echo", `"text"`, "error", `{"reason":"the payload must be an object, not a string"}`},
		{"echo", `7`, "error", `{"reason":"the payload must be an object, not a number"}`},
		{"note", `{"text":"b"}`, "ok", `{}`},
		{"note", `false`, "error", `{"reason":"the payload must be an object, not true or false"}`},
		{"all", `"whatever"`, "ok", `["b"]`},
		{"mutter", `[]`, "error", `{"reason":"the payload must be an object, not an array"}`},
		{"clear", `{}`, "ok", `{}`},
		{"all", `{}`, "ok", `[]`},
		{"unencodable", `{}`, "error", `{"reason":"internal error"}`},
		{"long", `{}`, "error", `{"reason":"the reply is too long"}`},
		{"nothing", `{}`, "error", `{"reason":"unknown event"}`},
		{"", `{}`, "error", `{"reason":"unknown event"}`},
		{"phx_close", `{}`, "error", `{"reason":"unknown event"}`},
	} {
		r.Push(step.event, raw(step.payload)).ExpectReply(step.status, raw(step.response))
	}

	r.Push("mutter", text{"c"}) // no reply
	r.Push("poke", nil)
	r.ExpectPush("said", text{"ouch"})
	r.Push("all", nil).ExpectReply("ok", []string{"c"})
	r.Push("mutter", text{"crash"})
	r.ExpectCrash()
	c.ExpectNothing()
}

func TestTooManyTopics(t *testing.T) {
	const most = 3
	c := channeltest.Connect(t, channeltest.Serve(t, &channel.Socket{
		Channels: []channel.Channel{rooms},
		Limits:   channel.Limits{Topics: most},
	}))
	var all [most]*channeltest.Room
	for i := range all {
		all[i] = c.Join(fmt.Sprint("room:", i), nil)
	}
	c.Send(`["x","y","room:more","phx_join",{}]`)
	c.Expect(`["x","y","room:more","phx_reply",{"status":"error","response":{"reason":"too many channels joined"}}]`)
	c.Join("room:0", nil) // a duplicate is no further one
	c.Expect(`["1","1","room:0","phx_close",{}]`)
	all[1].Leave()
	c.Join("room:more", nil)
	if r := c.Refused("room:1", nil); r.Reason() != "too many channels joined" {
		t.Error(r)
	}
}

func TestDefaultLimitOfTopics(t *testing.T) {
	_, c := connect(t)
	for i := range 100 {
		c.Join(fmt.Sprint("room:", i), nil)
	}
	if r := c.Refused("room:100", nil); r.Reason() != "too many channels joined" {
		t.Error(r)
	}
}

func TestCrashLeavesOthersAlone(t *testing.T) {
	s, c := connect(t)
	other := channeltest.Connect(t, s).Join("room:1", nil)
	sibling := c.Join("room:2", nil)
	r := c.Join("room:1", nil)
	r.Push("boom", nil)
	r.ExpectCrash()
	other.Push("echo", text{"x"}).ExpectReply("ok", text{"x"})
	sibling.Push("echo", text{"y"}).ExpectReply("ok", text{"y"})
	r.Rejoin()
	r.Crash()
	r.Rejoin()
	r.Push("echo", text{"z"}).ExpectReply("ok", text{"z"})
}
