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
	busy, idle := ownerRow{ID: 1, Holder: 1, Beat: 1, Waiting: true}, ownerRow{ID: 1, Holder: 1, Beat: 1}
	other := ownerRow{ID: 2, Holder: 1, Beat: 1, Waiting: true}
	next := func(o ownerRow) ownerRow { o.Beat++; return o }
	steps := []struct {
		what  string
		rows  []ownerRow
		after time.Duration // for which it is so
		free  bool
		dead  bool
	}{
		{"it could not be carried out here", []ownerRow{{ID: 7}}, outboxAvoid, false, false},
		{"and may be again", []ownerRow{{ID: 7}}, time.Second, true, false},
		{"something to do", []ownerRow{busy}, outboxLease - 1, false, false},
		{"for a lease", []ownerRow{busy}, 1, false, true},
		{"it lives", []ownerRow{next(busy)}, outboxLease - 1, false, false},
		{"it had nothing to do", []ownerRow{next(idle)}, 1, false, false},
		{"and now it has", []ownerRow{next(busy)}, outboxLease - 1, false, false},
		{"for a lease again", []ownerRow{next(busy)}, 1, false, true},
		{"nothing to do", []ownerRow{idle}, outboxGone - 1, false, false},
		{"for long", []ownerRow{idle}, 1, false, true},
		{"nobody", nil, 0, false, false},
		{"the holder of others", []ownerRow{idle, other}, outboxLease - 1, false, false},
		{"that wait for a lease", []ownerRow{idle, other}, 1, false, true},
		{"the holder's beat counts", []ownerRow{next(idle), next(other)}, 0, false, false},
		{"another holder", []ownerRow{{ID: 1, Holder: 2, Beat: 2, Waiting: true}}, outboxLease - 1, false, false},
		{"seen anew", []ownerRow{busy}, outboxLease - 1, false, false},
	}
	synctest.Test(t, func(t *testing.T) {
		d := newDispatch(nil)
		d.avoid[7] = time.Now().Add(outboxAvoid)
		for _, step := range steps {
			free, dead := d.judge(step.rows)
			for left := step.after; left > 0; left -= time.Second {
				time.Sleep(min(left, time.Second))
				free, dead = d.judge(step.rows)
			}
			if len(free) > 0 != step.free || len(dead) > 0 != step.dead {
				t.Errorf("%s: free %v, dead %v", step.what, free, dead)
			}
		}
	})
}
