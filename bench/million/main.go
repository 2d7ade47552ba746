// Command million keeps a million clients of channels connected within one program: the
// server and both ends of every connection. Each has come in by a websocket's handshake
// over HTTP and has joined a topic.
//
//	go run ./bench/million -n 1000000
//
// The connections are package memnet's, so there are no descriptors to run out of, and no
// goroutine belongs to any of them. It prints what they cost, shows that all of them live,
// and closes them, in lines of JSON:
//
//	joined     time and memory, when all have joined
//	heartbeat  one of each client, until all are answered
//	quiet      CPU while nobody says anything, in per cent of a core
//	beating    the same while each client sends its heartbeats, both ends together
//	broadcast  one message on every topic, until all have it
//	echo       a push and its reply, of clients picked at random
//	closed     what is left when all have gone
//
// It exits with 1 if a connection ends early, something does not arrive, or more than
// -most bytes were ever resident.
//
// The garbage collector runs when the heap has doubled, as by default, and sooner when half
// of -most is in use.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"time"
)

// settings are the flags.
type settings struct {
	n       int
	topics  int
	at      int
	echoes  int
	every   time.Duration
	quiet   time.Duration
	most    int64
	profile string
}

func main() {
	var s settings
	flag.IntVar(&s.n, "n", 1_000_000, "how many clients")
	flag.IntVar(&s.topics, "topics", 0, "how many topics they share; 0: each has its own")
	flag.IntVar(&s.at, "at", 256, "how many connect at once")
	flag.IntVar(&s.echoes, "echoes", 1000, "how many clients are tried with a push")
	flag.DurationVar(&s.every, "every", 30*time.Second, "from one heartbeat of a client to the next")
	flag.DurationVar(&s.quiet, "quiet", 20*time.Second, "how long CPU is measured, quiet and beating; with -every at most 50 s, for the server waits 60; 0: not")
	flag.Int64Var(&s.most, "most", 12<<30, "memory of the whole program, in bytes")
	flag.StringVar(&s.profile, "profile", "", "a file for a heap profile of when all have joined")
	flag.Parse()
	if flag.NArg() > 0 || min(s.n, s.at) < 1 || min(s.topics, s.echoes) < 0 || s.every <= 0 || s.quiet < 0 || s.quiet+s.every > 50*time.Second {
		flag.Usage()
		os.Exit(2)
	}
	if s.topics == 0 {
		s.topics = s.n
	}
	if s.profile != "" {
		runtime.MemProfileRate = 1024
	}
	debug.SetMemoryLimit(s.most / 2)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "million:", err)
		os.Exit(1)
	}
}
