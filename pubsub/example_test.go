package pubsub_test

import (
	"context"
	"fmt"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/pubsub"
)

type Price struct {
	Of     string
	Amount float64
}

const Prices pubsub.Topic[Price] = "prices"

// Ticker is a process that hears of prices.
type Ticker struct{ last map[string]float64 }

func openTicker(ctx context.Context) (*Ticker, error) {
	t := &Ticker{last: make(map[string]float64)}
	_, err := pubsub.Subscribe(ctx, Prices, (*Ticker).onPrice, pubsub.OnGap((*Ticker).onGap))
	return t, err
}

func (t *Ticker) onPrice(_ context.Context, p Price) error {
	t.last[p.Of] = p.Amount
	return nil
}

func (t *Ticker) onGap(_ context.Context, g pubsub.Gap) error {
	clear(t.last) // g.Lost prices are missing: better none than old ones
	return nil
}

func (t *Ticker) Last(_ context.Context, of string) (float64, error) { return t.last[of], nil }

func Example() {
	node := process.NewNode(context.Background())
	defer node.Close()
	ctx := node.Context(context.Background())

	ticker, err := process.Spawn(ctx, openTicker)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = pubsub.Publish(ctx, Prices, Price{"ACME", 12.5})
	_ = pubsub.Publish(ctx, Prices, Price{"ACME", 13})
	fmt.Println(process.Call(ctx, ticker, (*Ticker).Last, "ACME"))
	// Output: 13 <nil>
}
