package channel_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/fault"
)

func TestHandlers(t *testing.T) {
	_, c := connect(t)
	r := c.Join("room:1", nil)
	for _, step := range []struct{ event, payload, status, response string }{
		{"echo", `{"text":"a"}`, "ok", `{"text":"a"}`},
		{"echo", `{"text":"no"}`, "error", `{"reason":"not that","kind":"conflict"}`},
		{"echo", `null`, "ok", `{"text":""}`},
		{"echo", `{"text":"a","unknown":1}`, "ok", `{"text":"a"}`},
		{"echo", `{"text":1}`, "error", `{"reason":"text must be a string, not a number","kind":"invalid"}`},
		{"echo", `[]`, "error", `{"reason":"the payload must be an object, not an array","kind":"invalid"}`},
		{"echo", `"text"`, "error", `{"reason":"the payload must be an object, not a string","kind":"invalid"}`},
		{"echo", `7`, "error", `{"reason":"the payload must be an object, not a number","kind":"invalid"}`},
		{"note", `{"text":"b"}`, "ok", `{}`},
		{"note", `false`, "error", `{"reason":"the payload must be an object, not true or false","kind":"invalid"}`},
		{"all", `"whatever"`, "ok", `["b"]`},
		{"mutter", `[]`, "error", `{"reason":"the payload must be an object, not an array","kind":"invalid"}`},
		{"clear", `{}`, "ok", `{}`},
		{"all", `{}`, "ok", `[]`},
		{"unencodable", `{}`, "error", `{"reason":"internal error","kind":"internal error"}`},
		{"long", `{}`, "error", `{"reason":"the reply is too long","kind":"internal error"}`},
		{"nothing", `{}`, "error", `{"reason":"unknown event","kind":"not found"}`},
		{"", `{}`, "error", `{"reason":"unknown event","kind":"not found"}`},
		{"phx_close", `{}`, "error", `{"reason":"unknown event","kind":"not found"}`},
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

func TestEachKindIsTold(t *testing.T) {
	const fail, join channel.Event[number] = "fail", "join"
	kind := func(n number) error { return fault.Kind(n.N).Errorf("as asked") }
	_, c := connect(t, channel.Topic("kind:*",
		func(_ context.Context, j channel.Join[number]) (*number, error) {
			if j.Key == "good" {
				return new(number), nil
			}
			return nil, kind(j.Params)
		},
		channel.Do(fail, func(_ *number, _ context.Context, n number) error { return kind(n) }),
	))
	r := c.Join("kind:good", nil)
	for k := fault.Internal; k <= fault.Canceled; k++ {
		reason := "as asked"
		if k == fault.Internal {
			reason = "internal error"
		}
		want := fmt.Sprintf(`{"reason":%q,"kind":%q}`, reason, k)
		told := r.Push("fail", number{int(k)}).Reply()
		expectReply(t, told, "error", want)
		refused := c.Refused("kind:bad", number{int(k)})
		expectReply(t, refused, "error", want)
		if told.Kind() != k || refused.Kind() != k {
			t.Errorf("%v is told as %v and %v", k, told.Kind(), refused.Kind())
		}
	}
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
	c.Expect(`["x","y","room:more","phx_reply",{"status":"error","response":{"reason":"too many channels joined","kind":"exhausted"}}]`)
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
