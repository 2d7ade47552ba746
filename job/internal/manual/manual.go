// Package manual is how the kit for tests works a runner by hand: nothing in it runs by
// itself.
package manual

import (
	"context"
	"time"
)

// Control is what a runner that was started by hand can be told. Its Start sets the fields.
type Control struct {
	// Work runs what is due in these queues, or all of the runner's, one job after the other,
	// until nothing is due any more or so many have run, and tells how many did.
	Work func(ctx context.Context, most int, queues []string) (int, error)

	// Keep inserts the jobs of schedules that are due, and tells when one is due next;
	// zero: none is.
	Keep func(ctx context.Context) (next time.Time, err error)

	// Run runs one job now, whatever it waits for, and gives its function's error.
	Run func(ctx context.Context, id int64) error

	// Args gives the arguments, as JSON, of the jobs of a name that have not ended and are as
	// the options, a []job.InsertOption, say; oldest first.
	Args func(ctx context.Context, name string, options any) ([][]byte, error)
}

type key struct{}

// With makes a runner that is started with the context do nothing but what c tells it.
func With(ctx context.Context, c *Control) context.Context { return context.WithValue(ctx, key{}, c) }

// Of is the control that the context was made with, or nil.
func Of(ctx context.Context) *Control {
	c, _ := ctx.Value(key{}).(*Control)
	return c
}
