package data_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
)

// inBubbles runs a test on both engines, with a clock that does not wait.
func inBubbles(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	datatest.EachURL(t, func(t *testing.T, url string) {
		synctest.Test(t, func(t *testing.T) { test(t, url) })
	})
}

// program is one of several on a database.
type program struct {
	ctx    context.Context
	repo   *data.Repo
	outbox *data.Outbox
	call   data.Outgoing[string]
	h      heard
	fails  atomic.Bool
	stop   func() error
}

// runs makes a program; dead ones have an outbox that carries nothing out and shows no
// sign of life.
func runs(t *testing.T, url string, dead bool) *program {
	t.Helper()
	p := &program{ctx: onNode(t), repo: &data.Repo{URL: url}}
	datatest.Start(t, p.repo)
	p.call = data.Carry("call", func(_ context.Context, s string) error {
		if p.fails.Load() {
			return errors.New("not now")
		}
		p.h.add(s)
		return nil
	})
	p.outbox = &data.Outbox{Repo: p.repo, Carriers: []data.Carrier{p.call}}
	if dead {
		if err := p.outbox.Start(p.ctx); err != nil {
			t.Fatal(err)
		}
		return p
	}
	p.stop = serveOutbox(t, p.ctx, p.outbox)
	return p
}

func (p *program) emit(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		mustEmit(t, p.ctx, p.repo, p.call.Effect(text))
	}
}

func TestEffectsOfTheDeadAreTakenOver(t *testing.T) {
	t.Parallel()
	inBubbles(t, func(t *testing.T, url string) {
		dead := runs(t, url, true)
		alive := runs(t, url, false)
		dead.emit(t, "1", "2", "3")
		time.Sleep(4500 * time.Millisecond)
		alive.h.wants(t)
		alive.emit(t, "own") // which do not wait
		synctest.Wait()
		alive.h.wants(t, "own")
		time.Sleep(3 * time.Second)
		alive.h.wants(t, "own", "1", "2", "3")
		if n := counted(alive.ctx, "data.effects.adopted"); n != 3 {
			t.Errorf("%d adopted", n)
		}

		// What the dead one emits after all is found, too.
		time.Sleep(5 * time.Second)
		dead.emit(t, "4")
		time.Sleep(70 * time.Second)
		alive.h.wants(t, "own", "1", "2", "3", "4")
		dead.h.wants(t)
		if n := stored(t, alive.repo, "bennu_outbox"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// However many see that one is dead, each effect happens once.
func TestOneTakesOver(t *testing.T) {
	t.Parallel()
	inBubbles(t, func(t *testing.T, url string) {
		dead := runs(t, url, true)
		var alive []*program
		for range 4 {
			alive = append(alive, runs(t, url, false))
		}
		var want []string
		for i := range 50 {
			want = append(want, fmt.Sprint(i))
		}
		dead.emit(t, want...)
		time.Sleep(10 * time.Second)
		var busy int
		for _, p := range alive {
			if len(p.h.list()) > 0 {
				p.h.wants(t, want...)
				busy++
			}
		}
		if busy != 1 {
			t.Errorf("%d programs took over", busy)
		}
	})
}

func TestTheLivingKeepTheirEffects(t *testing.T) {
	t.Parallel()
	inBubbles(t, func(t *testing.T, url string) {
		a, b := runs(t, url, false), runs(t, url, false)
		a.fails.Store(true)
		a.emit(t, "1", "2")
		time.Sleep(5 * time.Minute)
		b.h.wants(t)
		a.fails.Store(false)
		time.Sleep(2 * time.Minute)
		a.h.wants(t, "1", "2")
		b.h.wants(t)

		// Nor is idleness a sign of death.
		time.Sleep(15 * time.Minute)
		a.emit(t, "3")
		synctest.Wait()
		a.h.wants(t, "1", "2", "3")
		b.emit(t, "4")
		synctest.Wait()
		b.h.wants(t, "4")
		if n := stored(t, a.repo, "bennu_outbox_owners"); n != 2 {
			t.Errorf("%d owners", n)
		}
	})
}

func TestWhatIsLeftAtTheEndIsTakenOverAtOnce(t *testing.T) {
	t.Parallel()
	inBubbles(t, func(t *testing.T, url string) {
		a, b := runs(t, url, false), runs(t, url, false)
		a.fails.Store(true)
		a.emit(t, "1", "2")
		if err := a.stop(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1100 * time.Millisecond)
		b.h.wants(t, "1", "2")
		time.Sleep(5 * time.Second)
		if n := stored(t, b.repo, "bennu_outbox_owners"); n != 1 {
			t.Errorf("%d owners are left", n)
		}
	})
}

func TestWhoLosesItsEffectsBeginsAnew(t *testing.T) {
	t.Parallel()
	inBubbles(t, func(t *testing.T, url string) {
		a := runs(t, url, false)
		a.fails.Store(true)
		a.emit(t, "1", "2")
		b := runs(t, url, false)

		// Others have taken over, as if a had stood still for a while.
		change(t, a.repo, "UPDATE bennu_outbox_owners SET holder = (SELECT max(id) FROM bennu_outbox_owners o WHERE NOT EXISTS (SELECT 1 FROM bennu_outbox WHERE owner = o.id))")
		a.fails.Store(false)
		time.Sleep(20 * time.Second)
		if all := append(a.h.list(), b.h.list()...); len(all) < 2 { // the one that a had begun may come twice
			t.Errorf("arrived: %q and %q", a.h.list(), b.h.list())
		}
		a.emit(t, "3")
		synctest.Wait()
		if got := a.h.list(); len(got) == 0 || got[len(got)-1] != "3" {
			t.Errorf("after it began anew: %q", got)
		}
		settle(t, a.outbox)
		time.Sleep(5 * time.Second)
		if n := stored(t, a.repo, "bennu_outbox"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// A transaction that runs while others take over.
func TestEffectsOfATransactionThatOutlivesItsOwner(t *testing.T) {
	t.Parallel()
	inBubbles(t, func(t *testing.T, url string) {
		a := runs(t, url, false)
		err := a.repo.Write(a.ctx, func(ctx context.Context, tx data.Tx) error {
			if _, err := tx.NewRaw("DELETE FROM bennu_outbox_owners").Exec(ctx); err != nil {
				return err
			}
			return tx.Emit(ctx, a.call.Effect("1"))
		})
		if err != nil {
			t.Fatal(err)
		}
		settle(t, a.outbox)
		time.Sleep(5 * time.Second)
		a.h.wants(t, "1") // carried out before anybody could know
		err = a.repo.Write(a.ctx, func(ctx context.Context, tx data.Tx) error {
			_, err := tx.NewRaw(`INSERT INTO bennu_outbox (owner, seq, carrier, body, emitted_at) VALUES (7, 1, 'call', '"2"', 0)`).Exec(ctx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(70 * time.Second)
		a.h.wants(t, "1", "2")
	})
}

func TestUnknownCarriersAreLeftToOthers(t *testing.T) {
	t.Parallel()
	inBubbles(t, func(t *testing.T, url string) {
		dead := runs(t, url, true)
		dead.emit(t, "1")
		for i := range 3 {
			change(t, dead.repo, `INSERT INTO bennu_outbox (owner, seq, carrier, body, emitted_at) SELECT owner, ?, 'newer', '"n"', 0 FROM bennu_outbox WHERE carrier = 'call'`, 100+i)
		}
		older := runs(t, url, false)
		time.Sleep(time.Minute)
		older.h.wants(t, "1")
		if n := stored(t, older.repo, "bennu_outbox WHERE carrier = 'newer' AND error IS NULL"); n != 3 {
			t.Errorf("%d rows are left", n)
		}
		ctx := onNode(t)
		var h heard
		newer := data.Carry("newer", func(_ context.Context, s string) error { h.add(s); return nil })
		repo := &data.Repo{URL: url}
		datatest.Start(t, repo)
		serveOutbox(t, ctx, &data.Outbox{Repo: repo, Carriers: []data.Carrier{newer}})
		time.Sleep(2 * time.Second)
		h.wants(t, "n", "n", "n")
	})
}

func TestTheDeadWithNothingLeftAreForgotten(t *testing.T) {
	t.Parallel()
	inBubbles(t, func(t *testing.T, url string) {
		for range 3 {
			runs(t, url, true)
		}
		alive := runs(t, url, false)
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{9 * time.Minute, 4}, {2 * time.Minute, 1}} {
			time.Sleep(step.after)
			if n := stored(t, alive.repo, "bennu_outbox_owners"); n != step.want {
				t.Errorf("%d owners, want %d", n, step.want)
			}
		}
	})
}

// A large backlog is taken over page by page.
func TestLargeBacklog(t *testing.T) {
	t.Parallel()
	inBubbles(t, func(t *testing.T, url string) {
		dead := runs(t, url, true)
		const n = 2_100
		var effects []data.Effect
		var want []string
		for i := range n {
			effects = append(effects, dead.call.Effect(fmt.Sprint(i)))
			want = append(want, fmt.Sprint(i))
		}
		mustEmit(t, dead.ctx, dead.repo, effects...)
		alive := runs(t, url, false)
		time.Sleep(7500 * time.Millisecond) // it does not wait between pages
		alive.h.wants(t, want...)
	})
}

func TestTheDatabaseIsAwayForAWhile(t *testing.T) {
	t.Parallel()
	inBubbles(t, func(t *testing.T, url string) {
		ctx := onNode(t)
		repo := &data.Repo{URL: url}
		stop := serve(t, repo)
		var h heard
		call := data.Carry("call", func(_ context.Context, s string) error {
			h.add(s)
			time.Sleep(10 * time.Second)
			return nil
		})
		outbox := &data.Outbox{Repo: repo, Carriers: []data.Carrier{call}}
		serveOutbox(t, ctx, outbox)
		mustEmit(t, ctx, repo, call.Effect("1"))
		mustEmit(t, ctx, repo, call.Effect("2"))
		synctest.Wait()
		stop()
		time.Sleep(time.Minute)
		h.wants(t, "1") // whether somebody else took over cannot be known
		serve(t, repo)
		settle(t, outbox)
		h.wants(t, "1", "2")
		if n := stored(t, repo, "bennu_outbox"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}
