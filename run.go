package bennu

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

// App is a program: its name and its tree.
type App struct {
	Name     string             // of the root of the tree; default "app"
	Children []supervisor.Child // start in order, stop in reverse
	Logger   *slog.Logger       // default slog.Default()
	Shutdown time.Duration      // for the whole tree to stop in; 0: 30 s

	// Spans is told of each piece of work that is over, such as a query: see
	// telemetry.WithSpans. Default: nobody is.
	Spans func(context.Context, telemetry.Span)
}

const defaultShutdown = 30 * time.Second

// Run starts the tree and runs it until ctx ends or the process gets SIGINT or SIGTERM;
// then it stops the tree, in reverse order, and returns nil. A second signal ends the
// program at once.
//
// It returns an error if a child fails to start, if the tree gives up because its
// children crash too often, or if it does not stop within the shutdown time.
func Run(ctx context.Context, app App) error {
	if app.Name == "" {
		app.Name = "app"
	}
	if app.Shutdown == 0 {
		app.Shutdown = defaultShutdown
	}
	if app.Logger != nil {
		ctx = telemetry.WithLogger(ctx, app.Logger)
	}
	if app.Spans != nil {
		ctx = telemetry.WithSpans(ctx, app.Spans)
	}
	log := telemetry.Log(ctx)
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()

	node := process.NewNode(ctx)
	defer node.Close()
	began := time.Now()
	root, err := supervisor.Tree{Name: app.Name, Children: app.Children}.Start(node.Context(ctx))
	if err != nil {
		if ctx.Err() != nil {
			return nil // told to stop before it was up
		}
		return err
	}
	log.Info("started", "app", app.Name, "took", time.Since(began))

	reason := root.Wait(ctx)
	if ctx.Err() == nil {
		return fmt.Errorf("%s has ended: %w", app.Name, reason)
	}
	log.Info("stopping", "app", app.Name)
	stop() // from here on a signal has its usual effect
	began = time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		root.Stop()
	}()
	select {
	case <-done:
		log.Info("stopped", "app", app.Name, "took", time.Since(began))
		return nil
	case <-time.After(app.Shutdown):
		return fmt.Errorf("%s did not stop within %v", app.Name, app.Shutdown)
	}
}
