package supervisor

import (
	"context"
	"fmt"

	"github.com/bennu-go/bennu/process"
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
		return &service{s.Service}, nil
	}
	return process.NewSlot(ctx, owner, process.Name[service](path), open, c.options(nil)...)
}

type service struct{ run Service }

var _ process.Continuer = (*service)(nil)

func (s *service) Continue(ctx context.Context) error {
	return process.Go(ctx, func(ctx context.Context) error {
		err := s.run.Serve(process.Outside(ctx))
		switch {
		case err == nil || ctx.Err() != nil && err == ctx.Err():
			return process.Stop(ctx, process.Normal)
		case ctx.Err() != nil:
			return fmt.Errorf("while stopping: %w", err)
		}
		return err
	})
}
