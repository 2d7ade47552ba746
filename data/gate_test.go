package data

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bennu-go/bennu/fault"
)

func TestGateKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2)
		var mu sync.Mutex
		var order []int
		for range 2 {
			if err := g.enter(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		for i, n := range []int{2, 1, 1, 2} {
			go func() {
				if err := g.enter(t.Context(), n); err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
			}()
			synctest.Wait()
		}
		for i, step := range []struct{ leave, in int }{{1, 0}, {1, 1}, {2, 3}, {1, 3}, {1, 4}, {2, 4}} {
			g.leave(step.leave)
			synctest.Wait()
			if len(order) != step.in {
				t.Errorf("after step %d %v are in, want %d", i, order, step.in)
			}
		}
		g.close()
		<-g.empty
	})
}

func TestGateGivesUpAPlaceInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2)
		if err := g.enter(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		go func() { errs <- g.enter(ctx, 2) }()
		synctest.Wait()
		go func() { errs <- g.enter(t.Context(), 1) }() // there is room, but it is not its turn
		synctest.Wait()
		cancel()
		if a, b := <-errs, <-errs; (fault.Of(a) != fault.Canceled || b != nil) && (fault.Of(b) != fault.Canceled || a != nil) {
			t.Errorf("got %v and %v", a, b)
		}
	})
}

func TestGateCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		if err := g.enter(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		refused := make(chan error, 1)
		go func() { refused <- g.enter(t.Context(), 1) }()
		synctest.Wait()
		g.close()
		g.close()
		if err := <-refused; !errors.Is(err, errNotRunning) {
			t.Errorf("who waited got %v", err)
		}
		if err := g.enter(t.Context(), 1); !errors.Is(err, errNotRunning) {
			t.Errorf("who came late got %v", err)
		}
		select {
		case <-g.empty:
			t.Error("empty while somebody is inside")
		default:
		}
		g.leave(1)
		<-g.empty
	})
}

func TestGateLetsTheUrgentGoAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		if err := g.enter(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		var order []string
		for _, who := range []string{"first", "second", "urgent"} {
			ctx := t.Context()
			if who == "urgent" {
				ctx = Urgent(ctx)
			}
			go func() {
				if err := g.enter(ctx, 1); err != nil {
					t.Error(err)
				}
				order = append(order, who)
				g.leave(1)
			}()
			synctest.Wait()
		}
		g.leave(1)
		synctest.Wait()
		if want := []string{"urgent", "first", "second"}; !slices.Equal(order, want) {
			t.Errorf("they are in as %v, not %v", order, want)
		}
		g.close()
		<-g.empty
	})
}
