package form_test

import (
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/form"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

func params(t testing.TB, query string) changeset.Params {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	p, err := changeset.ParseForm(values)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRows(t *testing.T) {
	type object = map[string]any
	pen, ink := object{"name": "Pen"}, object{"name": "Ink"}
	two := "o[items][0][name]=Pen&o[items][1][name]=Ink"
	for query, want := range map[string]any{
		two:                                      []any{pen, ink},
		two + "&_add=o[items]":                   []any{pen, ink, object{}},
		two + "&_remove=o[items][0]":             []any{ink},
		two + "&_remove=o[items][1]":             []any{pen},
		two + "&_remove=o[items][2]":             []any{pen, ink},
		two + "&_remove=o[items][-1]":            []any{pen, ink},
		two + "&_remove=o[items]":                []any{pen, ink},
		two + "&_remove=items":                   []any{pen, ink},
		two + "&_remove=]":                       []any{pen, ink},
		two + "&_add=o[items][0]":                []any{pen, ink},
		two + "&_add=o[items][0][x]":             []any{pen, ink},
		"o[name]=x&_add=o[items]":                []any{object{}},
		"_add=o[items]":                          []any{object{}},
		"o[items]=text&_add=o[items]":            "text",
		"o[items][name]=Pen&_add=o[items]":       object{"name": "Pen"},
		"o[items][name]=Pen&_remove=o[items][0]": object{"name": "Pen"},
	} {
		p := params(t, query)
		if pressed := form.Rows(p); pressed != strings.Contains(query, "_") {
			t.Errorf("%s: %v", query, pressed)
		}
		if got := p.Sub("o")["items"]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
}

// The buttons and Rows mean the same.
func TestRowButtons(t *testing.T) {
	f := change(account{Items: []item{{1, "a", 0}, {2, "b", 0}}}, nil).Form("")
	want(t, render(t, t.Context(), form.AddRow(f, "items", "+")), `<button type="submit" name="_add" value="items" formnovalidate>+</button>`)
	want(t, render(t, t.Context(), form.RemoveRow(f.Each("items")[1], "-")), `<button type="submit" name="_remove" value="items[1]" formnovalidate>-</button>`)
	p := params(t, "items[0][id]=1&items[1][id]=2&_remove=items[0]")
	form.Rows(p)
	if got := change(account{}, p).Form("").Each("items"); len(got) != 1 {
		t.Errorf("got %d rows", len(got))
	}
}

func FuzzRows(f *testing.F) {
	f.Add("o[items][0][x]=1&_add=o[items]")
	f.Add("a[0]=1&_remove=a[0]&_add=a")
	f.Add("_add=_add[x]")
	f.Fuzz(func(t *testing.T, query string) {
		values, _ := url.ParseQuery(query)
		if p, err := changeset.ParseForm(values); err == nil {
			form.Rows(p)
			change(account{}, p).Form("o")
		}
	})
}

// Rows are added and removed by buttons; Enter saves, and errors show only then.
func TestRowsOnAPage(t *testing.T) {
	view := func(f changeset.Form) web.View {
		inside := []web.View{form.AddRow(f, "items", "Add")}
		for _, row := range f.Each("items") {
			inside = append(inside, form.Text(row, "name"), form.RemoveRow(row, "Remove").Attr("class", "remove"))
		}
		return form.For("/order", f).With(append(inside, form.Submit("Save"))...)
	}
	router := web.NewRouter()
	router.Handle("GET /order", show(view(change(account{}, nil).Form("o"))))
	router.Handle("POST /order", web.Action(func(c *web.Conn) error {
		params, err := c.Params()
		if err != nil {
			return err
		}
		rows := form.Rows(params)
		cs := change(account{}, params.Sub("o"))
		if !rows {
			cs.ShowErrors()
		}
		return c.Render(view(cs.Form("o")))
	}))
	page := webtest.New(t, router).Get("/order").Submit("[name=_add]", nil)
	page = page.Submit("[name=_add]", url.Values{"o[items][0][name]": {"Pen"}})
	if n := page.Find(".form-error").Len(); n != 0 {
		t.Errorf("%d errors are shown", n)
	}
	page = page.Submit("form", nil).Shows("#o_items_1_name_error", "can't be blank")
	page = page.Submit("[value='o[items][1]']", nil)
	if n := page.Find(".remove").Len(); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	want(t, page.Find("#o_items_0_name").Attr("value"), "Pen")
}
