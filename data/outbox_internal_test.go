package data

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
)

// dispatching starts a repo in memory and an outbox on it.
func dispatching(t *testing.T, carriers ...Carrier) (context.Context, *Repo, *dispatch) {
	t.Helper()
	n := process.NewNode(context.Background())
	ctx, stop := context.WithCancel(n.Context(context.Background()))
	repo := &Repo{URL: "sqlite::memory:"}
	if err := repo.Start(ctx); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 2)
	go func() { served <- repo.Serve(ctx) }()
	outbox := &Outbox{Repo: repo, Carriers: carriers}
	if err := outbox.Start(ctx); err != nil {
		t.Fatal(err)
	}
	d := repo.outbox.Load()
	serving, end := context.WithCancel(ctx)
	go func() { served <- outbox.Serve(serving) }()
	t.Cleanup(func() {
		end()
		err := <-served
		stop()
		if other := <-served; err != nil || other != nil {
			t.Error(err, other)
		}
		n.Close()
	})
	return ctx, repo, d
}

// A program learns that others have taken over while one of its transactions runs.
func TestEffectsOfATransactionThatOutlivesItsOwnerAreLeftToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		var mu sync.Mutex
		call := Carry("call", func(_ context.Context, s string) error {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, s)
			return nil
		})
		ctx, repo, d := dispatching(t, call)
		check := func(carried int, lapsed bool) (me int64) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			d.mu.Lock()
			defer d.mu.Unlock()
			if len(got) != carried || d.left != 0 || d.lapsed != lapsed {
				t.Errorf("carried out: %q; %d are held, lapsed: %v", got, d.left, d.lapsed)
			}
			return d.me
		}
		before := check(0, false)
		err := repo.Write(ctx, func(ctx context.Context, tx Tx) error {
			if err := tx.Emit(ctx, call.Effect("late")); err != nil {
				return err
			}
			d.mu.Lock()
			d.drop()
			d.mu.Unlock()
			_, err := tx.NewRaw("DELETE FROM bennu_outbox_owners").Exec(ctx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		check(0, true)
		time.Sleep(5 * time.Second) // until it begins anew and finds what nobody holds
		if me := check(1, false); me == before {
			t.Error("it is the same owner")
		}
	})
}

func TestLaneKeepsSoMuchInMemory(t *testing.T) {
	d := newDispatch(nil)
	l := newLane(d)
	for _, size := range []int{laneMemory - 1, 1, 1} {
		l.push(effect{body: strings.Repeat("x", size), known: true})
	}
	if !l.queue[0].known || !l.queue[1].known || l.queue[2].known || l.queue[2].body != "" || l.bytes != laneMemory {
		t.Errorf("%d bytes are kept", l.bytes)
	}
	l.next(nil)
	l.next(nil)
	l.push(effect{body: "x", known: true})
	if l.bytes != 1 || !l.queue[1].known {
		t.Errorf("%d bytes are kept after those went", l.bytes)
	}
}

func TestJudge(t *testing.T) {
	d, start := newDispatch(nil), time.Now()
	d.avoid[7] = start.Add(time.Second)
	steps := []struct {
		at   time.Duration
		row  ownerRow
		free bool
		dead bool
	}{
		{0, ownerRow{ID: 7}, false, false}, // it could not be carried out here
		{time.Second + 1, ownerRow{ID: 7}, true, false},
		{0, ownerRow{ID: 1, Holder: 1, Beat: 1, Waiting: true}, false, false},
		{outboxLease - 1, ownerRow{ID: 1, Holder: 1, Beat: 1, Waiting: true}, false, false},
		{outboxLease, ownerRow{ID: 1, Holder: 1, Beat: 1, Waiting: true}, false, true},
		{outboxLease, ownerRow{ID: 1, Holder: 1, Beat: 2, Waiting: true}, false, false},        // it lives
		{2*outboxLease - 1, ownerRow{ID: 1, Holder: 1, Beat: 2, Waiting: false}, false, false}, // it had nothing to do
		{2 * outboxLease, ownerRow{ID: 1, Holder: 1, Beat: 2, Waiting: true}, false, false},    // and now it has
		{3*outboxLease - 1, ownerRow{ID: 1, Holder: 1, Beat: 2, Waiting: true}, false, false},  //
		{3 * outboxLease, ownerRow{ID: 1, Holder: 1, Beat: 2, Waiting: true}, false, true},     //
		{outboxGone, ownerRow{ID: 1, Holder: 1, Beat: 3, Waiting: false}, false, false},        //
		{2*outboxGone - 1, ownerRow{ID: 1, Holder: 1, Beat: 3, Waiting: false}, false, false},  //
		{2 * outboxGone, ownerRow{ID: 1, Holder: 1, Beat: 3, Waiting: false}, false, true},     // it has nothing, but is gone
		{2 * outboxGone, ownerRow{ID: 2, Holder: 1, Beat: 4, Waiting: true}, false, false},     // the holder's beat counts
		{3 * outboxGone, ownerRow{ID: 2, Holder: 1, Beat: 4, Waiting: true}, false, true},      //
		{3 * outboxGone, ownerRow{ID: 3, Holder: 2, Beat: 4, Waiting: true}, false, false},     // another one
		{3*outboxGone + 1, ownerRow{ID: 2, Holder: 1, Beat: 4, Waiting: true}, false, false},   // seen anew
	}
	for i, step := range steps {
		free, dead := d.judge([]ownerRow{step.row}, start.Add(step.at))
		if _, isDead := dead[step.row.Holder]; len(free) > 0 != step.free || isDead != step.dead {
			t.Errorf("step %d: free %v, dead %v", i, free, dead)
		}
	}
}
