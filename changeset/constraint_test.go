package changeset_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/fault"
)

type member struct {
	ID     int
	Email  string `bun:"mail,notnull"`
	TeamID int
	Name   string `form:"title"`
	Boss   *int   `bun:"rel:belongs-to"`
}

// broken is a violation as package data tells it.
type broken struct {
	kind, name string
	columns    []string
}

func (b broken) Error() string { return "the engine's words" }

func (b broken) Constraint() (kind, table, name string, columns []string) {
	return b.kind, "accounts", b.name, b.columns
}

func changeMember() *changeset.Changeset[member] {
	return changeset.Cast(member{}, params{"email": "ada@example.org"}, "email", "team_id", "title").
		Unique("email").
		Unique("title", "team_id", "region").
		ForeignKey("team_id").
		ForeignKey("boss").
		Constraint("", "accounts_most", "has no room for more").
		Constraint("email", "accounts_lower_mail", "has already been taken, in other letters")
}

func TestExplain(t *testing.T) {
	tests := []struct {
		what string
		err  broken
		want string // "": not explained
	}{
		{"the column of the bun tag", broken{"unique", "", []string{"mail"}}, "email has already been taken"},
		{"the name of the field is not that column", broken{"unique", "", []string{"email"}}, ""},
		{"another kind", broken{"check", "", []string{"mail"}}, ""},
		{"several columns", broken{"unique", "", []string{"team_id", "name", "region"}}, "title has already been taken"},
		{"in another order, by the form's name", broken{"unique", "", []string{"region", "title", "team_id"}}, "title has already been taken"},
		{"too few columns", broken{"unique", "", []string{"team_id", "name"}}, ""},
		{"too many columns", broken{"unique", "", []string{"mail", "team_id"}}, ""},
		{"no column", broken{"unique", "", nil}, ""},
		{"foreign key", broken{"foreign_key", "", []string{"team_id"}}, "team_id does not exist"},
		{"a tag without a name", broken{"foreign_key", "", []string{"boss"}}, "boss does not exist"},
		{"by name, of the whole", broken{"check", "accounts_most", nil}, "has no room for more"},
		{"by name, in other letters", broken{"unique", "Accounts_Lower_Mail", nil}, "email has already been taken, in other letters"},
		{"by name and columns", broken{"unique", "accounts_lower_mail", []string{"mail"}}, "email has already been taken"},
		{"unknown name", broken{"check", "accounts_least", nil}, ""},
	}
	for _, test := range tests {
		cs := changeMember()
		cause := fault.Conflict.Wrap(test.err, "there is one already")
		err := cs.Explain(fmt.Errorf("step one: %w", cause))
		if test.want == "" {
			if fault.Of(err) != fault.Conflict || !cs.Valid() {
				t.Errorf("%s: %v, %v", test.what, err, cs.Errors())
			}
			continue
		}
		says(t, test.what, fault.FieldsOf(err), test.want)
		says(t, test.what, cs.Errors(), test.want)
		if fault.Of(err) != fault.Invalid || fault.Detail(err) != test.want || !errors.Is(err, cause) {
			t.Errorf("%s: %v", test.what, err)
		}
		if _, again := cs.Apply(); fault.Of(again) != fault.Invalid {
			t.Errorf("%s: the changeset is still valid", test.what)
		}
	}
}

type depot struct {
	Name   string
	Street street   `bun:"embed:at_"`
	Other  *street  `bun:"rel:has-one"`
	Gates  []street `bun:"rel:has-many"`
	shared
}

type shared struct {
	Owner street `bun:",embed:of_"`
}

type street struct {
	Name string
	Zip  string
	Town town `bun:"embed:town_"`
}

type town struct{ Code string }

func changeStreet(s street, p params) *changeset.Changeset[street] {
	cs := changeset.Cast(s, p, "name").
		Unique("name", "zip").
		Constraint("zip", "streets_zip", "is no zip").
		Constraint("", "streets_whole", "makes no sense")
	return changeset.Nested(cs, "town", func(t town, p params) *changeset.Changeset[town] {
		return changeset.Cast(t, p, "code").ForeignKey("code")
	})
}

func TestExplainOfWhatIsNested(t *testing.T) {
	gate := params{"name": "a"}
	change := func(gates ...any) *changeset.Changeset[depot] {
		cs := changeset.Cast(depot{}, params{"gates": gates}, "name").Unique("name").Constraint("name", "depots_zip", "is odd")
		changeset.Nested(cs, "street", changeStreet)
		changeset.Nested(cs, "other", changeStreet)
		changeset.Nested(cs, "owner", changeStreet)
		return changeset.Each(cs, "gates", changeStreet)
	}
	inOne := func(nested string) *changeset.Changeset[depot] {
		cs := changeset.Cast(depot{}, nil)
		if nested == "gates" {
			cs = changeset.Cast(depot{}, params{"gates": []any{gate}})
			return changeset.Each(cs, "gates", changeStreet)
		}
		return changeset.Nested(cs, nested, changeStreet)
	}
	oddOne := changeset.Each(changeset.Cast(depot{}, params{"gates": []any{gate, params{"name": "b"}}}), "gates", func(s street, p params) *changeset.Changeset[street] {
		if p["name"] == "a" {
			return changeset.Cast(s, p, "name")
		}
		return changeStreet(s, p)
	})
	tests := []struct {
		what string
		cs   *changeset.Changeset[depot]
		err  broken
		want string // "": not explained
	}{
		{"the outer one's column", change(), broken{"unique", "", []string{"name"}}, "name has already been taken"},
		{"a column with a prefix", change(), broken{"unique", "", []string{"at_zip", "at_name"}}, "street.name has already been taken"},
		{"that is in a struct that is plainly embedded", change(), broken{"unique", "", []string{"of_zip", "of_name"}}, "owner.name has already been taken"},
		{"two prefixes", change(), broken{"unique", "", []string{"at_zip", "of_name"}}, ""},
		{"no prefix", change(), broken{"unique", "", []string{"zip", "name"}}, ""},
		{"a part of a key", change(), broken{"unique", "", []string{"at_name"}}, ""},
		{"deeper", change(), broken{"foreign_key", "", []string{"at_town_code"}}, "street.town.code does not exist"},
		{"deeper, half of the prefix", change(), broken{"foreign_key", "", []string{"town_code"}}, ""},
		{"by name, the first", change(), broken{"check", "streets_zip", nil}, "street.zip is no zip"},
		{"by name, the outer one", change(), broken{"check", "depots_zip", nil}, "name is odd"},
		{"by name, in a table of its own", inOne("other"), broken{"check", "streets_zip", nil}, "other.zip is no zip"},
		{"by name, of the whole", inOne("other"), broken{"check", "streets_whole", nil}, "other makes no sense"},
		{"columns of another table", inOne("other"), broken{"unique", "", []string{"zip", "name"}}, ""},
		{"the only element", inOne("gates"), broken{"check", "streets_zip", nil}, "gates.0.zip is no zip"},
		{"columns of elements", inOne("gates"), broken{"unique", "", []string{"zip", "name"}}, ""},
		{"the only element that names it", oddOne, broken{"check", "streets_zip", nil}, "gates.1.zip is no zip"},
		{
			"one of several elements", changeset.Each(changeset.Cast(depot{}, params{"gates": []any{gate, gate}}), "gates", changeStreet),
			broken{"check", "streets_zip", nil}, "gates is no zip",
		},
	}
	for _, test := range tests {
		err := test.cs.Explain(fault.Conflict.Wrap(test.err, "there is one already"))
		if test.want == "" {
			if fault.Of(err) != fault.Conflict || !test.cs.Valid() {
				t.Errorf("%s: %v, %v", test.what, err, test.cs.Errors())
			}
			continue
		}
		says(t, test.what, fault.FieldsOf(err), test.want)
		says(t, test.what, test.cs.Errors(), test.want)
	}
	cs := change(gate)
	_ = cs.Explain(broken{"unique", "", []string{"at_zip", "at_name"}})
	if got := cs.Form("depot").Nested("street").Field("name").Errors; len(got) != 1 || got[0] != "has already been taken" {
		t.Errorf("the form says %q", got)
	}
}

func TestExplainLeavesOtherErrors(t *testing.T) {
	cs := changeMember()
	if err := cs.Explain(nil); err != nil {
		t.Errorf("nil became %v", err)
	}
	other := fault.Unavailable.Errorf("the disk is full")
	if err := cs.Explain(other); err != other || !cs.Valid() {
		t.Errorf("got %v, %v", err, cs.Errors())
	}
	if err := changeset.New(member{}).Explain(broken{"unique", "", []string{"mail"}}); !errors.As(err, new(broken)) {
		t.Errorf("with no constraint named: %v", err)
	}
}

func TestExplainShowsInTheForm(t *testing.T) {
	cs := changeMember().Translate(func(m changeset.Message) string { return "ist schon vergeben" })
	if err := cs.Explain(broken{"unique", "", []string{"mail"}}); fault.Detail(err) != "email ist schon vergeben" {
		t.Errorf("got %v", err)
	}
	field := cs.Form("member").Field("email")
	if len(field.Errors) != 1 || field.Errors[0] != "ist schon vergeben" || field.Value != "ada@example.org" {
		t.Errorf("the form has %+v", field)
	}
}

func TestConstraintMistakes(t *testing.T) {
	cs := changeset.New(member{})
	mustPanic(t, `member has no field "mail"`, func() { cs.Unique("mail") })
	mustPanic(t, `member has no field ""`, func() { cs.Unique("") })
	mustPanic(t, `member has no field "team"`, func() { cs.ForeignKey("team") })
	mustPanic(t, `member has no field "no"`, func() { cs.Constraint("no", "c", "is wrong") })
	mustPanic(t, "a constraint of member has no name", func() { cs.Constraint("email", "", "is wrong") })
}

func TestChangedFields(t *testing.T) {
	cs := changeset.Cast(member{Email: "ada@example.org", TeamID: 1}, params{"email": "ada@example.org", "title": "Ada", "team_id": "2"}, "email", "team_id", "title")
	var names []string
	for _, f := range cs.ChangedFields() {
		names = append(names, f.Name)
	}
	if fmt.Sprint(names) != "[TeamID Name]" {
		t.Errorf("got %v", names)
	}
}
