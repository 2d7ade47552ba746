package channel_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
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
			< [null,"1","phoenix","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]
			> [null,"2","phoenix","other",{}]
			< [null,"2","phoenix","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]
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
			< [null,"4","room:1","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`,
		"more than five elements": `
			> ["1","1","room:1","phx_join",{},"and",["more"]]
			< ["1","1","room:1","phx_reply",{"status":"ok","response":{}}]`,
		"no route": `
			> ["1","2","cellar:1","phx_join",{}]
			< [null,"2","cellar:1","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`,
		"not joined": `
			> ["1","2","room:1","echo",{}]
			< [null,"2","room:1","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`,
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
			< ["2","5","room:1","phx_reply",{"status":"ok","response":null}]`,
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
			< ["2","2","room:1","phx_reply",{"status":"error","response":{"reason":"come back when you are calm"}}]
			< ["1","1","room:1","phx_close",{}]
			> ["1","3","room:1","phx_leave",{}]
			< ["1","3","room:1","phx_reply",{"status":"ok","response":{}}]`,
		"refused": `
			> ["1","1","room:1","phx_join",{"mood":"angry"}]
			< ["1","1","room:1","phx_reply",{"status":"error","response":{"reason":"come back when you are calm"}}]
			> ["2","2","room:1","phx_join",{}]
			< ["2","2","room:1","phx_reply",{"status":"ok","response":{}}]`,
		"refused by field": `
			> ["1","1","room:1","phx_join",{"mood":"odd"}]
			< ["1","1","room:1","phx_reply",{"status":"error","response":{"reason":"mood must be known","errors":{"mood":["must be known"]}}}]`,
		"failed": `
			> ["1","1","room:1","phx_join",{"mood":"broken"}]
			< ["1","1","room:1","phx_reply",{"status":"error","response":{"reason":"internal error"}}]`,
		"join crashed": `
			> ["1","1","room:1","phx_join",{"mood":"mad"}]
			< ["1","1","room:1","phx_reply",{"status":"error","response":{"reason":"join crashed"}}]
			> ["2","2","room:1","phx_join",{"mood":"absent"}]
			< ["2","2","room:1","phx_reply",{"status":"error","response":{"reason":"join crashed"}}]`,
		"params of the wrong type": `
			> ["1","1","room:1","phx_join",{"age":"old"}]
			< ["1","1","room:1","phx_reply",{"status":"error","response":{"reason":"age must be a whole number, not a string"}}]
			> ["2","2","room:1","phx_join",[]]
			< ["2","2","room:1","phx_reply",{"status":"error","response":{"reason":"the payload must be an object, not an array"}}]
			> ["3","3","room:1","phx_join",null]
			< ["3","3","room:1","phx_reply",{"status":"ok","response":{}}]`,
		"crash": `
			> ["1","1","room:1","phx_join",{}]
			< ["1","1","room:1","phx_reply",{"status":"ok","response":{}}]
			> ["2","2","room:2","phx_join",{}]
			< ["2","2","room:2","phx_reply",{"status":"ok","response":{}}]
			> ["1","3","room:1","boom",{}]
			< ["1","1","room:1","phx_error",{"reason":"channel_crash"}]
			> ["2","4","room:2","echo",{"text":"alive"}]
			< ["2","4","room:2","phx_reply",{"status":"ok","response":{"text":"alive"}}]
			> ["1","5","room:1","echo",{}]
			< [null,"5","room:1","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]
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
			< [null,"3","","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`,
	} {
		t.Run(name, func(t *testing.T) {
			_, _, c := dial(t)
			play(c, script)
		})
	}
}

// play sends the lines of a script that begin with > and expects those with <.
func play(c *channeltest.Client, script string) {
	for line := range strings.Lines(script) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, ">"):
			c.Send(line[1:])
		case strings.HasPrefix(line, "<"):
			c.Expect(line[1:])
		}
	}
}

func TestHandlers(t *testing.T) {
	_, _, c := dial(t)
	c.Join("room:1", nil)
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
		{"all", `{}`, "ok", `null`},
		{"unencodable", `{}`, "error", `{"reason":"internal error"}`},
		{"long", `{}`, "error", `{"reason":"the reply is too long"}`},
		{"nothing", `{}`, "error", `{"reason":"unknown event"}`},
		{"", `{}`, "error", `{"reason":"unknown event"}`},
		{"phx_close", `{}`, "error", `{"reason":"unknown event"}`},
	} {
		expectReply(t, c.Push("room:1", step.event, raw(step.payload)), step.status, step.response)
	}

	c.Cast("room:1", "mutter", text{"c"}) // no reply: the next frame is another's
	c.Cast("room:1", "poke", nil)
	c.Expect(`["1",null,"room:1","said",{"text":"ouch"}]`)
	expectReply(t, c.Push("room:1", "all", nil), "ok", `["c"]`)
	c.Cast("room:1", "mutter", text{"crash"})
	c.Expect(`["1","1","room:1","phx_error",{"reason":"channel_crash"}]`)
}

func TestTooManyTopics(t *testing.T) {
	const most = 3
	_, url := channeltest.Serve(t, &channel.Socket{
		Channels: []channel.Channel{rooms},
		Limits:   channel.Limits{Topics: most},
	})
	c := channeltest.Dial(t, url)
	for i := range most {
		expectReply(t, c.Join(fmt.Sprint("room:", i), nil), "ok", `{}`)
	}
	c.Send(`["x","y","room:more","phx_join",{}]`)
	c.Expect(`["x","y","room:more","phx_reply",{"status":"error","response":{"reason":"too many channels joined"}}]`)
	expectReply(t, c.Join("room:0", nil), "ok", `{}`) // a duplicate is no further one
	c.Expect(`["1","1","room:0","phx_close",{}]`)
	c.Leave("room:1")
	expectReply(t, c.Join("room:more", nil), "ok", `{}`)
	expectReply(t, c.Join("room:1", nil), "error", `{"reason":"too many channels joined"}`)
}

func TestDefaultLimitOfTopics(t *testing.T) {
	_, _, c := dial(t)
	for i := range 100 {
		expectReply(t, c.Join(fmt.Sprint("room:", i), nil), "ok", `{}`)
	}
	expectReply(t, c.Join("room:100", nil), "error", `{"reason":"too many channels joined"}`)
}

func TestCrashLeavesOtherConnectionsAlone(t *testing.T) {
	_, url, c := dial(t)
	other := channeltest.Dial(t, url)
	c.Join("room:1", nil)
	other.Join("room:1", nil)
	c.Cast("room:1", "boom", nil)
	c.Expect(`["1","1","room:1","phx_error",{"reason":"channel_crash"}]`)
	expectReply(t, other.Push("room:1", "echo", text{"x"}), "ok", `{"text":"x"}`)
}
