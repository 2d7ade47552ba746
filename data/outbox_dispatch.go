package data

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/alive"
	"github.com/bennu-go/bennu/telemetry"
)

// dispatch is what an outbox has from Start to the end of Serve.
//
// Each program that emits is an owner, by a random number that it takes at Start, and its
// effects have numbers of its own: rows are never changed, only deleted. Who carries out the
// effects of an owner is its holder: at first itself. A holder that has something to do
// raises its beat; when others see that it has something to do and its beat stands still
// (see package alive), one of them becomes the holder of all that it held.
type dispatch struct {
	repo     *Repo
	carriers map[string]Carrier
	lanes    map[string]*lane // of each carrier
	topics   *lane
	wake     chan struct{} // there is something to delete, or somebody is not sure

	mu        sync.Mutex
	me        int64              // which owner this is; another one after others took over
	lapsed    bool               // others took over, and there is no other one yet
	seq       int64              // of the effect that was emitted last
	held      map[int64]*holding // by owner
	left      int                // effects that are held
	done      []outcome          // to be deleted
	confirmed time.Time          // when this was last known to be its own holder
	changed   chan struct{}      // closed, and another one made, with every change of the above
	orphans   bool               // there may be rows of an owner that nobody knows

	// Of the goroutine of serve:
	busy    alive.Watch         // on the other holders that have something to do
	all     alive.Watch         // on all of them: who is idle has a longer lease
	avoid   map[int64]time.Time // owners whose effects cannot be carried out here, until when
	looked  time.Time           // for orphans
	warned  map[string]bool     // carriers that are missing here
	beat    time.Time           // when the own one was last raised
	stumble bool                // the last attempt to delete failed
}

// holding is an owner's effects that are in memory. It is dropped as a whole when others
// took over.
type holding struct {
	owner int64
	left  int
	lost  bool // others took over
}

// effect is a row of the outbox that is to be carried out.
type effect struct {
	of      *holding
	seq     int64
	carrier Carrier
	body    string
	known   bool // body is here; else it is read when its turn comes
}

// outcome is an effect that was carried out, or that never can be.
type outcome struct {
	effect
	refused string
}

func newDispatch(repo *Repo) *dispatch {
	d := &dispatch{
		repo: repo, carriers: make(map[string]Carrier), lanes: make(map[string]*lane), wake: make(chan struct{}, 1),
		held: make(map[int64]*holding), changed: make(chan struct{}),
		busy: alive.Watch{Lease: outboxLease}, all: alive.Watch{Lease: outboxGone},
		avoid: make(map[int64]time.Time), warned: make(map[string]bool),
	}
	d.topics = newLane(d)
	return d
}

// add makes a lane for a carrier. Topics, which never wait for anybody, share one.
func (d *dispatch) add(c Carrier) error {
	switch {
	case c == nil:
		return fault.Invalid.Errorf("a carrier of the outbox is nil")
	case c.name() == "", c.name() == topicPrefix:
		return fault.Invalid.Errorf("a carrier of the outbox has no name")
	case d.carriers[c.name()] != nil:
		return fault.Invalid.Errorf("the outbox has two carriers called %q", c.name())
	}
	_, isTopic := c.(interface{ isTopic() })
	if isTopic != strings.HasPrefix(c.name(), topicPrefix) {
		return fault.Invalid.Errorf("the carrier %q is called like a topic: choose another name", c.name())
	}
	d.carriers[c.name()] = c
	d.lanes[c.name()] = d.topics
	if !isTopic {
		d.lanes[c.name()] = newLane(d)
	}
	return nil
}

// post writes letters into a transaction, and has them carried out when it commits.
func (d *dispatch) post(ctx context.Context, tx Tx, letters []letter) error {
	rows := make([]outboxRow, len(letters))
	for i, l := range letters {
		if d.carriers[l.carrier] == nil {
			return fault.Internal.Errorf("data: the outbox does not know %q: list its data.Topic or data.Carry in Outbox.Carriers", l.carrier)
		}
		body, err := l.body()
		if err != nil {
			return err
		}
		rows[i] = outboxRow{Carrier: l.carrier, Body: body}
	}
	emitted := time.Now()
	d.mu.Lock()
	owner := d.me
	for i := range rows {
		d.seq++
		rows[i].Seq = d.seq
	}
	d.mu.Unlock()
	if err := insertEffects(ctx, tx, owner, emitted, rows); err != nil {
		return err
	}
	tx.OnCommit(func() { d.committed(owner, emitted, rows) })
	return nil
}

// committed takes effects of this program over from a transaction.
func (d *dispatch) committed(owner int64, emitted time.Time, rows []outboxRow) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if owner != d.me || d.lapsed { // others took over while the transaction ran, and may have missed it
		d.orphans = true
		return
	}
	if !d.isBusy() && emitted.After(d.confirmed) {
		d.confirmed = emitted // nobody can have seen anything to take over before
	}
	d.hold(owner, rows, true)
}

// hold queues effects. d.mu is held.
func (d *dispatch) hold(owner int64, rows []outboxRow, known bool) {
	of := d.held[owner]
	if of == nil {
		of = &holding{owner: owner}
		d.held[owner] = of
	}
	of.left += len(rows)
	d.left += len(rows)
	for _, row := range rows {
		d.lanes[row.Carrier].push(effect{of: of, seq: row.Seq, carrier: d.carriers[row.Carrier], body: row.Body, known: known})
	}
}

// finish notes what became of an effect.
func (d *dispatch) finish(o outcome) {
	o.body = "" // it may be long until the row is deleted
	d.mu.Lock()
	d.done = append(d.done, o)
	d.mu.Unlock()
	d.poke()
}

func (d *dispatch) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// tell wakes who waits for a change. d.mu is held.
func (d *dispatch) tell() {
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *dispatch) state() (left int, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.left, d.changed
}

// sure waits until nobody else can have taken over an effect. It reports false when somebody
// has, or when stop is closed.
func (d *dispatch) sure(e effect, stop <-chan struct{}) bool {
	for {
		d.mu.Lock()
		lost, isSure, changed := e.of.lost, time.Since(d.confirmed) < alive.Sure(outboxLease), d.changed
		d.mu.Unlock()
		if lost || isSure {
			return !lost
		}
		d.poke()
		select {
		case <-changed:
		case <-stop:
			return false
		}
	}
}

// serve runs the lanes, deletes what is done, and looks after other programs.
func (d *dispatch) serve(ctx context.Context) error {
	running, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var lanes sync.WaitGroup
	broken := make(chan struct{}, len(d.carriers)+1)
	all := map[*lane]bool{}
	for _, l := range d.lanes {
		all[l] = true
	}
	stop := make(chan struct{})
	for l := range all {
		lanes.Go(func() {
			whole := false
			defer func() {
				if !whole { // somebody called runtime.Goexit
					broken <- struct{}{}
				}
			}()
			l.run(running, stop)
			whole = true
		})
	}
	err := d.loop(ctx, broken)
	close(stop)
	last := time.AfterFunc(outboxLast, cut)
	lanes.Wait()
	last.Stop()
	d.leave(ctx)
	return err
}

func (d *dispatch) loop(ctx context.Context, broken <-chan struct{}) error {
	tick := time.NewTicker(alive.Beat(outboxLease))
	defer tick.Stop()
	linger := time.NewTimer(outboxLinger)
	defer linger.Stop()
	wake := d.wake
	err := d.attempt(ctx, d.sweep)
	for err == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-broken:
			return fault.Internal.Errorf("data: a carrier of the outbox ended its goroutine: it must return")
		case <-wake:
			wake = nil
			linger.Reset(outboxLinger)
			if !d.stumble { // else it is tried at the next tick
				err = d.attempt(ctx, d.fetch)
			}
		case <-linger.C:
			wake = d.wake
		case <-tick.C:
			err = d.attempt(ctx, d.sweep)
		}
	}
	return err
}

// attempt flushes and goes on to the next step. The database may be away for a while; it gives
// an error where that makes no sense: where the tables are gone, say, which Start makes.
func (d *dispatch) attempt(ctx context.Context, next func(context.Context) error) error {
	err := d.flush(ctx)
	if err == nil {
		err = next(ctx)
	}
	if ctx.Err() != nil {
		return nil
	}
	if d.stumble = err != nil; !d.stumble || fault.Of(err) == fault.Internal {
		return err
	}
	telemetry.Log(ctx).Warn("the outbox cannot use the database; it goes on trying", "error", err)
	return nil
}

// flush deletes what is done, and raises the beat if there was something to do.
func (d *dispatch) flush(ctx context.Context) error {
	d.mu.Lock()
	me, done, idle := d.me, d.done, d.lapsed || !d.isBusy()
	d.done = nil
	d.mu.Unlock()
	now := time.Now()
	if idle && len(done) == 0 && now.Sub(d.beat) < outboxIdleBeat {
		return nil
	}
	ours, err := d.settle(ctx, me, done)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.done = append(done, d.done...)
		return err
	}
	defer d.tell()
	d.beat = now
	for _, o := range done {
		if !o.of.lost {
			o.of.left--
			d.left--
		}
	}
	if ours {
		d.confirmed = now
		return nil
	}
	d.drop()
	return nil
}

// drop forgets everything: others took over. d.mu is held.
func (d *dispatch) drop() {
	for _, of := range d.held {
		of.lost = true
	}
	clear(d.held)
	d.left = 0
	for _, l := range d.lanes {
		l.clear()
	}
	d.lapsed, d.orphans = true, true
}

// isBusy reports whether others can see something to do here. d.mu is held.
func (d *dispatch) isBusy() bool { return d.left > 0 || len(d.held) > 1 }

// sweep looks for effects that nobody carries out any more.
func (d *dispatch) sweep(ctx context.Context) error {
	d.mu.Lock()
	me, lapsed := d.me, d.lapsed
	if d.orphans {
		d.looked, d.orphans = time.Time{}, false
	}
	d.mu.Unlock()
	if lapsed {
		telemetry.Log(ctx).Warn("the outbox could not show for too long that it is alive; others have taken over, and it begins anew")
		return d.register(ctx)
	}
	if now := time.Now(); now.Sub(d.looked) >= outboxOrphans {
		if err := d.adoptOrphans(ctx); err != nil {
			return err
		}
		d.looked = now
	}
	if err := d.watch(ctx, me); err != nil {
		return err
	}
	return d.fetch(ctx)
}

// names are the carriers that there are here.
func (d *dispatch) names() []string { return slices.Sorted(maps.Keys(d.carriers)) }

// leave gives back what is held, so that the next one need not wait.
func (d *dispatch) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := d.flush(ctx)
	if err == nil {
		err = d.release(ctx)
	}
	if err != nil {
		telemetry.Log(ctx).Warn("the outbox could not record what it did last; it may happen again", "error", err)
	}
	d.all.Close()
}
