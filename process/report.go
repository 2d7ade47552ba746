package process

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/bennu-go/bennu/telemetry"
)

// reports prints crashes away from the processes that crashed: a storm of them must
// not slow down what goes on.
type reports struct {
	pending sync.Mutex
	queue   []crash
	missed  int
	writing chan struct{} // closed when the writer is done; nil: nobody writes
}

type crash struct {
	process *Slot
	message message
	reason  Reason
}

const mostReports = 256

func (n *Node) report(s *Slot, m message, reason Reason) {
	if Clean(reason) {
		return
	}
	n.crashes.Add(1)
	r := &n.reports
	r.pending.Lock()
	defer r.pending.Unlock()
	if len(r.queue) >= mostReports {
		r.missed++
		return
	}
	r.queue = append(r.queue, crash{s, m, reason})
	if r.writing == nil {
		r.writing = make(chan struct{})
		go r.write(telemetry.Log(n.base), r.writing)
	}
}

func (r *reports) write(log *slog.Logger, done chan struct{}) {
	defer close(done)
	for {
		r.pending.Lock()
		queue, missed := r.queue, r.missed
		r.queue, r.missed = nil, 0
		if len(queue) == 0 {
			r.writing = nil
			r.pending.Unlock()
			return
		}
		r.pending.Unlock()
		for _, c := range queue {
			c.print(log)
		}
		if missed > 0 {
			log.Error("more processes crashed than could be reported", "left_out", missed)
		}
	}
}

func (r *reports) flush() {
	r.pending.Lock()
	writing := r.writing
	r.pending.Unlock()
	if writing != nil {
		<-writing
	}
}

// print leaves out the argument and the state: they may hold secrets.
func (c crash) print(log *slog.Logger) {
	defer func() { _ = recover() }() // a log handler that panics must not end the program
	attrs := []slog.Attr{
		slog.String("process", c.process.String()),
		slog.String("reason", fmt.Sprint(c.reason)), // fmt survives an Error that panics
	}
	if c.message != nil {
		attrs = append(attrs, slog.String("method", methodName(c.message)))
		if t := c.message.from(); t != nil && t.RequestID != "" {
			attrs = append(attrs, slog.String("request_id", t.RequestID))
		}
	}
	reason := c.reason
	if t, ok := reason.(*terminateFailed); ok {
		reason = t.err
	}
	if p, ok := reason.(*Panic); ok {
		attrs = append(attrs, slog.String("at", p.At()), slog.String("stack", p.Stack()))
	}
	log.LogAttrs(context.Background(), slog.LevelError, "process crashed", attrs...)
}
