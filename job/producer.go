package job

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/telemetry"
)

// producer begins the jobs of one queue on this node. It claims as many as have a place,
// and none ahead.
type producer struct {
	*engine
	queue string
	wake  chan struct{} // of one: there may be something to do

	mu      sync.Mutex
	most    int // that run at a time
	running int
	paused  bool
}

func newProducer(e *engine, queue string, most int) *producer {
	return &producer{engine: e, queue: queue, most: most, wake: make(chan struct{}, 1)}
}

// rouse makes the producer look for jobs. It never waits.
func (p *producer) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// set changes how many jobs run at a time, and whether any more begin.
func (p *producer) set(most int, paused bool) {
	p.mu.Lock()
	p.most, p.paused = most, paused
	p.mu.Unlock()
	p.rouse()
}

// places is how many more jobs may begin.
func (p *producer) places() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused {
		return 0
	}
	return min(max(p.most-p.running, 0), mostClaimed)
}

// mostClaimed is how many jobs are begun with one statement.
const mostClaimed = 1000

// begun takes a place.
func (p *producer) begun() {
	p.mu.Lock()
	p.running++
	p.mu.Unlock()
}

// ended gives a place back.
func (p *producer) ended() {
	p.mu.Lock()
	waiting := p.running >= p.most
	p.running--
	p.mu.Unlock()
	if waiting {
		p.rouse()
	}
}

// serve begins jobs until ctx ends.
func (p *producer) serve(ctx context.Context) error {
	poll := time.NewTicker(p.poll)
	defer poll.Stop()
	told := true   // of jobs, or that there may be more
	doubt := false // a claim has failed, or it was committed and the answer lost
	for ctx.Err() == nil {
		if !told {
			select {
			case <-p.wake:
			case <-poll.C:
				if !p.look(ctx) {
					continue
				}
			case <-ctx.Done():
				return nil
			}
		}
		if p.places() == 0 || p.completer.full() || p.isFenced() {
			told = false // ended, or the completer, rouses
			continue
		}
		if doubt {
			if err := p.reconcile(ctx); err != nil {
				pause(ctx, claimPause, nil, nil)
				continue
			}
			doubt = false
		}
		jobs, more, err := p.claim(ctx, mostClaimed)
		if err != nil {
			doubt = true
			if ctx.Err() == nil {
				p.count("job.claims.failed", 1)
				telemetry.Log(ctx).Warn("job: no jobs could be begun; trying again", "queue", p.queue, "error", err)
				pause(ctx, claimPause, nil, nil)
			}
			continue
		}
		for i := range jobs {
			p.begin(jobs[i], p)
		}
		told = more
	}
	return nil
}

// claimPause is how long a producer waits that cannot reach the database.
const claimPause = 500 * time.Millisecond

// reconcile gives back jobs of the queue that are this node's, and that nobody works on: the
// answer to their claim was lost.
func (p *producer) reconcile(ctx context.Context) error {
	var all []end
	err := p.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) (err error) {
		all, err = ownedBy(ctx, tx, p.member.owner(), p.queue)
		return err
	})
	if err != nil {
		return err
	}
	p.engine.mu.Lock()
	all = slices.DeleteFunc(all, func(e end) bool { return p.atWork[e.id] != nil })
	p.engine.mu.Unlock()
	unwritten := p.completer.ids() // after that: an attempt leaves when its end is there
	for _, e := range all {
		if unwritten[e.id] {
			continue
		}
		p.count("job.claims.lost", 1)
		e.at = p.now()
		e.runAt = e.at
		p.completer.add(e) // which does nothing if it has been written since
	}
	return nil
}

func (e *engine) isFenced() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.fenced
}

// look is the poll: a Read, that keeps nobody waiting.
func (p *producer) look(ctx context.Context) (found bool) {
	if p.places() == 0 {
		return false
	}
	err := p.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) (err error) {
		found, err = anyAvailable(ctx, tx, p.queue, p.unknowns.condition())
		return err
	})
	return found || err != nil && ctx.Err() == nil
}

// claim makes as many jobs this node's own as have a place and are within their limits, at
// most so many, and reports whether there may be more. The places are counted when the
// transaction runs: more may be free by then.
func (p *producer) claim(ctx context.Context, most int) (jobs []claimed, more bool, err error) {
	owner := p.member.owner()
	write := p.Repo.WriteOne
	if p.limited {
		write = p.write
	}
	err = write(ctx, func(ctx context.Context, tx data.Tx) (err error) {
		n := min(p.places(), most)
		if jobs, err = claim(ctx, tx, p.queue, p.unknowns.condition(), n, owner, p.engine.name, p.now()); err != nil {
			return err
		}
		more = len(jobs) == n
		jobs, err = admit(ctx, tx, jobs, p.defs, p.now())
		return err
	})
	if err != nil {
		return nil, false, err
	}
	p.count("job.claims", 1)
	return jobs, more, nil
}
