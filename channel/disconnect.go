package channel

import (
	"context"
	"maps"
	"slices"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/pubsub"
)

// disconnects carries the ids of peers that are to go.
const disconnects pubsub.Topic[string] = "channel.disconnect"

// Disconnect closes every connection whose [Peer] has the id, with 1001: to log a user out
// everywhere. The client tries to come back, so Connect must refuse it from now on.
func Disconnect(ctx context.Context, id string) error {
	if id == "" {
		return fault.Invalid.Errorf("channel: Disconnect needs the ID that Connect has given to the peer; \"\" is nobody")
	}
	if _, err := hubOf(ctx); err != nil {
		return err
	}
	return pubsub.Publish(ctx, disconnects, id)
}

func (h *hub) disconnect(id string) {
	h.mu.RLock()
	sessions := slices.Collect(maps.Keys(h.ids[id]))
	h.mu.RUnlock()
	for _, s := range sessions {
		s.link.Close(ws.GoingAway, "disconnected")
	}
}

// enlist makes a session one that Disconnect finds.
func (h *hub) enlist(s *Session) {
	if s.peer.ID == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids[s.peer.ID] == nil {
		h.ids[s.peer.ID] = make(map[*Session]struct{})
	}
	h.ids[s.peer.ID][s] = struct{}{}
}

func (h *hub) delist(s *Session) {
	if s.peer.ID == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.ids[s.peer.ID], s)
	if len(h.ids[s.peer.ID]) == 0 {
		delete(h.ids, s.peer.ID)
	}
}
