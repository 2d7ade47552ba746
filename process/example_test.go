package process_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// Account is a process: its methods run one at a time, so it needs no lock.
type Account struct{ balance int }

func openAccount(context.Context) (*Account, error) { return &Account{balance: 100}, nil }

func (a *Account) Deposit(_ context.Context, amount int) error {
	a.balance += amount
	return nil
}

func (a *Account) Withdraw(_ context.Context, amount int) (int, error) {
	if amount > a.balance {
		return 0, fault.Conflict.Errorf("there are only %d", a.balance)
	}
	a.balance -= amount
	return a.balance, nil
}

func (a *Account) Balance(context.Context) (int, error) { return a.balance, nil }

func Example() {
	node := process.NewNode(context.Background()) // bennu.Run makes one for a program
	defer node.Close()
	ctx := node.Context(context.Background())

	account, err := process.Spawn(ctx, openAccount)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = process.Cast(ctx, account, (*Account).Deposit, 50)
	balance, _ := process.Ask(ctx, account, (*Account).Balance)
	fmt.Println(balance)
	// Output: 150
}

// An error that a method returns is an answer; the process lives.
func ExampleCall() {
	node := process.NewNode(context.Background())
	defer node.Close()
	ctx := node.Context(context.Background())
	account, _ := process.Spawn(ctx, openAccount)

	left, err := process.Call(ctx, account, (*Account).Withdraw, 30)
	fmt.Println(left, err)
	_, err = process.Call(ctx, account, (*Account).Withdraw, 300)
	fmt.Println(fault.Of(err), "–", fault.Detail(err))
	_ = process.Exit(ctx, account, process.Normal)
	_, _ = process.Wait(ctx, account)
	_, err = process.Call(ctx, account, (*Account).Withdraw, 1)
	fmt.Println(errors.Is(err, process.ErrDead))
	// Output:
	// 70 <nil>
	// conflict – there are only 70
	// true
}

// Auction ends by itself: what must reach it later names one of its methods.
type Auction struct {
	best int
	owed []process.Reply[int]
}

func openAuction(ctx context.Context) (*Auction, error) {
	_, err := process.After(ctx, 10*time.Millisecond, (*Auction).close)
	return new(Auction), err
}

// Bid is answered when the auction closes.
func (a *Auction) Bid(ctx context.Context, amount int) (int, error) {
	a.best = max(a.best, amount)
	reply, err := process.Defer[int](ctx)
	if err != nil {
		return 0, err
	}
	a.owed = append(a.owed, reply)
	return 0, process.Deferred
}

func (a *Auction) close(context.Context) error {
	for _, reply := range a.owed {
		reply.Send(a.best, nil)
	}
	return process.Normal // the process ends, cleanly
}

func ExampleDefer() {
	node := process.NewNode(context.Background())
	defer node.Close()
	ctx := node.Context(context.Background())

	auction, _ := process.Spawn(ctx, openAuction)
	best, err := process.Call(ctx, auction, (*Auction).Bid, 12)
	fmt.Println(best, err)
	// Output: 12 <nil>
}

// Nurse hears of the end of others.
type Nurse struct{ news chan string }

func (n *Nurse) Watch(ctx context.Context, account process.Ref[Account]) error {
	_, err := process.Monitor(ctx, account, (*Nurse).down)
	return err
}

func (n *Nurse) down(_ context.Context, d process.Down) error {
	n.news <- fmt.Sprint("it ended: ", d.Reason)
	return nil
}

func ExampleMonitor() {
	node := process.NewNode(context.Background())
	defer node.Close()
	ctx := node.Context(context.Background())
	news := make(chan string, 1)

	account, _ := process.Spawn(ctx, openAccount)
	nurse, _ := process.Spawn(ctx, func(context.Context) (*Nurse, error) { return &Nurse{news}, nil })
	_ = process.Do(ctx, nurse, (*Nurse).Watch, account)
	_ = process.Exit(ctx, account, process.Shutdown)
	fmt.Println(<-news)
	// Output: it ended: shutdown
}
