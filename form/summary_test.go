package form_test

import (
	"strings"
	"testing"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/form"
)

// An error of a field that has no input is told all the same.
func TestSummaryLeavesNothingOut(t *testing.T) {
	type street struct {
		City string `form:"city" validate:"required"`
	}
	type user struct {
		Name   string `form:"name"`
		Mail   string `form:"mail"`
		Street street `form:"street"`
	}
	cs := changeset.Cast(user{}, changeset.Params{"street": map[string]any{}}, "name", "mail").Required("name", "mail")
	changeset.Nested(cs, "street", func(s street, p changeset.Params) *changeset.Changeset[street] {
		return changeset.Cast(s, p, "city").Tags()
	})
	cs.ShowErrors()
	var out strings.Builder
	f := cs.Form("user")
	if err := form.For("/", f).With(form.Text(f, "name")).Render(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<a href="#user_name">Name</a>`, "<li>Mail can", "<li>City can"} {
		if strings.Count(out.String(), want) != 1 {
			t.Errorf("%s is not there once:\n%s", want, &out)
		}
	}
	var ids []string
	for _, field := range f.Wrong() {
		ids = append(ids, field.ID)
	}
	if got := strings.Join(ids, " "); got != "user_mail user_name user_street_city" {
		t.Errorf("wrong are %s", got)
	}
	if inner := f.Nested("street").Wrong(); len(inner) != 1 || inner[0].Name != "user[street][city]" {
		t.Errorf("in the street: %v", inner)
	}
}
