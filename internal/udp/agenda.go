package udp

import (
	"container/heap"
	"time"
)

// agenda is sessions by when something is due for them.
type agenda struct{ all byTime }

func (a *agenda) first() time.Duration {
	if len(a.all) == 0 {
		return never
	}
	return a.all[0].at
}

func (a *agenda) put(s *Session, at time.Duration) {
	switch {
	case s.place == 0:
		s.at = at
		heap.Push(&a.all, s)
	case s.at != at:
		s.at = at
		heap.Fix(&a.all, s.place-1)
	}
}

func (a *agenda) remove(s *Session) {
	if s.place > 0 {
		heap.Remove(&a.all, s.place-1)
	}
}

type byTime []*Session

func (h byTime) Len() int           { return len(h) }
func (h byTime) Less(i, j int) bool { return h[i].at < h[j].at }

func (h byTime) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

func (h *byTime) Push(x any) {
	s := x.(*Session)
	*h = append(*h, s)
	s.place = len(*h)
}

func (h *byTime) Pop() any {
	old := *h
	end := len(old) - 1
	s := old[end]
	old[end] = nil
	*h = old[:end]
	s.place = 0
	return s
}
