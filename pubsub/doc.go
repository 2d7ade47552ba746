// Package pubsub carries what happens to whoever wants to know, by topic.
//
// A topic is a typed constant, and what arrives at a subscriber is a call of one of its
// methods:
//
//	const Prices pubsub.Topic[Price] = "prices"
//
//	func openBoard(ctx context.Context) (*Board, error) {
//		b := new(Board)
//		_, err := pubsub.Subscribe(ctx, Prices, (*Board).onPrice)
//		return b, err
//	}
//
//	func (b *Board) onPrice(ctx context.Context, p Price) error { … }
//
//	err := pubsub.Publish(ctx, Prices, Price{"ACME", 12.5})
//
// # Guarantees
//
// What one publisher publishes on one topic reaches each subscriber in that order, at
// most once. Publishing never blocks and never waits for a subscriber: one whose mailbox
// is full loses the message. That is counted ("pubsub.lost"), and the subscriber is told,
// if it asked for it with [OnGap], before the next message that it gets.
//
// A subscription belongs to the incarnation of a process: it ends with it, and the
// constructor subscribes again after a restart.
//
// Topics are of the node for now: what is published on one node is heard there only.
package pubsub
