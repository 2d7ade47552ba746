package presence

import (
	"context"
	"fmt"

	"github.com/bennu-go/bennu/pubsub"
)

// local is a Gossip over pubsub.
type local struct {
	ctx   context.Context
	topic pubsub.Topic[packet]
	self  string
}

type packet struct {
	from, to string
	body     []byte
}

func newLocal(ctx context.Context, name string, id replicaID) *local {
	return &local{ctx, pubsub.Topic[packet]("presence:" + name), fmt.Sprintf("%x.%x", id.born, id.salt)}
}

func (l *local) Self() string { return l.self }

func (l *local) Send(to string, message []byte) error {
	return pubsub.Publish(l.ctx, l.topic, packet{l.self, to, message})
}

func (l *local) Listen(fn func(from string, message []byte)) (stop func(), err error) {
	return pubsub.Tap(l.ctx, l.topic, func(p packet) {
		if p.from != l.self && (p.to == "" || p.to == l.self) {
			fn(p.from, p.body)
		}
	})
}
