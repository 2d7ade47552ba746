// Command sockets loads a server that speaks the protocol of Phoenix channels, and prints
// what it measured as lines of JSON:
//
//	go run ./bench/sockets -url http://127.0.0.1:4200/socket -pid $(pgrep -x peer) fanout -conns 5000
//
//	idle      memory of a connection that has joined a topic and is silent; for a server
//	          that has just started
//	join      connections that join, and go, as fast as they can
//	echo      pushes and replies, one at a time on each connection
//	fanout    broadcasts to all connections of one topic; with -bare beside bare, by turns
//	bare      no server: a loop of write(2) in a program that does nothing else
//	presence  connections that join lobby:main and learn of each other
//	poll      long-polling, once through, as a check
//
// The server has the topics room:* and lobby:main. In a room, the event "echo" is replied
// to with its own payload, and "shout" is broadcast, to its sender too, with its own payload,
// as whatever event. Both have one field, "body", a text. Whoever joins lobby:main is tracked
// there, by the connect parameter "user" or the join parameter "name", which are the same.
//
// CPU time and memory are the server's, from /proc, so it is on this machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"sync"
	"time"
)

// settings are the flags of all modes.
type settings struct {
	url         string
	pid         int
	n           int
	at          int
	conns       int
	users       int
	length      time.Duration
	settle      time.Duration
	outstanding int
	open        float64
	bare        bool
	rounds      int
	bytes       int
}

type mode func(context.Context, *settings) error

func modes() map[string]mode {
	return map[string]mode{
		"idle": idle, "join": join, "echo": echo, "fanout": fanout, "bare": bare,
		"presence": presence, "poll": poll, bareChild: serveBare,
	}
}

func main() {
	s, run, err := parse(os.Args[1:])
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		err = run(ctx, s)
		stop()
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "sockets:", err)
		os.Exit(1)
	}
}

// parse reads the flags, which may stand before and behind the mode.
func parse(args []string) (*settings, mode, error) {
	s := new(settings)
	f := flag.NewFlagSet("sockets [flags] MODE", flag.ContinueOnError)
	f.StringVar(&s.url, "url", "http://127.0.0.1:4200/socket", "where the socket is mounted")
	f.IntVar(&s.pid, "pid", 0, "the server's process, for its CPU time and memory")
	f.IntVar(&s.n, "n", 10_000, "idle, join: how many connections; poll: how many sessions")
	f.IntVar(&s.at, "at", 64, "how many connections open at once")
	f.IntVar(&s.conns, "conns", 1000, "echo, fanout, bare: how many connections")
	f.IntVar(&s.users, "users", 10_000, "presence: how many connections")
	f.DurationVar(&s.length, "for", 5*time.Second, "echo, fanout, bare: how long it is measured")
	f.DurationVar(&s.settle, "settle", 20*time.Second, "idle: how long the server rests before its memory is read")
	f.IntVar(&s.outstanding, "outstanding", 1, "fanout, bare: shouts under way, 1 to 1024")
	f.Float64Var(&s.open, "open", 0, "fanout, bare: shouts a second, whatever becomes of them, in place of -outstanding")
	f.BoolVar(&s.bare, "bare", false, "fanout: the same in a bare loop, by turns, and the ratios")
	f.IntVar(&s.rounds, "rounds", 3, "fanout -bare: turns of each")
	f.IntVar(&s.bytes, "bytes", 64, "echo, fanout, bare: length of the body")
	if err := f.Parse(args); err != nil {
		return nil, nil, err
	}
	name := f.Arg(0)
	run := modes()[name]
	if run == nil {
		f.Usage()
		return nil, nil, fmt.Errorf("there is no mode %q", name)
	}
	if err := f.Parse(f.Args()[1:]); err != nil {
		return nil, nil, err
	}
	switch u, err := url.Parse(s.url); {
	case f.NArg() > 0:
		return nil, nil, fmt.Errorf("there is one mode at a time, and %q is one too many", f.Arg(0))
	case err != nil || u.Host == "":
		return nil, nil, fmt.Errorf("-url is an address such as http://127.0.0.1:4200/socket")
	case min(s.n, s.at, s.conns, s.users, s.outstanding, s.rounds) < 1 || s.outstanding > 1024 || s.length <= 0 || s.open < 0:
		return nil, nil, fmt.Errorf("numbers must be positive, and -outstanding at most 1024")
	case s.bytes < len(body(0, 0)):
		return nil, nil, fmt.Errorf("-bytes must be at least %d", len(body(0, 0)))
	}
	return s, run, nil
}

// inParallel calls do with 0 to n-1, so many at once, until one fails.
func inParallel(ctx context.Context, n, atOnce int, do func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range min(atOnce, n) {
		workers.Go(func() {
			for i := range numbers {
				if err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		numbers <- i
	}
	close(numbers)
	workers.Wait()
	return context.Cause(ctx)
}

// pause waits, unless the context ends before.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
