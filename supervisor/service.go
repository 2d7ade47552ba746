package supervisor

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// serviceSpec runs a plain Service: a process whose one helper serves.
type serviceSpec struct{ Service }

func (s serviceSpec) label() string { return "" }
func (s serviceSpec) kind() string  { return "service" }

func (s serviceSpec) slot(ctx context.Context, owner process.Port[process.Down], path string, c Child) (*process.Slot, error) {
	open := func(ctx context.Context) (*service, error) {
		if starter, ok := s.Service.(Starter); ok {
			if err := starter.Start(process.Outside(ctx)); err != nil {
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
