package changeset

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/cast"
)

// The kinds of constraints, in the words of package data.
const (
	uniqueKind     = "unique"
	foreignKeyKind = "foreign_key"
)

// constraint is what only the database can tell, and whose error it is.
type constraint struct {
	field   string
	kind    string   // "": any
	name    string   // of the constraint; "" where columns count
	columns []string // sorted
	message Message
}

// violation is a row that the database refused: package data's Violation. What is not
// known is empty.
type violation interface {
	Constraint() (kind, table, name string, columns []string)
}

// Unique says that a value has to be the only one of its kind, which the database
// checks when the change is stored; then [Changeset.Explain] makes it an error of the
// field, "has already been taken". with are the other columns of the key, by their names
// in the table: Unique("name", "team_id") is one name in each team.
//
// The field's column is the one that its bun tag names, else the one that has the name of
// the Go field in snake_case, or the name of the field here. An index that is not of plain
// columns, such as one on lower(email), is told by name: see [Changeset.Constraint].
func (cs *Changeset[T]) Unique(field string, with ...string) *Changeset[T] {
	return cs.expect(constraint{field: field, kind: uniqueKind, columns: slices.Sorted(slices.Values(with)), message: Message{Text: "has already been taken"}})
}

// ForeignKey says that a value has to refer to something that is there: else it is an
// error of the field, "does not exist". with are the other columns of the key.
func (cs *Changeset[T]) ForeignKey(field string, with ...string) *Changeset[T] {
	return cs.expect(constraint{field: field, kind: foreignKeyKind, columns: slices.Sorted(slices.Values(with)), message: Message{Text: "does not exist"}})
}

// Constraint names a constraint or a unique index of the table, of whatever kind, and what
// to say of a field, "" being the whole, when it is violated. The text is English, and the key of
// translations: "must be after the start".
func (cs *Changeset[T]) Constraint(field, name, text string) *Changeset[T] {
	if name == "" {
		panic(fmt.Sprintf("changeset: a constraint of %s has no name", cs.core.plan.goType.Name()))
	}
	return cs.expect(constraint{field: field, name: name, message: Message{Text: text}})
}

func (cs *Changeset[T]) expect(c constraint) *Changeset[T] {
	if c.field != "" || c.name == "" {
		cs.core.plan.find(c.field)
	}
	cs.core.constraints = append(cs.core.constraints, c)
	return cs
}

// Explain looks at the error of storing the change. If the database refused the row by a
// constraint that was named with [Changeset.Unique], [Changeset.ForeignKey] or
// [Changeset.Constraint], that is now an error of its field, forms show it, and Explain
// gives what [Changeset.Apply] would: a refusal that tells the errors by field. Any other
// error comes back as it is, and so does nil.
//
// Constraints that nested changesets name count too, and are errors of "field.name". Those
// of [Changeset.Unique] and [Changeset.ForeignKey] do where [Nested] casts a struct that bun
// embeds in the row; their columns are then told without the prefix. What is stored in a
// table of its own is told by name. If several elements of a list name a constraint, it is
// an error of the list, as nobody knows which one it was.
//
// The database tells of one violation at a time, and only when all else is right.
func (cs *Changeset[T]) Explain(err error) error {
	var v violation
	if !errors.As(err, &v) {
		return err
	}
	p, ok := cs.core.blame(v, true, "")
	if !ok {
		return err
	}
	cs.core.refuse(p.Field, p.Message)
	cs.ShowErrors()
	fields := cs.Errors()
	return &fault.Error{Kind: fault.Invalid, Detail: fields.String(), Fields: fields, Cause: err}
}

// blame finds what a violation is an error of. Columns count where the fields are of the row
// itself; then prefix is what bun puts in front of their names.
func (c *core) blame(v violation, inRow bool, prefix string) (Problem, bool) {
	for _, by := range c.constraints {
		if c.isViolated(by, v, inRow, prefix) {
			return Problem{by.field, by.message}, true
		}
	}
	for i := range c.states {
		s, f := &c.states[i], c.plan.fields[i]
		if s.one != nil {
			more, embedded := embedding(c.plan.goType.FieldByIndex(f.index))
			if p, ok := s.one.blame(v, inRow && embedded, prefix+more); ok {
				return p.under(f.name), true
			}
		}
		if p, ok := blameOne(s.many, v); ok {
			return p.under(f.name), true
		}
	}
	return Problem{}, false
}

// blameOne finds the element of a list, or blames the list if it may be several.
func blameOne(many []*core, v violation) (found Problem, any bool) {
	for i, one := range many {
		p, ok := one.blame(v, false, "")
		switch {
		case !ok:
		case any:
			return Problem{"", p.Message}, true
		default:
			found, any = p.under(strconv.Itoa(i)), true
		}
	}
	return found, any
}

// embedding reports whether bun stores a struct's fields in columns of the row it is in, and
// what it puts in front of their names.
func embedding(f reflect.StructField) (prefix string, is bool) {
	if f.Anonymous {
		return "", true
	}
	for option := range strings.SplitSeq(f.Tag.Get("bun"), ",") {
		if prefix, is = strings.CutPrefix(option, "embed:"); is {
			return prefix, true
		}
	}
	return "", false
}

func (c *core) isViolated(by constraint, v violation, inRow bool, prefix string) bool {
	kind, _, name, columns := v.Constraint()
	if by.name != "" {
		return strings.EqualFold(by.name, name)
	}
	if !inRow || by.kind != kind || len(columns) != len(by.columns)+1 {
		return false
	}
	own := make([]string, len(columns))
	for i, column := range columns {
		var ok bool
		if own[i], ok = strings.CutPrefix(column, prefix); !ok {
			return false
		}
	}
	for i, column := range own {
		others := slices.Delete(slices.Clone(own), i, i+1)
		slices.Sort(others)
		if slices.Equal(others, by.columns) && c.isColumn(by.field, column) {
			return true
		}
	}
	return false
}

// isColumn reports whether a field is stored in a column.
func (c *core) isColumn(field, column string) bool {
	f := c.plan.goType.FieldByIndex(c.plan.fields[c.plan.find(field)].index)
	if tagged, _, _ := strings.Cut(f.Tag.Get("bun"), ","); tagged != "" && !strings.Contains(tagged, ":") {
		return column == tagged
	}
	return column == cast.Snake(f.Name) || column == field
}
