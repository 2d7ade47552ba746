package job

// controlChores are what each node does each second, and at once when e.tell has been called on
// any node: look for settings of its queues (producer.set), and for jobs of its own that are to
// be cancelled (e.cancelRunning).
func (e *engine) controlChores() []duty { return nil }

// cancelRunning ends the context of a job that runs on this node; it ends as Cancelled. It
// reports whether it runs here.
func (e *engine) cancelRunning(id int64, reason string) bool {
	e.mu.Lock()
	a := e.atWork[id]
	e.mu.Unlock()
	if a != nil {
		a.interrupt(&cancellation{reason})
	}
	return a != nil
}
