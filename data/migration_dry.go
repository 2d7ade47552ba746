package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/uptrace/bun"
)

// recorder notes the statements of Go migrations.
type recorder struct {
	on  bool
	all []string
}

type recordedKey struct{}

// BeforeQuery notes a statement. bun asks twice for a query that runs through a Tx: when it
// is made and when it is sent, with the context of the first.
func (r *recorder) BeforeQuery(ctx context.Context, event *bun.QueryEvent) context.Context {
	if !r.on || ctx.Value(recordedKey{}) != nil {
		return ctx
	}
	r.all = append(r.all, event.Query+";\n")
	return context.WithValue(ctx, recordedKey{}, true)
}

// AfterQuery does nothing.
func (r *recorder) AfterQuery(context.Context, *bun.QueryEvent) {}

// take gives what was noted since the last time.
func (r *recorder) take() []string {
	all := r.all
	r.all = nil
	return all
}

var errDry = errors.New("data: a dry run is rolled back")

// dryRun does in one transaction what to would do in many, prints it, and rolls it back.
func (m *migrator) dryRun(ctx context.Context, s migrationSet, number int64, out io.Writer) error {
	err := m.inTx(ctx, func(tx bun.Tx) error {
		if err := m.dry(ctx, tx, s, number, out); err != nil {
			return err
		}
		return errDry
	})
	if errors.Is(err, errDry) {
		return nil
	}
	return err
}

func (m *migrator) dry(ctx context.Context, tx bun.Tx, s migrationSet, number int64, out io.Writer) error {
	if err := m.prepare(ctx, tx); err != nil {
		return err
	}
	if m.engine == Postgres { // a dry run is not worth that others wait behind it
		if _, err := tx.ExecContext(ctx, "SET LOCAL lock_timeout = '5s'"); err != nil {
			return err
		}
	}
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
func (m *migrator) dryStep(ctx context.Context, tx bun.Tx, s migrationSet, one migration, way direction, out io.Writer) error {
	c, arrow := one.action(way), "up"
	if way == goDown {
		arrow = "down"
	}
	var err error
	if !c.alone {
		err = m.stepIn(ctx, tx, s, one, c, way)
	}
	text := strings.TrimSpace(c.script)
	if text != "" && !strings.HasSuffix(text, ";") {
		text += "\n;" // it may end in a comment
	}
	if c.run != nil {
		text = strings.Join(m.record.take(), "")
	}
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
