package form_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/form"
	"github.com/bennu-go/bennu/web"
)

type address struct{ Street, City string }

type item struct {
	ID    int `form:"id"`
	Name  string
	Count int
}

type account struct {
	Name, Code, Bio, Plan, Country string
	Email, Site                    string
	Password                       fault.Secret
	Age                            int
	Rate                           float64
	Volume                         float64
	Born, Meets                    time.Time
	News                           bool
	Tags, Days                     []string
	Address                        address
	Items                          []item
}

func change(a account, p changeset.Params) *changeset.Changeset[account] {
	cs := changeset.Cast(a, p, "name", "code", "bio", "plan", "country", "email", "site", "password",
		"age", "rate", "volume", "born", "meets", "news", "tags", "days").
		Required("name", "plan", "password", "news", "volume").
		Length("name", changeset.Min(3), changeset.Max(20)).
		Length("bio", changeset.Min(2)).
		Format("code", regexp.MustCompile(`^[a-z]+-\d{2}$`), "").
		Number("age", changeset.Min(18), changeset.Below(150)).
		Number("volume", changeset.Min(0.5), changeset.Max(11)).
		Inclusion("plan", "free", "small_team").
		Subset("days", "mon", "tue").
		Confirmation("password").
		Acceptance("terms")
	changeset.Nested(cs, "address", changeAddress)
	return changeset.EachBy(cs, "items", "id", changeItem)
}

func changeAddress(a address, p changeset.Params) *changeset.Changeset[address] {
	return changeset.Cast(a, p, "street", "city").Required("city")
}

func changeItem(i item, p changeset.Params) *changeset.Changeset[item] {
	return changeset.Cast(i, p, "name", "count").Required("name")
}

const hostile = "\"'><b>&amp;\n\x00é"

// sent is what somebody has sent with a mistake in every field.
var sent = changeset.Params{
	"name": hostile, "code": "A", "bio": "\n1", "plan": "gold", "email": "x", "password": "secret", "password_confirmation": "other",
	"age": "abc", "volume": "12", "born": "tomorrow", "news": "on", "tags": []any{"b", "<c>"}, "days": []any{"sun"}, "terms": "false",
	"address": map[string]any{"street": "Main St", "city": " "},
	"items":   []any{map[string]any{"id": "7", "name": ""}},
}

// pages are the golden pages: of a fresh form, one of something stored, and one that was
// sent.
func pages() map[string]changeset.Form {
	stored := account{
		Name: "Ada", Bio: "\nLine", Plan: "small_team", Country: "xx", Age: 36, Rate: 1e21, Volume: 3, News: true, Days: []string{"tue"},
		Born:  time.Date(1815, 12, 10, 0, 0, 0, 0, time.UTC),
		Meets: time.Date(2026, 1, 31, 1, 30, 5, 250e6, time.FixedZone("", 7200)),
		Items: []item{{7, "Pen", 2}},
	}
	wrong := change(stored, sent)
	wrong.AddError("", changeset.Message{Text: "The <shop> is closed"}).ShowErrors()
	return map[string]changeset.Form{
		"fresh":  change(account{}, nil).Form("user"),
		"stored": change(stored, nil).Form("user"),
		"sent":   wrong.Form("user"),
	}
}

func everything(f changeset.Form) web.View {
	inside := []web.View{
		form.Text(f, "name").Hint("As on your card").Attr("class", "wide").Attr("aria-describedby", "more"),
		form.Text(f, "code"), form.Email(f, "email").Label("E-mail"), form.URL(f, "site"), form.Tel(f, "phone"), form.Search(f, "query"),
		form.Password(f, "password"), form.Password(f, "password_confirmation"),
		form.Number(f, "age").Attr("step", "1"), form.Number(f, "rate"), form.Range(f, "volume"),
		form.Date(f, "born"), form.DateTime(f, "meets"), form.Time(f, "at"), form.Color(f, "color"),
		form.Textarea(f, "bio"), form.Hidden(f, "name").Attr("id", "twice"), form.File(f, "photo").Attr("accept", "image/*"),
		form.Checkbox(f, "news"), form.Checkbox(f, "terms").Label("I accept"),
		form.Radios(f, "plan"), form.Checkboxes(f, "days"), form.Select(f, "plan").Prompt("Choose…").Label("").Attr("aria-label", "Again").Attr("id", "again"),
		form.Select(f, "country", form.OptionMap(map[string]string{"fr": "France", "de": "Germany"})...),
		form.Select(f, "tags", form.Option{Value: "a"}, form.Option{Value: "b", Group: "<G>"}, form.Option{Value: "<c>", Group: "<G>", Disabled: true}, form.Option{Value: "d", Group: "H"}),
		form.Text(f.Nested("address"), "city"), form.AddRow(f, "items", "Add"),
	}
	for _, row := range f.Each("items") {
		inside = append(inside, form.Hidden(row, "id"), form.Text(row, "name"), form.RemoveRow(row, "Remove"))
	}
	return form.For("/users/7?tab=2#top", f).Method("put").Attr("class", "tall").Flag("novalidate", true).
		With(append(inside, form.Submit("Save"))...)
}

// The pages are as they were; GOLDEN=1 writes them anew.
func TestGolden(t *testing.T) {
	for name, f := range pages() {
		file := filepath.Join("testdata", name+".html")
		got := strings.NewReplacer("><", ">\n<").Replace(render(t, t.Context(), everything(f))) + "\n"
		if os.Getenv("GOLDEN") != "" {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		kept, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(kept) {
			t.Errorf("%s is another page now:\n%s", name, got)
		}
	}
}
