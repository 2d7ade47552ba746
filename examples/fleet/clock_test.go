package main

import (
	"testing"
	"testing/synctest"
	"time"
)

// When a clock is set back, ours or a device's, the positions that follow have earlier
// times. Up to an hour that is a small thing; beyond, they are for the track, until the
// unit's time has come near again. None is refused, and no process minds.
func TestClockSetBack(t *testing.T) {
	for _, door := range []string{"http", "udp", "socket"} {
		bubble(t, func(w *world) {
			began := time.Now()
			c := w.socket()
			defer c.hangUp()
			c.join("unit:a", none{}, nil)
			u := &UDP{most: 1}
			if door == "udp" { // as far as it goes without a socket
				u.addr = "127.0.0.1:0"
				if err := u.Start(w.ctx); err != nil {
					t.Fatal(err)
				}
				defer u.conn.Close()
			}
			report := func(at time.Time, lat float64) {
				t.Helper()
				switch door {
				case "http":
					w.send("a", at, lat)
				case "udp":
					u.datagram(w.ctx, []byte("a "+rmcOf(at, lat, "")))
					time.Sleep(time.Second)
				case "socket":
					if r := c.push("unit:a", "position", map[string]any{"lat": lat, "lon": 7, "at": at}); r.Status != "ok" {
						t.Errorf("%s: %s", r.Status, r.Response)
					}
				}
			}
			for i, step := range []struct {
				back time.Duration
				want float64
			}{
				{0, 1},
				{time.Hour, 2},                      // as late as can be
				{2*time.Hour + time.Millisecond, 2}, // more than an hour before that
				{3 * time.Hour, 2},                  // and more
				{2 * time.Hour, 5},                  // near again
				{3*time.Hour + time.Millisecond, 5}, // an hour before the new one is too early still
				{-23 * time.Hour, 7},                // a clock that is far ahead
				{0, 7},                              // is put right
				{-22 * time.Hour, 9},
			} {
				lat := float64(i + 1)
				report(began.Add(-step.back), lat)
				if v := w.unit("a"); v.Lat != step.want || v.State != online {
					t.Errorf("%s: after step %d it is %s at %v, want %v", door, i+1, v.State, v.Lat, step.want)
				}
			}
			synctest.Wait()
			// The eighth has the time of the first, which is kept.
			if n := len(w.track("a")); n != 8 {
				t.Errorf("%s: the track has %d positions, want 8", door, n)
			}
			if n := w.count("process.crashes") + w.count("fleet.udp.failed"); n > 0 {
				t.Errorf("%s: %v", door, w.counters.Snapshot())
			}
		})
	}
}
