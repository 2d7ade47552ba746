package job

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/internal/alive"
	"github.com/bennu-go/bennu/telemetry"
)

// member is this node among those that share the database.
//
// A node lives as long as it raises a counter of its own (see package alive). One that could
// not for four fifths of the lease ends its jobs, so that they have ended when they begin
// elsewhere.
type member struct {
	*engine
	nodes    alive.Watch // on the others
	beatLock sync.Mutex  // held while a beat is under way

	mu       sync.Mutex
	id       int64
	lead     chan struct{} // closed while this node leads
	isLeader bool
	alarm    *time.Timer // fences
	gone     bool
}

func newMember(e *engine) *member {
	return &member{engine: e, nodes: alive.Watch{Lease: e.lease}, lead: make(chan struct{})}
}

// owner is the number of this node. It changes when the node had been taken for dead.
func (m *member) owner() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.id
}

func (m *member) leading() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lead
}

func (m *member) leads() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.isLeader
}

func (m *member) every() time.Duration { return alive.Beat(m.lease) }

// join makes the node known.
func (m *member) join(ctx context.Context) error {
	if err := m.enroll(ctx); err != nil {
		return err
	}
	return m.beat(ctx)
}

// enroll takes a new number for the node.
func (m *member) enroll(ctx context.Context) error {
	var began time.Time
	id, err := m.nodes.Enroll(m.Repo.File(), func(id int64) error {
		return m.Repo.Write(data.Urgent(ctx), func(ctx context.Context, tx data.Tx) error {
			began = time.Now()
			_, err := exec(ctx, tx, "INSERT INTO bennu_job_nodes (id, name, beat) VALUES (", id, ", ", text(m.name), ", 1)")
			return err
		})
	})
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.id = id
	m.mu.Unlock()
	m.alive(began)
	return nil
}

// alive puts off the fence: the node has given a sign of life at that time.
func (m *member) alive(at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	left := time.Until(at.Add(alive.Sure(m.lease)))
	if m.gone || left <= 0 {
		return
	}
	if m.alarm == nil {
		m.alarm = time.AfterFunc(left, m.late)
	} else {
		m.alarm.Reset(left)
	}
}

// late fences, for there was no sign of life in time. While a long Write of this program
// holds SQLite's lock it waits: nobody can take the node for dead, and the sign is next.
func (m *member) late() {
	m.mu.Lock()
	waits := !m.gone && m.Repo.Stats().Held >= m.every()
	if waits {
		m.alarm.Reset(m.every())
	}
	m.mu.Unlock()
	if !waits {
		m.fence()
	}
}

// serve gives signs of life, and leads where nobody else does.
func (m *member) serve(ctx context.Context) error {
	beats := time.NewTicker(m.every())
	defer beats.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-beats.C:
		}
		if err := m.beat(ctx); err != nil && ctx.Err() == nil {
			m.count("job.beats.failed", 1)
			telemetry.Log(ctx).Warn("job: the node could not give a sign of life", "error", err)
		}
	}
}

// beat gives a sign of life, and looks at those of the others.
func (m *member) beat(ctx context.Context) error {
	m.beatLock.Lock()
	defer m.beatLock.Unlock()
	ctx, cancel := context.WithTimeout(ctx, m.lease)
	defer cancel()
	var began time.Time
	id := m.owner()
	there := false
	var leader int64
	err := m.Repo.Write(data.Urgent(ctx), func(ctx context.Context, tx data.Tx) error {
		began = time.Now()
		n, err := exec(ctx, tx, "UPDATE bennu_job_nodes SET beat = beat + 1 WHERE id = ", id)
		if err != nil || n == 0 {
			return err
		}
		there = true
		leader, err = m.elect(ctx, tx, id)
		return err
	})
	switch {
	case err != nil:
		return err
	case !there:
		return m.rejoin(ctx)
	}
	m.setLead(leader == id)
	m.alive(began)
	m.unfenceIf()
	return nil
}

// rejoin begins anew as another node: this one was taken for dead, and its jobs are not its
// own any more.
func (m *member) rejoin(ctx context.Context) error {
	m.setLead(false)
	m.fence()
	if !m.emptyIn(m.lease) {
		return nil // functions that do not end; at the next beat
	}
	if err := m.enroll(ctx); err != nil {
		return err
	}
	telemetry.Log(ctx).Warn("job: the node was taken for dead, and takes part again")
	m.unfenceIf()
	return nil
}

// unfenceIf lets jobs begin again when those that the fence ended are gone.
func (m *member) unfenceIf() {
	m.engine.mu.Lock()
	again := m.fenced && len(m.atWork) == 0
	m.engine.mu.Unlock()
	if again {
		m.unfence()
	}
}

// elect looks at the other nodes, and gives the leader: the one there is, if it lives, else
// this node.
func (m *member) elect(ctx context.Context, tx data.Tx, id int64) (int64, error) {
	nodes := make(map[int64]int64)
	err := query(ctx, tx, statement("SELECT id, beat FROM bennu_job_nodes WHERE id <> ", id), func(r *sql.Rows) error {
		var id, beat int64
		err := r.Scan(&id, &beat)
		nodes[id] = beat
		return err
	})
	if err != nil {
		return 0, err
	}
	m.nodes.Look(nodes)
	var leader int64
	err = query(ctx, tx, "SELECT owner FROM bennu_job_leader", func(r *sql.Rows) error { return r.Scan(&leader) })
	if err != nil {
		return 0, err
	}
	_, listed := nodes[leader]
	if _, isDead := m.nodes.Dead()[leader]; leader == id || listed && !isDead {
		return leader, nil
	}
	var n int64
	if leader == 0 {
		n, err = exec(ctx, tx, "INSERT INTO bennu_job_leader (one, owner) VALUES (1, ", id, ") ON CONFLICT (one) DO NOTHING")
	} else {
		n, err = exec(ctx, tx, "UPDATE bennu_job_leader SET owner = ", id, " WHERE owner = ", leader)
	}
	if n == 0 {
		return 0, err // another was faster
	}
	return id, err
}

// forget takes a node out, if it has not given a sign of life after all.
func forget(ctx context.Context, tx data.Tx, id, beat int64) error {
	_, err := exec(ctx, tx, "DELETE FROM bennu_job_nodes WHERE id = ", id, " AND beat = ", beat)
	return err
}

// anyOrphans reports whether a job runs whose node is not there.
func anyOrphans(ctx context.Context, tx data.Tx) (bool, error) {
	return exists(ctx, tx, "SELECT 1 FROM bennu_jobs WHERE state = 1 AND owner NOT IN (SELECT id FROM bennu_job_nodes) LIMIT 1")
}

func (m *member) setLead(lead bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isLeader == lead {
		return
	}
	if m.isLeader = lead; lead {
		close(m.lead)
	} else {
		m.lead = make(chan struct{})
	}
}

// quit takes leave: the jobs that are still this node's begin elsewhere at once.
func (m *member) quit() {
	m.mu.Lock()
	m.gone = true
	if m.alarm != nil {
		m.alarm.Stop()
	}
	id := m.id
	m.mu.Unlock()
	m.setLead(false)
	if id == 0 {
		return
	}
	defer m.nodes.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.engine.ctx), lastWait)
	defer cancel()
	err := m.Repo.Write(data.Urgent(ctx), func(ctx context.Context, tx data.Tx) error {
		if _, err := exec(ctx, tx, "DELETE FROM bennu_job_leader WHERE owner = ", id); err != nil {
			return err
		}
		if _, err := exec(ctx, tx, "UPDATE bennu_jobs SET state = 0, attempt = attempt - 1, unique_key = CASE WHEN unique_states & 1 <> 0 THEN unique_key END WHERE cancel IS NULL AND state = 1 AND owner = ", id); err != nil {
			return err
		}
		_, err := exec(ctx, tx, "DELETE FROM bennu_job_nodes WHERE id = ", id)
		return err
	})
	if err != nil {
		telemetry.Log(ctx).Warn("job: the node could not take its leave; its jobs begin elsewhere when it is taken for dead", "error", err)
	}
}
