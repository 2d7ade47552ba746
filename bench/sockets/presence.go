package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"
)

// userMark begins the keys of users, and nothing else. They have a width that does not
// change, so that they can be found in a frame without reading the rest.
const (
	userMark   = '~'
	userDigits = 8
)

func userKey(i int) string { return fmt.Sprintf("%c%0*d", userMark, userDigits, i) }

// lobby is what the connections know of each other.
type lobby struct {
	known      [][]uint64 // of each connection, a bit for each user; of the loop that reads
	left       []int      // of each connection, how many it does not know
	incomplete atomic.Int64
	all        chan struct{} // closed when everybody knows everybody
	diffBytes  atomic.Int64
	stateBytes atomic.Int64
}

// presence measures connections that join one topic and learn of each other.
func presence(ctx context.Context, s *settings) error {
	f, err := newFleet(ctx, s.users)
	if err != nil {
		return err
	}
	defer f.close()
	l := &lobby{known: make([][]uint64, s.users), left: make([]int, s.users), all: make(chan struct{})}
	for i := range l.known {
		l.known[i], l.left[i] = make([]uint64, (s.users+63)/64), s.users
	}
	l.incomplete.Store(int64(s.users))
	m, err := start(s.pid)
	if err != nil {
		return err
	}
	err = inParallel(ctx, s.users, s.at, func(ctx context.Context, i int) error {
		query, params := url.Values{"user": {userKey(i)}}, fmt.Sprintf(`{"name":%q}`, userKey(i))
		c, err := f.open(ctx, i, s, query, "lobby:main", params, l.hear)
		f.clients[i].Store(c)
		return err
	})
	if err != nil {
		return err
	}
	joined := time.Since(m.begun)
	select {
	case <-l.all:
	case err := <-f.failed:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(5 * time.Minute):
		return fmt.Errorf("after 5 minutes %d connections do not know of all others", l.incomplete.Load())
	}
	r := result{Mode: "presence", N: s.users, JoinedSeconds: joined.Seconds(), KnownSeconds: time.Since(m.begun).Seconds()}
	if err := m.stop(&r, int64(s.users)); err != nil {
		return err
	}
	if r.RSS, err = server(s.pid).rss(); err != nil {
		return err
	}
	r.DiffBytes = float64(l.diffBytes.Load()) / float64(s.users)
	r.DiffBytesASec = r.DiffBytes / r.KnownSeconds
	r.StateBytes = float64(l.stateBytes.Load()) / float64(s.users)
	return r.print()
}

// hear notes whom a frame names as a key. Nobody leaves while it is measured, so a frame
// names only those who are there.
func (l *lobby) hear(c *client, payload []byte) {
	head := payload[:min(64, len(payload))]
	switch {
	case bytes.Contains(head, []byte(`"presence_diff"`)):
		l.diffBytes.Add(int64(len(payload)))
	case bytes.Contains(head, []byte(`"presence_state"`)):
		l.stateBytes.Add(int64(len(payload)))
	default:
		return
	}
	known, left := l.known[c.number], &l.left[c.number]
	before := *left
	for {
		at := bytes.IndexByte(payload, userMark)
		if at < 0 {
			break
		}
		payload = payload[at+1:]
		user, ok := userIn(payload)
		if !ok || uint(user) >= uint(len(l.known)) || known[user/64]>>(user%64)&1 == 1 {
			continue
		}
		known[user/64] |= 1 << (user % 64)
		*left--
	}
	if before > 0 && *left == 0 && l.incomplete.Add(-1) == 0 {
		close(l.all)
	}
}

// userIn reads the rest of a key. Not ok: it is a value.
func userIn(rest []byte) (user int, ok bool) {
	const end = `":`
	if len(rest) < userDigits+len(end) || string(rest[userDigits:userDigits+len(end)]) != end {
		return 0, false
	}
	for _, c := range rest[:userDigits] {
		user = user*10 + int(c-'0')
	}
	return user, true
}
