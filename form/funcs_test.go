package form_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/form"
	"github.com/bennu-go/bennu/view"
	"github.com/bennu-go/bennu/web"
)

type pageData struct {
	Form    changeset.Form
	Options []form.Option
	Locked  bool
}

func page(t testing.TB, text string, data pageData) (string, error) {
	t.Helper()
	templates, err := view.Load(fstest.MapFS{"show.html": {Data: []byte(text)}}, form.Funcs())
	if err != nil {
		t.Fatal(err)
	}
	const show view.Page[pageData] = "show"
	if err := templates.Check(show); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	err = show.View(data).Layout(view.None).Render(view.With(t.Context(), templates), &b)
	return b.String(), err
}

// What templates write is what Go writes.
func TestFuncs(t *testing.T) {
	f := fresh()
	options := form.Options("a", "b")
	data := pageData{f, options, true}
	for text, v := range map[string]web.View{
		`{{input "text" .Form "name"}}`: form.Text(f, "name"),
		`{{input "email" .Form "email" "label" "E-<b>" "hint" "<i>" "maxlength" 80 "disabled" .Locked}}`: form.Email(f, "email").Label("E-<b>").Hint("<i>").Attr("maxlength", "80").Flag("disabled", true),
		`{{input "textarea" .Form "bio" "rows" "3"}}`:                                                    form.Textarea(f, "bio").Attr("rows", "3"),
		`{{input "checkbox" .Form "news" "autofocus" false}}`:                                            form.Checkbox(f, "news"),
		`{{input "text" (.Form.Nested "address") "city"}}`:                                               form.Text(f.Nested("address"), "city"),
		`{{select .Form "tags" .Options}}`:                                                               form.Select(f, "tags", options...),
		`{{select .Form "plan" nil "prompt" "?"}}`:                                                       form.Select(f, "plan").Prompt("?"),
		`{{radios .Form "plan" nil}}`:                                                                    form.Radios(f, "plan"),
		`{{checkboxes .Form "days" nil}}`:                                                                form.Checkboxes(f, "days"),
		`{{submit "Add" "name" "_add" "formnovalidate" true}}`:                                           form.Submit("Add").Attr("name", "_add").Flag("formnovalidate", true),
		`{{form "/x" .Form "method" "PUT" "novalidate" true}}</form>`:                                    form.For("/x", f).Method("PUT").Flag("novalidate", true),
	} {
		got, err := page(t, text, data)
		if err != nil {
			t.Fatal(text, err)
		}
		want(t, got, render(t, t.Context(), v))
	}
	f = pages()["sent"]
	got, err := page(t, `{{form "/" .Form}}</form>`, pageData{Form: f})
	if err != nil {
		t.Fatal(err)
	}
	begins := plain + `<div class="form-errors" role="alert" tabindex="-1" autofocus><p>There is a problem</p><ul>` +
		`<li>The &lt;shop&gt; is closed</li><li><a href="#user_address_city">City</a> can&#39;t be blank</li>`
	if !strings.HasPrefix(got, begins) || strings.Count(got, "<li>") != len(f.Wrong())+1 {
		t.Errorf("got %s", got)
	}
}

func TestWrongFuncs(t *testing.T) {
	for _, text := range []string{
		`{{input "texts" .Form "name"}}`, `{{input "text" .Form "name" "label"}}`, `{{input "text" .Form "name" true "x"}}`,
		`{{input "text" .Form "name" "onclick" "x"}}`, `{{form "javascript:x" .Form}}`, `{{form "/" .Form "novalidate"}}`, `{{submit "x" "y"}}`,
		`{{submit "x" "y z" true}}`,
	} {
		if got, err := page(t, text, pageData{Form: fresh()}); err == nil {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func shout(context.Context) func(string, map[string]any) string {
	return func(text string, args map[string]any) string { return strings.ToUpper(text) }
}

func TestTranslator(t *testing.T) {
	ctx := form.WithTranslator(t.Context(), shout)
	f := change(account{}, changeset.Params{}).Translate(form.Messages(ctx)).ShowErrors().Form("")
	got := render(t, ctx, form.For("/", f).With(form.Radios(f, "plan"), form.Text(f, "code").Label("Mine").Hint("Mine"), form.Submit("")))
	for _, want := range []string{"THERE IS A PROBLEM", ">SMALL TEAM<", ">PLAN</a>", ">CAN&#39;T BE BLANK<", ">Mine</label>", ">Mine</p>", ">SAVE<"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}
