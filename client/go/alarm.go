package client

import "time"

// alarm is one timer, set again and again. The socket's lock guards it.
type alarm struct {
	timer *time.Timer
	turn  uint64
}

// set has fn called after a while, with the lock held, unless the alarm is set again or
// cleared before.
func (s *Socket) set(a *alarm, d time.Duration, fn func()) {
	a.clear()
	turn := a.turn
	a.timer = time.AfterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if a.turn == turn {
			fn()
		}
	})
}

func (a *alarm) clear() {
	a.turn++
	if a.timer != nil {
		a.timer.Stop()
	}
}
