package channel

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestAnswersLimits: below, at and above what is remembered.
func TestAnswersLimits(t *testing.T) {
	c := &Client{session: &Session{peer: new(Peer)}, topic: "t"}
	ask := func(a *answers, id string, response []byte) {
		d := delivery{client: c, text: []byte(id), ident: uint8(len(id))}
		if a.asked(d, time.Second) {
			t.Fatalf("%s was asked before", id)
		}
		a.answered(d, reply{status: "ok", response: response})
	}
	knows := func(a *answers, id string) bool { return a.byID["\x00t\x00"+id] != nil }
	count := func(a *answers) (bytes int) {
		for _, g := range a.byID {
			bytes += len(g.id) + len(g.reply.response)
		}
		return bytes
	}

	t.Run("number", func(t *testing.T) {
		a := new(answers)
		for i := range mostAnswers {
			ask(a, fmt.Sprint(i), nil)
		}
		if !knows(a, "0") {
			t.Error("at the limit, the first is forgotten")
		}
		ask(a, "more", nil)
		if knows(a, "0") || !knows(a, "1") || !knows(a, "more") || a.bytes != count(a) {
			t.Errorf("above the limit: %v %v, %d bytes", knows(a, "0"), knows(a, "1"), a.bytes)
		}
	})
	t.Run("bytes", func(t *testing.T) {
		a := new(answers)
		mega := []byte(strings.Repeat("x", 1<<20-len("\x00t\x00")-2))
		for i := 10; i < 74; i++ {
			ask(a, fmt.Sprint(i), mega)
		}
		if !knows(a, "10") || a.bytes != answersBytes {
			t.Errorf("at the limit: %v, %d bytes", knows(a, "10"), a.bytes)
		}
		ask(a, "9", nil)
		if knows(a, "10") || !knows(a, "11") || a.bytes != count(a) {
			t.Errorf("above the limit: %v %v, %d bytes", knows(a, "10"), knows(a, "11"), a.bytes)
		}
	})
	if n := len(c.asking.pending); n != 0 {
		t.Errorf("%d are pending", n)
	}
}
