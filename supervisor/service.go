package supervisor

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// serviceSpec runs a plain Service: a process whose one helper serves.
type serviceSpec struct {
	plain
	Service
}

func (s serviceSpec) label() string { return "" }
func (s serviceSpec) kind() string  { return "service" }

func (s serviceSpec) slot(ctx context.Context, owner process.Port[process.Down], path string, c Child) (*process.Slot, error) {
	open := func(ctx context.Context) (*service, error) {
		if starter, ok := s.Service.(Starter); ok {
			veiled := &veil{Context: process.Outside(ctx), in: ctx}
			defer veiled.up.Store(true)
			if err := starter.Start(veiled); err != nil {
				return nil, err
			}
		}
		if err := process.Go(ctx, s.serve); err != nil { // it was abandoned in Start
			return nil, errors.Join(err, s.Serve(process.Outside(ctx)))
		}
		return new(service), nil
	}
	return process.NewSlot(ctx, owner, process.Name[service](path), open, process.ShutdownTime(s.shutdown(c)))
}

func (serviceSpec) shutdown(c Child) time.Duration { return c.shutdownOr(process.DefaultShutdown) }

type service struct{}

func (s serviceSpec) serve(ctx context.Context) error {
	err := s.Serve(process.Outside(ctx))
	switch {
	case ctx.Err() != nil: // it was to stop
		if !process.Clean(err) && !errors.Is(err, ctx.Err()) && !errors.Is(err, net.ErrClosed) {
			telemetry.Log(ctx).Warn("service failed while it stopped", "process", process.Self[service](ctx).String(), "reason", err)
		}
		return nil
	case err == nil:
		return process.Stop(ctx, process.Normal)
	}
	return err
}

// veil is the context of a Start: of no process, but its supervisor waits for it, and
// must not be made to wait for what it asks.
type veil struct {
	context.Context
	in context.Context // the process's own
	up atomic.Bool     // Start has returned
}

type veilKey struct{}

func (v *veil) Value(key any) any {
	if _, ok := key.(veilKey); ok {
		return v
	}
	return v.Context.Value(key)
}

// unveil shows in a context of a Start the process that waits for it, so that a verb sees
// a cycle.
func unveil(ctx context.Context) context.Context {
	if v, ok := ctx.Value(veilKey{}).(*veil); ok && !v.up.Load() {
		return unveiled{ctx, v.in}
	}
	return ctx
}

type unveiled struct {
	context.Context
	in context.Context
}

func (u unveiled) Value(key any) any {
	if v := u.Context.Value(key); v != nil {
		return v
	}
	return u.in.Value(key)
}
