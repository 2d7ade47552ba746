package main

import (
	"math"
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	for _, d := range []time.Duration{-1, 0, 1, 63, 64, 127, 128, 129, time.Microsecond, time.Second, time.Hour, math.MaxInt64} {
		place := bucket(d)
		if from, to := lower(place), lower(place+1); max(d, 0) < from || d >= to && d < math.MaxInt64/2 {
			t.Errorf("%d ns are in the place of %d to %d ns", d, from, to)
		}
		if from := lower(place); float64(d-from) > 0.02*float64(d) {
			t.Errorf("%d ns are counted as %d ns", d, from)
		}
	}
	var h histogram
	if p := h.quantile(0.5); p != 0 {
		t.Errorf("the median of nothing is %v", p)
	}
	for i := range 1000 {
		h.add(time.Duration(i) * time.Millisecond)
	}
	for _, q := range []float64{0.5, 0.99} {
		if got, want := h.quantile(q), 1000*q; math.Abs(got-want) > 0.02*want {
			t.Errorf("quantile %v of 0 to 999 ms is %v ms", q, got)
		}
	}
}

func TestNumberIn(t *testing.T) {
	frame := `[null,null,"room:all","shout",{"body":"` + body(42, 100) + `"}]`
	if n, ok := numberIn([]byte(frame)); n != 42 || !ok {
		t.Errorf("%s has the number %d %v", frame, n, ok)
	}
	if got := len(body(42, 100)); got != 100 {
		t.Errorf("the body has %d bytes", got)
	}
	for _, frame := range []string{"", "no:", body(1, 0)[:10], `{"body":"no:00000000000x"}`} {
		if n, ok := numberIn([]byte(frame)); ok {
			t.Errorf("%q has the number %d", frame, n)
		}
	}
}

func TestWireOf(t *testing.T) {
	for payload, head := range map[int]int{125: 2, 126: 4, 65535: 4, 65536: 10} {
		wire := wireOf(7, payload)
		if n, ok := numberIn(wire[head:]); len(wire) != head+payload || n != 7 || !ok {
			t.Errorf("a frame of %d bytes has %d, and the number %d", payload, len(wire), n)
		}
	}
}

// A key is found, a value is not.
func TestLobby(t *testing.T) {
	l := &lobby{known: [][]uint64{{0}, {0}}, left: []int{2, 2}, all: make(chan struct{})}
	l.incomplete.Store(2)
	frames := []string{
		`["1",null,"lobby:main","presence_state",{"~00000000":{"metas":[{"phx_ref":"a","name":"~00000001"}]}}]`,
		`[null,null,"lobby:main","presence_diff",{"joins":{"~00000001":{"metas":[{"phx_ref":"b"}]}},"leaves":{}}]`,
		`["1",null,"lobby:main","phx_reply",{"~00000001":{}}]`,
	}
	for number := range 2 {
		for i, frame := range frames {
			l.hear(&client{number: number}, []byte(frame))
			if want := []int{1, 0, 0}[i]; l.left[number] != want {
				t.Errorf("after frame %d, client %d does not know %d", i, number, l.left[number])
			}
		}
	}
	select {
	case <-l.all:
	default:
		t.Error("all know all, and it is not told")
	}
}

func TestParse(t *testing.T) {
	s, run, err := parse([]string{"-url", "http://x/socket", "echo", "-conns", "7"})
	if err != nil || run == nil || s.conns != 7 || s.url != "http://x/socket" {
		t.Errorf("got %+v %v", s, err)
	}
	for _, args := range [][]string{{"-url", "x", "echo"}, {"echo", "-conns", "0"}, {"echo", "join"}, {"fanout", "-outstanding", "1025"}, {"echo", "-bytes", "3"}} {
		if _, _, err := parse(args); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
