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
