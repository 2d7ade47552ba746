package data

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
)

// recorder is a connection that notes the statements it runs.
type recorder struct {
	conn
	all []string
}

func (r *recorder) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	r.note(query)
	return r.conn.ExecContext(ctx, query, args...)
}

func (r *recorder) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	r.note(query)
	return r.conn.QueryContext(ctx, query, args...)
}

func (r *recorder) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	r.note(query)
	return r.conn.QueryRowContext(ctx, query, args...)
}

func (r *recorder) note(query string) {
	if !strings.HasSuffix(query, "SAVEPOINT bennu") { // ours, of a Write inside
		r.all = append(r.all, strings.TrimSpace(query)+";\n")
	}
}

// recorded is the same action, which leaves its statements in the recorder.
func (a action) recorded() (action, *recorder) {
	rec, run := &recorder{}, a.run
	a.run = func(ctx context.Context, tx Tx) error {
		rec.conn = tx.f.conn
		tx.f.conn = rec
		defer func() { tx.f.conn = rec.conn }()
		return run(ctx, tx)
	}
	return a, rec
}

var errDry = errors.New("data: a dry run is rolled back")

// dryRun does in one transaction what would be done in many, prints it, and rolls it back.
func (m *migrator) dryRun(ctx context.Context, sets []migrationSet, number int64, out io.Writer) error {
	err := m.inTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := m.prepare(ctx, tx); err != nil {
			return err
		}
		if m.engine == Postgres { // a dry run is not worth that others wait behind it
			if _, err := tx.ExecContext(ctx, "SET LOCAL lock_timeout = '5s'"); err != nil {
				return err
			}
		}
		for _, s := range sets {
			if err := m.dry(ctx, tx, s, number, out); err != nil {
				return err
			}
		}
		return errDry
	})
	if errors.Is(err, errDry) {
		return nil
	}
	return err
}

func (m *migrator) dry(ctx context.Context, tx Tx, s migrationSet, number int64, out io.Writer) error {
	pending, err := m.pending(ctx, tx, s)
	if err != nil {
		return err
	}
	undo := above(without(s.all, pending), number)
	if err := s.reversible(undo); err != nil {
		return err
	}
	for i := len(undo) - 1; i >= 0; i-- {
		if err := m.dryStep(ctx, tx, s, undo[i], goDown, out); err != nil {
			return err
		}
	}
	for _, one := range pending {
		if one.number > number {
			break
		}
		if err := m.dryStep(ctx, tx, s, one, goUp, out); err != nil {
			return err
		}
	}
	return nil
}

// dryStep runs and prints one migration.
func (m *migrator) dryStep(ctx context.Context, tx Tx, s migrationSet, one migration, way direction, out io.Writer) error {
	c, arrow := one.action(way), "up"
	if way == goDown {
		arrow = "down"
	}
	text := strings.TrimSpace(c.script)
	if text != "" && !strings.HasSuffix(text, ";") {
		text += "\n;" // it may end in a comment
	}
	rec := &recorder{}
	if c.run != nil {
		c, rec = c.recorded()
	}
	var err error
	if !c.alone {
		err = m.stepIn(ctx, tx, s, one, c, way)
	}
	text += strings.Join(rec.all, "")
	note := ""
	if c.alone {
		note = " (outside of a transaction; not tried)"
	}
	if _, err := fmt.Fprintf(out, "-- %s %s%s\n%s\n\n", s.title(one), arrow, note, strings.TrimSpace(text)); err != nil {
		return err
	}
	if err != nil {
		return about(translate(ctx, err), "migration %s would fail", s.title(one))
	}
	return nil
}
