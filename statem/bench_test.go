package statem_test

import (
	"context"
	"testing"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/statem"
)

type lamp struct {
	statem.Machine[int]
}

func openLamp(ctx context.Context) (*lamp, error) {
	l := new(lamp)
	return l, statem.Begin(ctx, l, 0)
}

func (l *lamp) look(context.Context) (int, error) { return l.State(), nil }

func (l *lamp) flip(ctx context.Context) (int, error) {
	err := l.Goto(ctx, 1-l.State())
	return l.State(), err
}

func (l *lamp) glow(ctx context.Context) (int, error) {
	if err := l.Goto(ctx, 1-l.State()); err != nil {
		return 0, err
	}
	return l.State(), statem.StateTimeout(ctx, l, time.Hour, (*lamp).dark)
}

func (l *lamp) listen(ctx context.Context) (int, error) {
	return l.State(), statem.EventTimeout(ctx, l, time.Hour, (*lamp).dark)
}

func (l *lamp) dark(ctx context.Context) error { return l.Goto(ctx, 0) }

type plain struct{ n int }

func (p *plain) look(context.Context) (int, error) { return p.n, nil }

// A call of a machine beside one of a process: the state alone costs nothing, a change of
// it what Replay costs, and a time-out what a timer costs.
func BenchmarkCall(b *testing.B) {
	ctx := processtest.Node(b)
	p, err := process.Spawn(ctx, func(context.Context) (*plain, error) { return new(plain), nil })
	is(b, err, nil)
	l, err := process.Spawn(ctx, openLamp)
	is(b, err, nil)
	b.Run("process", func(b *testing.B) {
		for b.Loop() {
			_, err := process.Ask(ctx, p, (*plain).look)
			is(b, err, nil)
		}
	})
	for name, method := range map[string]func(*lamp, context.Context) (int, error){
		"machine": (*lamp).look, "goto": (*lamp).flip, "goto and time-out": (*lamp).glow, "event time-out": (*lamp).listen,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, err := process.Ask(ctx, l, method)
				is(b, err, nil)
			}
		})
	}
}
