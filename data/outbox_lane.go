package data

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// lane carries out effects one after the other, in their order.
type lane struct {
	d     *dispatch
	ready chan struct{} // something is queued

	// Under d.mu:
	queue []effect
	bytes int // of the bodies in it
}

func newLane(d *dispatch) *lane { return &lane{d: d, ready: make(chan struct{}, 1)} }

// push queues an effect. d.mu is held.
func (l *lane) push(e effect) {
	if e.known && l.bytes+len(e.body) > laneMemory {
		e.body, e.known = "", false
	}
	l.bytes += len(e.body)
	l.queue = append(l.queue, e)
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

// clear forgets what is queued. d.mu is held.
func (l *lane) clear() { l.queue, l.bytes = nil, 0 }

// next takes what is to be carried out next, or reports false when stop is closed.
func (l *lane) next(stop <-chan struct{}) (effect, bool) {
	for {
		select {
		case <-stop:
			return effect{}, false
		default:
		}
		l.d.mu.Lock()
		if len(l.queue) > 0 {
			e := l.queue[0]
			l.queue[0] = effect{}
			l.queue = l.queue[1:]
			l.bytes -= len(e.body)
			l.d.mu.Unlock()
			return e, true
		}
		l.d.mu.Unlock()
		select {
		case <-l.ready:
		case <-stop:
		}
	}
}

// run carries out effects until stop is closed. ctx ends some time later.
func (l *lane) run(ctx context.Context, stop <-chan struct{}) {
	for {
		e, ok := l.next(stop)
		if !ok {
			return
		}
		l.deliver(ctx, e, stop)
	}
}

// deliver tries until an effect has happened, or never can.
func (l *lane) deliver(ctx context.Context, e effect, stop <-chan struct{}) {
	id := effectID{e.of.owner, e.seq}
	ctx = context.WithValue(ctx, effectKey{}, id)
	wait := time.Duration(firstRetry)
	for attempt := 1; l.d.sure(e, stop); attempt++ {
		err := l.try(ctx, e)
		switch {
		case err == nil:
			telemetry.Count(ctx, "data.effects.carried", 1)
			l.d.finish(outcome{effect: e})
			return
		case fault.Of(err) == fault.Invalid:
			telemetry.Count(ctx, "data.effects.refused", 1)
			telemetry.Log(ctx).Error("an effect can never happen and is skipped", "carrier", e.carrier.name(), "effect", EffectID(ctx), "error", err)
			l.d.finish(outcome{effect: e, refused: fault.Detail(err)})
			return
		}
		telemetry.Count(ctx, "data.effects.failed", 1)
		telemetry.Log(ctx).Warn("an effect failed and is tried again", "carrier", e.carrier.name(), "effect", EffectID(ctx), "attempt", attempt, "in", wait, "error", err)
		if !pause(wait, stop) {
			return
		}
		wait = min(2*wait, lastRetry)
	}
}

func pause(d time.Duration, stop <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-stop:
		return false
	}
}

// try makes one attempt. A panic is a failure like any other: it must not end the program.
func (l *lane) try(ctx context.Context, e effect) (err error) {
	ctx, cancel := context.WithTimeout(ctx, carryTime)
	defer cancel()
	body := e.body
	if !e.known {
		if body, err = l.d.body(ctx, e); err != nil || body == "" { // "": somebody has deleted it
			return err
		}
	}
	defer func() {
		if p := recover(); p != nil {
			telemetry.Log(ctx).Error("a carrier of the outbox panicked", "carrier", e.carrier.name(), "panic", p, "stack", string(debug.Stack()))
			err = fault.Internal.Wrap(fmt.Errorf("panic: %v", p), "data: the carrier panicked")
		}
	}()
	return e.carrier.carry(ctx, []byte(body))
}
