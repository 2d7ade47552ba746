package main

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

// ownRoom is the topic that a client has to itself.
func ownRoom(i int) string { return fmt.Sprintf("room:%d", i) }

func ignore(*client, []byte) {}

// idle measures what a joined, silent connection takes of the server's memory.
func idle(ctx context.Context, s *settings) error {
	f, err := newFleet(ctx, s.n)
	if err != nil {
		return err
	}
	defer f.close()
	before, err := server(s.pid).rss()
	if err != nil {
		return err
	}
	start := time.Now()
	if err := f.openAll(ctx, s, ownRoom, ignore); err != nil {
		return err
	}
	took := time.Since(start)
	if err := f.during(ctx, s.settle); err != nil {
		return err
	}
	after, err := server(s.pid).rss()
	if err != nil {
		return err
	}
	r := result{Mode: "idle", N: s.n, RSS: after, RSSPerConn: (after - before) / int64(s.n)}
	r.count(int64(s.n), took, 0)
	return r.print()
}

// join measures connections that join a topic and go.
func join(ctx context.Context, s *settings) error {
	f, err := newFleet(ctx, 0)
	if err != nil {
		return err
	}
	defer f.close()
	var latency histogram
	m, err := start(s.pid)
	if err != nil {
		return err
	}
	err = inParallel(ctx, s.n, s.at, func(ctx context.Context, i int) error {
		begun := time.Now()
		c, err := f.open(ctx, i, s, url.Values{}, ownRoom(i), "{}", ignore)
		if err != nil {
			return err
		}
		latency.add(time.Since(begun))
		c.close()
		return nil
	})
	if err != nil {
		return err
	}
	r := result{Mode: "join", N: s.n}
	if err := m.stop(&r, int64(s.n)); err != nil {
		return err
	}
	r.time(&latency)
	return r.print()
}
