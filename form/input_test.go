package form_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/form"
)

// Times are shown as browsers and changesets read them, and what was typed as it was.
func TestTimes(t *testing.T) {
	type event struct{ At time.Time }
	zone := time.FixedZone("", 2*60*60)
	for _, c := range []struct {
		stored         time.Time
		typed          string
		date, dateTime string
	}{
		{stored: time.Date(2026, 1, 31, 1, 30, 0, 0, zone), date: "2026-01-30", dateTime: "2026-01-30T23:30"},
		{stored: time.Date(2026, 1, 31, 1, 30, 5, 0, zone), date: "2026-01-30", dateTime: "2026-01-30T23:30:05"},
		{stored: time.Date(2026, 1, 31, 1, 30, 0, 5e6, time.UTC), date: "2026-01-31", dateTime: "2026-01-31T01:30:00.005"},
		{stored: time.Date(2026, 1, 31, 1, 30, 0, 5, time.UTC), date: "2026-01-31", dateTime: "2026-01-31T01:30"},
		{typed: "2026-02-30", date: "2026-02-30", dateTime: "2026-02-30"},
		{typed: "2026-01-31T12:00", date: "2026-01-31T12:00", dateTime: "2026-01-31T12:00"},
		{typed: "2026-01-31T12:00:00+02:00", date: "2026-01-31", dateTime: "2026-01-31T10:00"},
	} {
		var p changeset.Params
		if c.typed != "" {
			p = changeset.Params{"at": c.typed}
		}
		f := changeset.Cast(event{c.stored}, p, "at").Form("")
		if got := render(t, t.Context(), form.Date(f, "at")); !strings.Contains(got, ` value="`+c.date+`"`) {
			t.Errorf("%v %s: %s", c.stored, c.typed, got)
		}
		if got := render(t, t.Context(), form.DateTime(f, "at")); !strings.Contains(got, ` value="`+c.dateTime+`"`) {
			t.Errorf("%v %s: %s", c.stored, c.typed, got)
		}
	}
}

// Labels are made of names where none is given.
func TestLabels(t *testing.T) {
	f := fresh()
	for name, label := range map[string]string{"first_name": "First name", "user_id": "User", "id": "Id", "_id": "Id", "über-uns": "Über uns"} {
		if got := render(t, t.Context(), form.Text(f, name)); !strings.Contains(got, ">"+label+"</label>") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// Boxes without labels, and groups for fields that are no lists.
func TestChoices(t *testing.T) {
	f := fresh()
	want(t, render(t, t.Context(), form.Checkbox(f, "news").Label("").Attr("form", "f").Flag("disabled", true)),
		`<div class="form-field"><input type="hidden" name="user[news]" value="false" form="f" disabled>`+
			`<input type="checkbox" id="user_news" name="user[news]" value="true" form="f" disabled></div>`)
	want(t, render(t, t.Context(), form.Select(f, "plan", form.Option{Value: "x", Group: "G"}).Label("").Flag("multiple", true).Flag("required", false)),
		`<div class="form-field"><input type="hidden" name="user[plan][]" value=""><select id="user_plan" name="user[plan][]" multiple><optgroup label="G"><option value="x">X</option></optgroup></select></div>`)
	want(t, render(t, t.Context(), form.Checkboxes(f, "code", form.Options("a")...).Label("").Flag("autofocus", true)),
		`<fieldset class="form-field"><input type="hidden" name="user[code][]" value=""><label class="form-choice"><input type="checkbox" id="user_code" name="user[code][]" value="a" autofocus><span>A</span></label></fieldset>`)
}

func TestTextarea(t *testing.T) {
	got := render(t, t.Context(), form.Textarea(fresh(), "query").Label("").Attr("value", "\r\n</textarea>"))
	want(t, got, `<div class="form-field"><textarea id="user_query" name="user[query]">`+"\n&#13;\n&lt;/textarea&gt;</textarea></div>")
}
