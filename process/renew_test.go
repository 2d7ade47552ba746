package process_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

// meter is a process whose count goes over a restart on request.
type meter struct {
	*plan
	n int
}

// plan is what all lives of a meter have in common.
type plan struct {
	record
	lives     int
	snapshots int
	failOpen  int // the life whose constructor fails
	snapshot  func(context.Context) error
	restore   func(context.Context) error
	terminate func(context.Context)
}

const theMeter process.Name[meter] = "meter"

func (p *plan) open(context.Context) (*meter, error) {
	if p.lives++; p.lives == p.failOpen {
		return nil, errSour
	}
	return &meter{plan: p}, nil
}

func (m *meter) Add(_ context.Context, by int) error {
	m.n += by
	m.note(strconv.Itoa(m.n))
	return nil
}
func (m *meter) Read(context.Context) (int, error) { return m.n, nil }
func (m *meter) Continue(context.Context) error    { m.note(fmt.Sprint("continue ", m.n)); return nil }
func (m *meter) Terminate(ctx context.Context, r error) {
	m.note(fmt.Sprint("terminate ", r))
	if m.terminate != nil {
		m.terminate(ctx)
	}
}

func (m *meter) Snapshot(ctx context.Context) ([]byte, error) {
	m.snapshots++
	if m.snapshot != nil {
		if err := m.snapshot(ctx); err != nil {
			return nil, err
		}
	}
	return []byte(strconv.Itoa(m.n)), nil
}

func (m *meter) Restore(ctx context.Context, b []byte) (err error) {
	if m.restore != nil {
		if err := m.restore(ctx); err != nil {
			return err
		}
	}
	m.n, err = strconv.Atoi(string(b))
	return err
}

const renewed = "terminate shutdown: restarted on request"

// The state goes over, the mail is kept in order, and the owner does not hear of it.
func TestRestartOnRequest(t *testing.T) {
	for _, owned := range []bool{true, false} {
		t.Run(fmt.Sprint(owned), func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				p := new(plan)
				var to process.Address[meter] = theMeter
				var k *keeper
				if owned {
					k = keep(t, ctx, theMeter, p.open)
				} else {
					to = spawn(t, ctx, p.open)
				}
				_, downs := watch(t, ctx, newBox(t, ctx), to)
				is(t, process.Do(ctx, to, (*meter).Add, 5))
				free := make(chan struct{})
				fling(t, ctx, to, func(context.Context) error { <-free; return nil })
				synctest.Wait()
				for i := range 3 {
					is(t, process.Cast(ctx, to, (*meter).Add, i))
				}
				errs := make(chan error, 2)
				go func() { errs <- process.Restart(ctx, to) }()
				synctest.Wait()
				go func() { errs <- process.Do(ctx, to, (*meter).Add, 10) }()
				synctest.Wait()
				close(free)
				is(t, <-errs)
				is(t, <-errs)
				equal(t, p.all(), "continue 0", "5", renewed, "continue 5", "5", "6", "8", "18")
				i := slotInfo(t, ctx, to)
				if i.Restarts != 1 || i.State != "running" || p.snapshots != 1 || !process.Clean(i.Last) || count(ctx, "process.crashes") != 0 {
					t.Errorf("info %+v, %d snapshots", i, p.snapshots)
				}
				if k != nil {
					equal(t, k.all())
				}
				heard(t, downs, process.Down{Target: to, Reason: process.Shutdown})

				// A crash afterwards has no snapshot to go back to.
				if owned {
					fling(t, ctx, to, func(context.Context) error { return errSour })
					n, err := process.Ask(ctx, to, (*meter).Read)
					is(t, err)
					if n != 0 || p.lives != 3 {
						t.Errorf("%d in life %d after a crash", n, p.lives)
					}
					equal(t, k.all(), "sour")
				}
			})
		})
	}
}

// Where there is no Snapshot the constructor makes the state anew.
func TestRestartWithoutSnapshot(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		lives := 0
		ref := spawn(t, ctx, func(context.Context) (*box, error) { lives++; return &box{new(record)}, nil }, process.Mailbox{Fresh: true})
		is(t, process.Do(ctx, ref, (*box).Note, "x"))
		release := block(t, ctx, ref)
		is(t, process.Cast(ctx, ref, (*box).Note, "kept"))
		errs := make(chan error, 1)
		go func() { errs <- process.Restart(ctx, ref) }()
		synctest.Wait()
		release()
		is(t, <-errs)
		equal(t, notes(t, ctx, ref), "kept") // it is no crash
		if lives != 2 {
			t.Errorf("%d lives, want 2", lives)
		}
		is(t, process.Restart(ctx, process.Name[box]("nobody")), process.ErrNoProcess)
		is(t, do(ctx, ref, func(ctx context.Context) error {
			is(t, process.Restart(ctx, process.Self[box](ctx)), process.ErrCycle)
			return process.Stop(ctx, nil)
		}))
		synctest.Wait()
		is(t, process.Restart(ctx, ref), process.ErrDead)
	})
}

// A Snapshot that fails leaves everything as it is.
func TestSnapshotFails(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := &plan{snapshot: func(context.Context) error { return errSour }}
		keep(t, ctx, theMeter, p.open)
		is(t, process.Do(ctx, theMeter, (*meter).Add, 5))
		is(t, process.Restart(ctx, theMeter), errSour)
		is(t, process.Do(ctx, theMeter, (*meter).Add, 5))
		equal(t, p.all(), "continue 0", "5", "10")
		// One that panics is a crash.
		p.snapshot = func(context.Context) error { panic(errSour) }
		is(t, process.Restart(ctx, theMeter), process.ErrDead, errSour)
		n, err := process.Ask(ctx, theMeter, (*meter).Read)
		is(t, err)
		if n != 0 || p.lives != 2 {
			t.Errorf("%d in life %d", n, p.lives)
		}
	})
}

// A Restore that fails is a failed start: the owner retries it without the snapshot.
func TestRestoreFails(t *testing.T) {
	for name, fail := range map[string]func(*plan){
		"error":       func(p *plan) { p.restore = func(context.Context) error { return errSour } },
		"panic":       func(p *plan) { p.restore = func(context.Context) error { panic(errSour) } },
		"constructor": func(p *plan) { p.failOpen = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				p := new(plan)
				k := keep(t, ctx, theMeter, p.open)
				is(t, process.Do(ctx, theMeter, (*meter).Add, 5))
				fail(p)
				is(t, process.Restart(ctx, theMeter)) // the next has been asked for
				n, err := process.Ask(ctx, theMeter, (*meter).Read)
				is(t, err)
				if n != 0 || p.lives != 3 {
					t.Errorf("%d in life %d, want 0 in life 3", n, p.lives)
				}
				want := "sour"
				if name == "panic" {
					want = "panic: sour"
				}
				equal(t, k.all(), want)

				// Nobody retries this one: it has ended.
				p = new(plan)
				ref := spawn(t, ctx, p.open)
				fail(p)
				is(t, process.Restart(ctx, ref))
				is(t, process.Do(ctx, ref, (*meter).Add, 1), process.ErrDead, errSour)
			})
		})
	}
}

// A stop or a kill that comes while the snapshot is taken, or before the restart, wins.
func TestStopMeetsRestartOnRequest(t *testing.T) {
	roughBubble(t, func(t *testing.T, ctx context.Context, _ func() int64) {
		for _, reason := range []process.Reason{process.Shutdown, errSour, process.Kill} {
			p := new(plan)
			var ref process.Ref[meter]
			p.snapshot = func(context.Context) error { return process.Exit(ctx, ref, reason) }
			ref = spawn(t, ctx, p.open)
			start := time.Now()
			is(t, process.Restart(ctx, ref), process.ErrDead)
			ended, err := process.Wait(ctx, ref)
			is(t, err)
			want := reason
			if reason == process.Kill {
				want = process.Killed
			}
			is(t, ended, want)
			took(t, start, 0)
			if p.lives != 1 || process.Alive(ctx, ref) {
				t.Errorf("%v: %d lives", reason, p.lives)
			}
		}
	})
}

// Many that restart one process: each has its turn, and nothing is lost.
func TestRestartMany(t *testing.T) {
	ctx := processtest.Node(t)
	p := new(plan)
	keep(t, ctx, theMeter, p.open)
	var restarts atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100 {
			switch err := process.Restart(ctx, theMeter); {
			case err == nil:
				restarts.Add(1)
			case !errors.Is(err, process.ErrDead):
				t.Error(err)
			}
		}
	}()
	for i := range 400 {
		if i%2 == 0 {
			is(t, process.Do(ctx, theMeter, (*meter).Add, 1))
		} else {
			is(t, process.Cast(ctx, theMeter, (*meter).Add, 1))
		}
	}
	<-done
	n, err := process.Ask(ctx, theMeter, (*meter).Read)
	is(t, err)
	if n != 400 || p.lives != int(restarts.Load())+1 {
		t.Errorf("%d in %d lives, want 400 in %d", n, p.lives, restarts.Load()+1)
	}
}

// The time limit of a Restart is that of its context.
func TestRestartTimesOut(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := new(plan)
		p.terminate = func(context.Context) {
			if p.lives == 1 {
				time.Sleep(2 * time.Second)
			}
		}
		keep(t, ctx, theMeter, p.open)
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		start := time.Now()
		is(t, process.Restart(short, theMeter), context.DeadlineExceeded)
		took(t, start, time.Second)
		is(t, process.Do(ctx, theMeter, (*meter).Add, 1)) // it goes on all the same
		took(t, start, 2*time.Second)
		_, err := process.State(ctx, theMeter)
		is(t, err)
		is(t, process.Restart(ctx, process.Ref[box]{}), process.ErrNoProcess, fault.Unavailable)
	})
}
