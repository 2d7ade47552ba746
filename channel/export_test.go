package channel

import (
	"context"
	"maps"
	"slices"
)

// Sessions is how many clients a socket has.
func Sessions(s *Socket) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Feeds is the topics that the node knows, sorted.
func Feeds(ctx context.Context) []string {
	h := mustHub(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(h.feeds))
}

// Listeners is how many clients listen on a topic.
func Listeners(ctx context.Context, topic string) int {
	h := mustHub(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.feeds[topic]
	if f == nil {
		return 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.clients)
}

// Remembered is how many answers the node remembers, and how many bytes that are.
func Remembered(ctx context.Context) (n, bytes int) {
	a := &mustHub(ctx).answers
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.byID), a.bytes
}

// IDs is how many peers with an ID the node has.
func IDs(ctx context.Context) int {
	h := mustHub(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.ids)
}

// Sources is how many sources of presence the node listens to.
func Sources(ctx context.Context) int {
	h := mustHub(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sources)
}

// Open is how many channels the node's running sockets have.
func Open(ctx context.Context) int {
	h := mustHub(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.channels)
}

func mustHub(ctx context.Context) *hub {
	h, err := hubOf(ctx)
	if err != nil {
		panic(err)
	}
	return h
}

const (
	MostAnswers  = mostAnswers
	AnswersAge   = answersAge
	AnswersBytes = answersBytes
	MostLater    = mostLater
	SweepEvery   = sweepEvery
)
