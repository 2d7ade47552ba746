package client

// queue is the callbacks that wait for their turn. A goroutine runs them one after the
// other, and is there only while there are some. The socket's lock guards it.
type queue struct {
	items   []item
	bytes   int
	running bool
	drained func() // called whenever all are done, with the lock held; may be nil
}

type item struct {
	run   func()
	bytes int
}

func (s *Socket) enqueue(q *queue, bytes int, run func()) {
	q.items = append(q.items, item{run, bytes})
	q.bytes += bytes
	if !q.running {
		q.running = true
		s.spawn(func() { s.drain(q) })
	}
}

func (s *Socket) drain(q *queue) {
	for {
		run := s.next(q)
		if run == nil {
			return
		}
		run()
	}
}

func (s *Socket) next(q *queue) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(q.items) == 0 {
		q.items, q.running = nil, false
		if q.drained != nil {
			q.drained()
		}
		return nil
	}
	first := q.items[0]
	q.items[0] = item{}
	q.items = q.items[1:]
	q.bytes -= first.bytes
	return first.run
}
