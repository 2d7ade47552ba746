package main

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
)

// The board may crash like anybody else. Its units run on, and it finds them again.
func TestBoardRestarts(t *testing.T) {
	bubble(t, func(w *world) {
		w.send("a", time.Now(), 5)
		w.send("sleeper", time.Now(), 6)
		if err := process.Exit(w.ctx, Units.Of("sleeper"), process.Normal); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := process.Exit(w.ctx, Dispatch, errors.New("a bug")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for id, want := range map[string]string{"a": online, "sleeper": offline} {
			if v := w.unit(id); v.State != want {
				t.Errorf("after the board's restart %s is %s, want %s", id, v.State, want)
			}
		}
		// It watches again.
		if err := process.Signal(w.ctx, Units.Of("a"), (*Unit).Crash); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if v := w.unit("a"); v.State != restarting {
			t.Errorf("after a crash it is %s", v.State)
		}
		time.Sleep(time.Second)
		if v := w.unit("a"); v.State != online || v.Lon != 5 && v.Lat != 5 {
			t.Errorf("back, it is %+v", v)
		}
	})
}
