package client

import (
	"fmt"
	"strings"
	"testing"
)

type user struct {
	Name string `json:"name"`
}

func names(p Present[user]) string {
	var all []string
	for _, m := range p.Metas {
		all = append(all, m.Ref+"="+m.Value.Name)
	}
	return fmt.Sprintf("%s[%s]", p.Key, strings.Join(all, " "))
}

func TestPresence(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		roster := Presence[user](room)
		var told record
		roster.OnJoin(func(before, joined Present[user]) { told.add("join %s to %s", names(joined), names(before)) })
		roster.OnLeave(func(remaining, left Present[user]) { told.add("leave %s from %s", names(left), names(remaining)) })
		roster.OnSync(func() {
			all := "sync"
			for _, p := range roster.List() {
				all += " " + names(p)
			}
			told.add("%s", all)
		})
		join(t, c, room, "")

		// A diff before the state waits for it.
		c.say(`[null,null,"room:1","presence_diff",{"joins":{"c":{"metas":[{"name":"C","phx_ref":"3"}]}},"leaves":{}}]`)
		told.expect(t)
		c.say(`["1",null,"room:1","presence_state",{"a":{"metas":[{"name":"A","phx_ref":"1"}],"more":7},"b":{"metas":[{"name":"B","phx_ref":"2"}]}}]`)
		told.expect(t, "join a[1=A] to a[]", "join b[2=B] to b[]", "join c[3=C] to c[]", "sync a[1=A] b[2=B] c[3=C]")
		if a, ok := roster.Get("a"); !ok || !strings.Contains(string(a.Entry), `"more":7`) {
			t.Errorf("a is %+v", a)
		}

		// Another meta of the same key, then the end of the first.
		c.say(`[null,null,"room:1","presence_diff",{"joins":{"a":{"metas":[{"name":"A","phx_ref":"4"}]}},"leaves":{}}]`)
		told.expect(t, "join a[4=A] to a[1=A]", "sync a[1=A 4=A] b[2=B] c[3=C]")
		c.say(`[null,null,"room:1","presence_diff",{"joins":{},"leaves":{"a":{"metas":[{"name":"A","phx_ref":"1"}]},"x":{"metas":[]}}}]`)
		told.expect(t, "leave a[1=A] from a[4=A]", "sync a[4=A] b[2=B] c[3=C]")

		// An update is a join and a leave.
		c.say(`[null,null,"room:1","presence_diff",{"joins":{"b":{"metas":[{"name":"BB","phx_ref":"5","phx_ref_prev":"2"}]}},"leaves":{"b":{"metas":[{"name":"B","phx_ref":"2"}]}}}]`)
		told.expect(t, "join b[5=BB] to b[2=B]", "leave b[2=B] from b[5=BB]", "sync a[4=A] b[5=BB] c[3=C]")
		if b, _ := roster.Get("b"); b.Metas[0].Prev != "2" {
			t.Errorf("b is %+v", b)
		}

		// After a new join the state says what has changed meanwhile.
		c.drop(1006, "")
		c = <-f.conns
		c.accept("{}", "")
		c.say(`[null,null,"room:1","presence_diff",{"joins":{},"leaves":{"d":{"metas":[{"name":"D","phx_ref":"6"}]}}}]`)
		c.say(`[null,null,"room:1","presence_state",{"b":{"metas":[{"name":"BB","phx_ref":"5"},{"name":"B2","phx_ref":"7"}]},"d":{"metas":[{"name":"D","phx_ref":"6"}]}}]`)
		told.expect(t, "join b[7=B2] to b[5=BB]", "join d[6=D] to d[]", "leave a[4=A] from a[]", "leave c[3=C] from c[]",
			"leave d[6=D] from d[]", "sync b[5=BB 7=B2]")
		if _, ok := roster.Get("d"); ok {
			t.Error("d is still there")
		}
	})
}
