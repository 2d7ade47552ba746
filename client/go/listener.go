package client

import (
	"slices"
	"sync/atomic"
)

// listeners are functions that want to be told. The socket's lock guards them.
type listeners[F any] struct{ all []*listener[F] }

type listener[F any] struct {
	fn      F
	stopped atomic.Bool
}

func (l *listeners[F]) add(s *Socket, fn F) (stop func()) {
	one := &listener[F]{fn: fn}
	s.mu.Lock()
	defer s.mu.Unlock()
	l.all = append(slices.Clip(l.all), one)
	return func() {
		one.stopped.Store(true)
		s.mu.Lock()
		defer s.mu.Unlock()
		l.all = slices.DeleteFunc(slices.Clone(l.all), func(o *listener[F]) bool { return o == one })
	}
}

// tell gives a callback that tells those who listen now and still do then, or nil.
func (l *listeners[F]) tell(call func(F)) func() {
	all := l.all
	if len(all) == 0 {
		return nil
	}
	return func() {
		for _, one := range all {
			if !one.stopped.Load() {
				call(one.fn)
			}
		}
	}
}
