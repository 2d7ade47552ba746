package channel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
)

const keptByModel = 8

// world is a few clients on a few topics, and what each of them must see.
type world struct {
	*rapid.T
	s       *channeltest.Server
	clients [3]*actor
	topics  []string
	past    map[string][]int // all that was kept, by topic; absent: it keeps nothing
	latest  int
}

// actor is a client, and what it knows.
type actor struct {
	line  *channeltest.Client
	away  bool
	refs  int
	stays map[string]stay
	seen  map[string]seen
}

// stay is a join of a topic.
type stay struct {
	ref   string
	metas bool
}

// seen is what a client has seen last of a topic.
type seen struct {
	epoch  string
	offset int
}

// TestModel does random things to a few clients on a few topics, and compares what comes on
// the wire with a model.
func TestModel(t *testing.T) {
	socket := &channel.Socket{
		Channels: []channel.Channel{modelChannel("log:*").With(channel.History{Messages: keptByModel}), modelChannel("room:*")},
		Limits:   channel.Limits{Joins: channel.Limit{PerSecond: -1}, Events: channel.Limit{PerSecond: -1}},
	}
	s := channeltest.Serve(t, socket)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		w := &world{T: rt, s: s, past: make(map[string][]int)}
		for i, pattern := range []string{"log", "log", "room", "room"} {
			topic := fmt.Sprintf("%s:%d/%d", pattern, run, i)
			w.topics = append(w.topics, topic)
			if pattern == "log" {
				w.past[topic] = []int{}
			}
		}
		for i := range w.clients {
			line := channeltest.Connect(inRapid{t, rt}, s)
			w.clients[i] = &actor{line: line, stays: make(map[string]stay), seen: make(map[string]seen)}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"join": w.join, "leave": w.leave, "echo": w.echo, "stale": w.stale, "crash": w.crash,
			"broadcast": w.broadcast, "broadcast from": w.broadcastFrom, "drop": w.drop, "quiet": w.quiet,
		})
		w.quiet(rt)
		for _, a := range w.clients {
			a.line.Drop()
		}
		until(rt, "sessions are left", func() bool { return channel.Sessions(socket) == 0 })
		for _, topic := range w.topics {
			if n := channel.Listeners(s.Context(), topic); n != 0 {
				rt.Fatalf("%d listen on %s", n, topic)
			}
		}
	})
}

// inRapid is the test of a kit within rapid.
type inRapid struct {
	testing.TB
	rt *rapid.T
}

func (t inRapid) Helper()                   {}
func (t inRapid) Cleanup(do func())         { t.rt.Cleanup(do) }
func (t inRapid) Fatal(a ...any)            { t.rt.Fatal(a...) }
func (t inRapid) Fatalf(f string, a ...any) { t.rt.Fatalf(f, a...) }
func (t inRapid) Errorf(f string, a ...any) { t.rt.Errorf(f, a...) }

func modelChannel(pattern string) *channel.Declared {
	join := func(_ context.Context, j channel.Join[struct{}]) (*room, error) {
		return &room{client: j.Client, topic: j.Topic}, nil
	}
	count := func(r *room, ctx context.Context, n number) error {
		return channel.BroadcastFrom(ctx, r.client, counted, n)
	}
	return channel.Topic(pattern, join,
		channel.Call("echo", (*room).echo), channel.Do("count", count), channel.Signal("boom", (*room).boom))
}

// who draws a client that is connected, and a topic.
func (w *world) who(rt *rapid.T) (*actor, string) {
	a := w.clients[rapid.IntRange(0, len(w.clients)-1).Draw(rt, "client")]
	if a.away {
		a.line.Reconnect()
		a.away = false
	}
	return a, rapid.SampledFrom(w.topics).Draw(rt, "topic")
}

func (a *actor) ref() string {
	a.refs++
	return fmt.Sprint(a.refs)
}

// send sends a message, of the join of the topic or of none, and gives its ref.
func (a *actor) send(topic, event, payload string) (joinRef, ref string) {
	joinRef, ref = "null", a.ref()
	if s, ok := a.stays[topic]; ok && a.refs%2 == 0 {
		joinRef = `"` + s.ref + `"`
	}
	a.line.Send(fmt.Sprintf(`[%s,"%s","%s","%s",%s]`, joinRef, ref, topic, event, payload))
	return joinRef, ref
}

func (a *actor) reply(joinRef, ref, topic, status, response string) {
	a.line.Expect(fmt.Sprintf(`[%s,"%s","%s","phx_reply",{"status":"%s","response":%s}]`, joinRef, ref, topic, status, response))
}

func (a *actor) unmatched(ref, topic string) {
	a.reply("null", ref, topic, "error", `{"reason":"unmatched topic","kind":"not found"}`)
}

func (w *world) join(rt *rapid.T) {
	a, topic := w.who(rt)
	before, twice := a.stays[topic]
	s, meta := stay{ref: a.ref()}, ""
	last, knows := a.seen[topic]
	switch s.metas = rapid.Bool().Draw(rt, "metas"); {
	case s.metas && knows:
		meta = "," + resume(last.epoch, uint64(last.offset))
	case s.metas:
		meta = ",{}"
	}
	a.line.Send(fmt.Sprintf(`["%s","%s","%s","phx_join",{}%s]`, s.ref, s.ref, topic, meta))
	m := a.line.Next()
	if m.Event != "phx_reply" || *m.Ref != s.ref || *m.JoinRef != s.ref || string(m.Payload) != `{"status":"ok","response":{}}` || (m.Meta != nil) != s.metas {
		rt.Fatalf("%s answers the join", m)
	}
	if twice {
		a.line.Expect(fmt.Sprintf(`["%s","%s","%s","phx_close",{}]`, before.ref, before.ref, topic))
	}
	a.stays[topic] = s
	if past, keeps := w.past[topic]; keeps && s.metas {
		var at standing
		if err := json.Unmarshal(m.Meta, &at); err != nil || int(*at.Offset) != len(past) || (at.Recovered != nil) != knows {
			rt.Fatalf("%s answers the join; the topic is at %d: %v", m, len(past), err)
		}
		missed := len(past) - last.offset
		if knows && *at.Recovered != (missed <= keptByModel) {
			rt.Fatalf("%s answers the join; %d were missed", m, missed)
		}
		a.seen[topic] = seen{*at.Epoch, len(past)}
		for i := len(past) - missed; knows && *at.Recovered && i < len(past); i++ {
			a.line.Expect(fmt.Sprintf(`[null,null,"%s","counted",{"n":%d},{"offset":%d}]`, topic, past[i], i+1))
		}
	}
}

func (w *world) leave(rt *rapid.T) {
	a, topic := w.who(rt)
	s, joined := a.stays[topic]
	joinRef, ref := a.send(topic, "phx_leave", "{}")
	a.reply(joinRef, ref, topic, "ok", "{}")
	if joined {
		a.line.Expect(fmt.Sprintf(`["%s","%s","%s","phx_close",{}]`, s.ref, s.ref, topic))
		delete(a.stays, topic)
	}
}

func (w *world) echo(rt *rapid.T) {
	a, topic := w.who(rt)
	joinRef, ref := a.send(topic, "echo", `{"text":"a"}`)
	if _, joined := a.stays[topic]; joined {
		a.reply(joinRef, ref, topic, "ok", `{"text":"a"}`)
	} else {
		a.unmatched(ref, topic)
	}
}

func (w *world) stale(rt *rapid.T) {
	a, topic := w.who(rt)
	ref := a.ref()
	a.line.Send(fmt.Sprintf(`["of old","%s","%s","boom",{}]`, ref, topic))
	if _, joined := a.stays[topic]; !joined {
		a.unmatched(ref, topic)
	}
}

func (w *world) crash(rt *rapid.T) {
	a, topic := w.who(rt)
	s, joined := a.stays[topic]
	_, ref := a.send(topic, "boom", "{}")
	if !joined {
		a.unmatched(ref, topic)
		return
	}
	a.line.Expect(fmt.Sprintf(`["%s","%s","%s","phx_error",{"reason":"channel_crash","kind":"internal error"}]`, s.ref, s.ref, topic))
	delete(a.stays, topic)
}

// told has all but one see what was broadcast.
func (w *world) told(topic string, but *actor) {
	past, keeps := w.past[topic]
	if keeps {
		past = append(past, w.latest)
		w.past[topic] = past
	}
	for _, a := range w.clients {
		s, joined := a.stays[topic]
		if !joined || a == but {
			continue
		}
		meta := ""
		if keeps && s.metas {
			meta = fmt.Sprintf(`,{"offset":%d}`, len(past))
			a.seen[topic] = seen{a.seen[topic].epoch, len(past)}
		}
		a.line.Expect(fmt.Sprintf(`[null,null,"%s","counted",{"n":%d}%s]`, topic, w.latest, meta))
	}
}

func (w *world) broadcast(rt *rapid.T) {
	topic := rapid.SampledFrom(w.topics).Draw(rt, "topic")
	w.latest++
	tell(inRapid{nil, rt}, w.s, topic, counted, number{w.latest})
	w.told(topic, nil)
}

func (w *world) broadcastFrom(rt *rapid.T) {
	a, topic := w.who(rt)
	w.latest++
	joinRef, ref := a.send(topic, "count", fmt.Sprintf(`{"n":%d}`, w.latest))
	if _, joined := a.stays[topic]; !joined {
		a.unmatched(ref, topic)
		return
	}
	a.reply(joinRef, ref, topic, "ok", "{}")
	w.told(topic, a)
}

func (w *world) drop(rt *rapid.T) {
	a, _ := w.who(rt)
	a.line.Drop()
	a.away = true
	clear(a.stays)
}

func (w *world) quiet(*rapid.T) {
	for _, a := range w.clients {
		if !a.away {
			a.line.ExpectNothing()
		}
	}
}
