package data

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/bennu-go/bennu/telemetry"
)

// All SQL of the outbox. Every statement takes the same on all engines.

// outboxRow is an effect as it is stored.
type outboxRow struct {
	Seq     int64
	Carrier string
	Body    string
}

// ownerRow is an owner, and what others see of its holder.
type ownerRow struct {
	ID      int64
	Holder  int64 // 0: nobody
	Beat    int64 // of the holder
	Waiting bool  // there are effects to be carried out
}

const (
	insertChunk = 200
	deleteChunk = 500
)

//go:embed migrations/outbox/*.sql
var outboxTables embed.FS

// OutboxTables are the tables of [Outbox], for [Repo.Parts].
func OutboxTables() Part { return Part{"outbox", outboxTables} }

// open brings the tables up to date, and makes an owner of this program.
func (d *dispatch) open(ctx context.Context) error {
	if err := d.repo.Migrate(ctx, "outbox", outboxTables); err != nil {
		return err
	}
	return d.register(ctx)
}

// register begins as a new owner.
func (d *dispatch) register(ctx context.Context) error {
	now := time.Now()
	me, err := d.all.Enroll(d.repo.File(), func(me int64) error {
		return d.repo.Write(ctx, func(ctx context.Context, tx Tx) error {
			_, err := tx.NewRaw(`INSERT INTO bennu_outbox_owners (id, holder, beat) VALUES (?, ?, 0)`, me, me).Exec(ctx)
			return err
		})
	})
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.me, d.lapsed, d.confirmed, d.beat = me, false, now, now
	d.held[me] = &holding{owner: me}
	d.tell()
	return nil
}

// release gives everything back.
func (d *dispatch) release(ctx context.Context) error {
	return d.repo.Write(ctx, func(ctx context.Context, tx Tx) error {
		_, err := tx.NewRaw(`UPDATE bennu_outbox_owners SET holder = 0 WHERE holder = ?`, d.me).Exec(ctx)
		return err
	})
}

func insertEffects(ctx context.Context, tx Tx, owner int64, emitted time.Time, rows []outboxRow) error {
	at := emitted.UnixMicro()
	for chunk := range slices.Chunk(rows, insertChunk) {
		q := []byte(`INSERT INTO bennu_outbox (owner, seq, carrier, body, emitted_at) VALUES `)
		args := make([]any, 0, 5*len(chunk))
		for i, row := range chunk {
			if i > 0 {
				q = append(q, ", "...)
			}
			q = append(q, "(?, ?, ?, ?, ?)"...)
			args = append(args, owner, row.Seq, row.Carrier, row.Body, at)
		}
		if _, err := tx.NewRaw(string(q), args...).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// settle records what became of effects, and raises the beat. It reports whether this
// program still holds what is its own.
func (d *dispatch) settle(ctx context.Context, me int64, done []outcome) (ours bool, err error) {
	gone := make(map[int64][]int64)
	var refused []outcome
	for _, o := range done {
		if o.refused != "" {
			refused = append(refused, o)
			continue
		}
		gone[o.of.owner] = append(gone[o.of.owner], o.seq)
	}
	err = d.repo.Write(ctx, func(ctx context.Context, tx Tx) error {
		if ours, err = beat(ctx, tx, me); err != nil {
			return err
		}
		for owner, seqs := range gone {
			for chunk := range slices.Chunk(seqs, deleteChunk) {
				if _, err := tx.NewRaw(`DELETE FROM bennu_outbox WHERE owner = ? AND seq IN (?)`, owner, bun.List(chunk)).Exec(ctx); err != nil {
					return err
				}
			}
		}
		for _, o := range refused {
			if _, err := tx.NewRaw(`UPDATE bennu_outbox SET error = ? WHERE owner = ? AND seq = ?`, o.refused, o.of.owner, o.seq).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	return ours, err
}

// beat shows that this program lives, unless others have taken over.
func beat(ctx context.Context, tx Tx, me int64) (bool, error) {
	return changes(tx.NewRaw(`UPDATE bennu_outbox_owners SET beat = beat + 1 WHERE id = ? AND holder = ?`, me, me).Exec(ctx))
}

func changes(res sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// body reads an effect that is not in memory, or gives "" where it is gone.
func (d *dispatch) body(ctx context.Context, e effect) (body string, err error) {
	err = d.repo.Read(ctx, func(ctx context.Context, tx Tx) error {
		err := tx.NewRaw(`SELECT body FROM bennu_outbox WHERE owner = ? AND seq = ?`, e.of.owner, e.seq).Scan(ctx, &body)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return body, err
}

// adoptOrphans makes known the owners of rows of which there is no trace: of transactions
// that were still running when their program was given up.
func (d *dispatch) adoptOrphans(ctx context.Context) error {
	const unknown = `FROM bennu_outbox WHERE error IS NULL AND owner NOT IN (SELECT id FROM bennu_outbox_owners)`
	var owners []int64
	err := d.repo.Read(ctx, func(ctx context.Context, tx Tx) error {
		return tx.NewRaw(`SELECT DISTINCT owner `+unknown).Scan(ctx, &owners)
	})
	if err != nil || len(owners) == 0 {
		return err
	}
	return d.repo.Write(ctx, func(ctx context.Context, tx Tx) error {
		_, err := tx.NewRaw(`INSERT INTO bennu_outbox_owners (id, holder, beat) SELECT DISTINCT owner, 0, 0 ` + unknown + ` ON CONFLICT (id) DO NOTHING`).Exec(ctx)
		return err
	})
}

// watch looks at the other holders, and takes over what nobody looks after any more.
func (d *dispatch) watch(ctx context.Context, me int64) error {
	var all []ownerRow
	err := d.repo.Read(ctx, func(ctx context.Context, tx Tx) error {
		return tx.NewRaw(`SELECT o.id, o.holder, COALESCE(h.beat, -1) AS beat,
				EXISTS (SELECT 1 FROM bennu_outbox e WHERE e.owner = o.id AND e.error IS NULL) AS waiting
			FROM bennu_outbox_owners o LEFT JOIN bennu_outbox_owners h ON h.id = o.holder
			WHERE o.holder <> ?`, me).Scan(ctx, &all)
	})
	if err != nil {
		return err
	}
	free, dead := d.judge(all)
	if len(free) > 0 {
		if err := d.take(ctx, me, func(ctx context.Context, tx Tx) error {
			_, err := tx.NewRaw(`UPDATE bennu_outbox_owners SET holder = ? WHERE holder = 0 AND id IN (?)`, me, bun.List(free)).Exec(ctx)
			return err
		}); err != nil {
			return err
		}
	}
	for holder, beat := range dead {
		if err := d.take(ctx, me, func(ctx context.Context, tx Tx) error {
			// Its own row first: if it lives after all, or somebody else was faster, nothing happens.
			first, err := changes(tx.NewRaw(`UPDATE bennu_outbox_owners SET holder = ? WHERE id = ? AND holder = ? AND beat = ?`, me, holder, holder, beat).Exec(ctx))
			if err != nil || !first {
				return err
			}
			_, err = tx.NewRaw(`UPDATE bennu_outbox_owners SET holder = ? WHERE holder = ?`, me, holder).Exec(ctx)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// judge says which owners nobody holds, and which holders are dead, with their last beat.
func (d *dispatch) judge(all []ownerRow) (free []int64, dead map[int64]int64) {
	holders, busy := make(map[int64]int64), make(map[int64]int64)
	for _, o := range all {
		if o.Holder == 0 {
			if time.Now().After(d.avoid[o.ID]) {
				delete(d.avoid, o.ID)
				free = append(free, o.ID)
			}
			continue
		}
		if holders[o.Holder] = o.Beat; o.Waiting {
			busy[o.Holder] = o.Beat
		}
	}
	d.busy.Look(busy)
	d.all.Look(holders)
	dead = d.all.Dead()
	maps.Copy(dead, d.busy.Dead())
	return free, dead
}

// take runs fn in a transaction, unless this program does not even hold what is its own.
func (d *dispatch) take(ctx context.Context, me int64, fn func(context.Context, Tx) error) error {
	var mine []int64
	err := d.repo.Write(ctx, func(ctx context.Context, tx Tx) error {
		ours, err := beat(ctx, tx, me)
		if err != nil || !ours {
			return err
		}
		if err := fn(ctx, tx); err != nil {
			return err
		}
		return tx.NewRaw(`SELECT id FROM bennu_outbox_owners WHERE holder = ?`, me).Scan(ctx, &mine)
	})
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, owner := range mine {
		if d.held[owner] == nil {
			d.held[owner] = &holding{owner: owner}
		}
	}
	return nil
}

// fetch takes up the effects of other owners that are held, and lets go of those owners
// that have none.
func (d *dispatch) fetch(ctx context.Context) error {
	var empty []int64
	d.mu.Lock()
	me := d.me
	for owner, of := range d.held {
		if owner != me && of.left == 0 {
			empty = append(empty, owner)
		}
	}
	d.mu.Unlock()
	for _, owner := range empty {
		var rows []outboxRow
		err := d.repo.Read(ctx, func(ctx context.Context, tx Tx) error {
			return tx.NewRaw(`SELECT seq, carrier, '' AS body FROM bennu_outbox
				WHERE owner = ? AND error IS NULL AND carrier IN (?) ORDER BY seq LIMIT ?`, owner, bun.List(d.names()), outboxPage).Scan(ctx, &rows)
		})
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			if err := d.letGo(ctx, me, owner); err != nil {
				return err
			}
			continue
		}
		telemetry.Count(ctx, "data.effects.adopted", int64(len(rows)))
		telemetry.Log(ctx).Info("the outbox takes over effects that another program, or an earlier run, left", "effects", len(rows))
		d.mu.Lock()
		d.hold(owner, rows, false)
		d.mu.Unlock()
	}
	return nil
}

// letGo forgets an owner that has no effects, or leaves those that cannot be carried out
// here to others.
func (d *dispatch) letGo(ctx context.Context, me, owner int64) error {
	var missing []string
	err := d.repo.Write(ctx, func(ctx context.Context, tx Tx) error {
		gone, err := changes(tx.NewRaw(`DELETE FROM bennu_outbox_owners WHERE id = ? AND holder = ?
			AND NOT EXISTS (SELECT 1 FROM bennu_outbox WHERE owner = ? AND error IS NULL)`, owner, me, owner).Exec(ctx))
		if err != nil || gone {
			return err
		}
		if err := tx.NewRaw(`SELECT DISTINCT carrier FROM bennu_outbox WHERE owner = ? AND error IS NULL`, owner).Scan(ctx, &missing); err != nil {
			return err
		}
		_, err = tx.NewRaw(`UPDATE bennu_outbox_owners SET holder = 0 WHERE id = ? AND holder = ?`, owner, me).Exec(ctx)
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range missing {
		if d.carriers[name] != nil { // emitted just now
			continue
		}
		d.avoid[owner] = time.Now().Add(outboxAvoid)
		if !d.warned[name] {
			d.warned[name] = true
			telemetry.Log(ctx).Warn("effects are left to others, because the outbox here does not know their carrier: list it in Outbox.Carriers", "carrier", name)
		}
	}
	d.mu.Lock()
	delete(d.held, owner)
	d.mu.Unlock()
	return nil
}
