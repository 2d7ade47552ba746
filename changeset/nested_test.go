package changeset_test

import (
	"reflect"
	"testing"

	"github.com/bennu-go/bennu/changeset"
)

type item struct {
	ID    int
	Name  string
	Price int
}

type address struct {
	City string
	Note string
}

type order struct {
	Title   string
	Address address
	Other   *address
	Items   []item
	Refs    []*item
}

func changeItem(i item, p params) *changeset.Changeset[item] {
	return changeset.Cast(i, p, "name").Required("name")
}

func changeAddress(a address, p params) *changeset.Changeset[address] {
	return changeset.Cast(a, p, "city").Required("city").Length("city", changeset.Max(5))
}

func changeOrder(o order, p params) *changeset.Changeset[order] {
	cs := changeset.Cast(o, p, "title")
	changeset.Nested(cs, "address", changeAddress)
	changeset.Nested(cs, "other", changeAddress)
	changeset.Each(cs, "items", changeItem)
	return changeset.EachBy(cs, "refs", "id", changeItem)
}

func TestNested(t *testing.T) {
	old := order{
		Address: address{City: "Rome", Note: "kept"}, Items: []item{{1, "a", 10}, {2, "b", 20}}, Refs: []*item{{1, "a", 10}, {2, "b", 20}, {0, "z", 0}},
	}
	same, err := changeOrder(old, params{}).Apply()
	if err != nil || !reflect.DeepEqual(same, old) {
		t.Errorf("nothing given: %+v, %v", same, err)
	}
	got, err := changeOrder(old, params{
		"address": params{"city": "Oslo", "note": "no"},
		"other":   map[string]any{"city": "Bern"},
		"items":   []any{map[string]any{"name": "x", "id": 1, "price": 1}},
		"refs":    []any{params{"id": "2", "name": "bb", "price": 1}, "", params{"id": 9, "name": "new"}},
	}).Apply()
	want := order{
		Address: address{"Oslo", "kept"}, Other: &address{City: "Bern"}, Items: []item{{0, "x", 0}}, Refs: []*item{{2, "bb", 20}, {0, "new", 0}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if old.Refs[1].Name != "b" || old.Address.City != "Rome" {
		t.Errorf("the original has changed: %+v", old)
	}
	for _, nothing := range []any{nil, "", []any{}, []any{""}} {
		got, err := changeOrder(old, params{"items": nothing, "refs": nothing, "other": nil}).Apply()
		if err != nil || got.Items != nil || got.Refs != nil || got.Other != nil {
			t.Errorf("%v: %+v, %v", nothing, got, err)
		}
	}

	bad := changeOrder(old, params{
		"address": params{"city": "Reykjavik"}, "other": params{}, "items": []any{params{"name": "a"}, params{}, 5},
		"refs": []any{params{"id": 1, "name": ""}, params{"id": 1, "name": "a"}},
	}).AddError("address.note", changeset.Message{Text: "is odd"})
	says(t, "bad", bad.Errors(), "address.city must be at most 5 characters; address.note is odd; items.1.name can't be blank; items.2 must be an object; "+
		"other.city can't be blank; refs.0.name can't be blank; refs.1.id is there twice")
	says(t, "other types", changeOrder(old, params{"address": "x", "items": "x", "refs": params{"0": 1}}).Errors(), "address must be an object; items must be a list; refs must be a list")

	many := make([]any, 1001)
	for i := range many {
		many[i] = params{"name": "a"}
	}
	says(t, "1000", changeOrder(old, params{"items": many[1:]}).Errors(), "")
	says(t, "1001", changeOrder(old, params{"items": many}).Errors(), "items must have at most 1000 items")
	cs := changeOrder(order{}, params{"address": params{}, "items": []any{params{"name": "a"}}})
	says(t, "required after", cs.Required("address", "items", "other").Errors(), "address.city can't be blank; other can't be blank")
}

func TestForm(t *testing.T) {
	old := order{Title: "T", Items: []item{{1, "a", 10}}}
	fresh := changeOrder(old, nil)
	f := fresh.Form("order")
	if field := f.Field("title"); field.Name != "order[title]" || field.ID != "order_title" || field.Value != "T" || field.Errors != nil {
		t.Errorf("%+v", field)
	}
	if field := f.Nested("other").Field("city"); field.Name != "order[other][city]" || field.Value != "" || field.Errors != nil || !field.Required || *field.Constraints.MaxLength != 5 {
		t.Errorf("%+v", field)
	}
	if all := f.Each("items"); len(all) != 1 || all[0].Field("name").Value != "a" || all[0].Field("name").Name != "order[items][0][name]" || all[0].ID("name") != "order_items_0_name" {
		t.Errorf("%+v", all)
	}
	if !fresh.Valid() {
		t.Errorf("a fresh form is wrong: %v", fresh.Errors())
	}

	sent := changeOrder(old, params{"title": 5, "address": params{"city": "Reykjavik"}, "items": []any{params{"name": "x"}, params{"name": " "}}})
	if field := sent.Form("").Field("title"); field.Errors != nil {
		t.Errorf("errors before they are asked for: %+v", field)
	}
	_, _ = sent.AddError("", changeset.Message{Text: "is odd"}).Apply()
	f = sent.Form("")
	if field := f.Field("title"); field.Name != "title" || field.ID != "title" || field.Value != "5" || len(field.Errors) != 1 {
		t.Errorf("%+v", field)
	}
	if field := f.Nested("address").Field("city"); field.Name != "address[city]" || field.Value != "Reykjavik" || len(field.Errors) != 1 {
		t.Errorf("%+v", field)
	}
	all := f.Each("items")
	if len(all) != 2 || all[0].Field("name").Errors != nil || all[1].Field("name").Errors[0] != "can't be blank" || all[1].Field("name").Value != " " {
		t.Errorf("%+v", all)
	}
	if len(f.Errors()) != 1 || len(f.Nested("address").Errors()) != 0 {
		t.Errorf("%v", f.Errors())
	}

	plain := changeset.New(order{Other: &address{City: "Bern"}, Refs: []*item{{Name: "r"}}}).Form("o") // no Nested, no Each
	if plain.Nested("other").Field("city").Value != "Bern" || plain.Each("refs")[0].Field("name").Value != "r" || len(plain.Each("items")) != 0 {
		t.Errorf("%+v", plain)
	}
	for _, odd := range []changeset.Form{plain, plain.Nested("none"), plain.Nested("title"), {}} {
		if field := odd.Field("none"); field.Value != "" || odd.Nested("x").Each("y") != nil {
			t.Errorf("%+v", field)
		}
	}
}

func TestFormFields(t *testing.T) {
	sent := params{
		"name": "a\xff", "age": "abc", "admin": "on", "tags": []any{"x", 5}, "password": "p", "answer": "p", "password_confirmation": "p", "terms": "on",
		"hash": "typed", "unknown": "typed",
	}
	f := changeset.Cast(user{Hash: "h"}, sent, all...).Confirmation("password").Acceptance("terms").Form("u")
	for name, want := range map[string]string{
		"name": "a\ufffd", "age": "abc", "admin": "on", "password": "", "answer": "", "password_confirmation": "", "terms": "on", "hash": "", "unknown": "",
	} {
		if got := f.Field(name).Value; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !f.Field("admin").Checked || !f.Field("terms").Checked || !f.Field("answer").Secret || !f.Field("password_confirmation").Secret || f.Field("name").Secret {
		t.Errorf("%+v", f.Field("admin"))
	}
	if tags := f.Field("tags"); tags.Name != "u[tags][]" || tags.ID != "u_tags" || !reflect.DeepEqual(tags.Values, []string{"x", "5"}) {
		t.Errorf("%+v", tags)
	}
	stored := changeset.New(user{Name: "n", Admin: true, Tags: []string{"a"}, Answer: "secret"}).Form("u")
	if stored.Field("age").Value != "0" || !stored.Field("admin").Checked || stored.Field("tags").Values[0] != "a" || stored.Field("answer").Value != "" || stored.Field("born").Value != "" {
		t.Errorf("%+v", stored.Field("age"))
	}
	if fresh := changeset.New(user{}).Form("u"); fresh.Field("age").Value != "" || fresh.Field("wait").Value != "" {
		t.Errorf("%+v", fresh.Field("age"))
	}
}
