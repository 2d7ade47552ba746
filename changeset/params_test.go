package changeset_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/fault"
)

func TestParseForm(t *testing.T) {
	for _, row := range []struct{ form, want string }{
		{"", `{}`},
		{"a=1&b=", `{"a":"1","b":""}`},
		{"user[name]=Ann&user[address][city]=Rome", `{"user":{"address":{"city":"Rome"},"name":"Ann"}}`},
		{"tags[]=a&tags[]=b", `{"tags":["a","b"]}`},
		{"u[tags][]=", `{"u":{"tags":[""]}}`},
		{"i[10][n]=c&i[2][n]=b&i[0][n]=a", `{"i":[{"n":"a"},{"n":"b"},{"n":"c"}]}`},
		{"i[0][]=a&i[1][]=b", `{"i":[["a"],["b"]]}`},
		{"i[0]=a&i[x]=b", `{"i":{"0":"a","x":"b"}}`},
		{"i[01]=a", `{"i":{"01":"a"}}`},
		{"i[-1]=a", `{"i":{"-1":"a"}}`},
		{"0=a", `{"0":"a"}`},
		{"admin=false&admin=true", `{"admin":"true"}`},
		{"a[b][c][d][e][f][g][h]=8", `{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":"8"}}}}}}}}`},
		{"a[b][c][d][e][f][g][]=8", `{"a":{"b":{"c":{"d":{"e":{"f":{"g":["8"]}}}}}}}`},
	} {
		form, err := url.ParseQuery(row.form)
		if err != nil {
			t.Fatal(err)
		}
		got, err := changeset.ParseForm(form)
		if text, _ := json.Marshal(got); err != nil || string(text) != row.want {
			t.Errorf("%s is %s, %v", row.form, text, err)
		}
	}
	for form, want := range map[string]string{
		"a=1&a=2":                     `the name "a" is in the form 2 times`,
		"a=true&a=false":              "2 times",
		"a=false&a=true&a=true":       "3 times",
		"a=1&a[b]=1":                  "contradicts",
		"a[]=1&a[0]=1":                "contradicts",
		"a[b]=1&a[b][c]=1":            "contradicts",
		"a[]=1&a=1":                   "contradicts",
		"=1":                          "malformed",
		"[a]=1":                       "malformed",
		"a]=1":                        "malformed",
		"a[=1":                        "malformed",
		"a[b=1":                       "malformed",
		"a[b]c=1":                     "malformed",
		"a[b]]=1":                     "malformed",
		"a[[b]]=1":                    "malformed",
		"a[][b]=1":                    "malformed",
		"a%ff=1":                      "malformed",
		"a=%ff":                       `the value of "a" in the form is not UTF-8`,
		"a[b][c][d][e][f][g][h][i]=9": "more than 8 parts",
		"a[b][c][d][e][f][g][h][]=9":  "more than 8 parts",
	} {
		values, err := url.ParseQuery(form)
		if err != nil {
			t.Fatal(err)
		}
		_, err = changeset.ParseForm(values)
		if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %s", form, err, want)
		}
	}
	full := make(url.Values)
	for i := range 999 {
		full.Add(fmt.Sprint("f", i), "")
	}
	full["list[]"] = []string{""}
	if _, err := changeset.ParseForm(full); err != nil {
		t.Errorf("1,000 values: %v", err)
	}
	full["list[]"] = []string{"", ""}
	if _, err := changeset.ParseForm(full); err == nil || err.Error() != "the form has more than 1000 values" {
		t.Errorf("1,001 values: %v", err)
	}
}

func TestFromJSON(t *testing.T) {
	p, err := changeset.FromJSON([]byte(` {"user": {"id": 9007199254740993}, "n": null} `))
	if err != nil || !reflect.DeepEqual(p, params{"user": map[string]any{"id": json.Number("9007199254740993")}, "n": nil}) {
		t.Errorf("%#v, %v", p, err)
	}
	for raw, want := range map[string]string{
		`[]`:               "the body must be an object",
		`null`:             "the body must be an object",
		``:                 "the body is not JSON: it ends after 0 bytes",
		`{"a":`:            "the body is not JSON: it ends after 5 bytes",
		`{a}`:              "the body is not JSON: it goes wrong after 2 bytes",
		`{} {}`:            "the body must be one object, and there is more after it",
		`{} x`:             "the body must be one object, and there is more after it",
		"{\"a\":\"\xff\"}": "the body is not UTF-8",
	} {
		if _, err := changeset.FromJSON([]byte(raw)); !errors.Is(err, fault.Invalid) || fault.Detail(err) != want {
			t.Errorf("%s gives %v", raw, err)
		}
	}
}

func TestSub(t *testing.T) {
	p := params{"a": map[string]any{"x": 1}, "b": params{"x": 1}, "c": "x", "d": nil}
	for name, want := range map[string]int{"a": 1, "b": 1, "c": 0, "d": 0, "e": 0} {
		if got := p.Sub(name); got == nil || len(got) != want {
			t.Errorf("%s is %v", name, got)
		}
	}
	if params(nil).Sub("a") != nil {
		t.Error("something is in nothing")
	}
	if p.String() == "" || fmt.Sprintf("%+v", params{"token": "t"}) != `map[string]interface {}{"token": [secret]}` && !strings.Contains(fmt.Sprint(params{"token": "t"}), "[secret]") {
		t.Error(params{"token": "t"})
	}
}

func FuzzParseForm(f *testing.F) {
	f.Add("user[name]=Ann&user[items][0][name]=a&user[tags][]=b")
	f.Add("a=1&a[b]=2&a[]=3")
	f.Add("a[1]=1&a[01]=2&a[[=2&%ff=%ff")
	f.Fuzz(func(t *testing.T, text string) {
		form, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		p, err := changeset.ParseForm(form)
		if err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Errorf("%q gives %v", text, err)
			}
			return
		}
		// A changeset of whatever was sent neither panics nor sets what it must not.
		o := changeOrder(order{}, p).Form("x")
		o.Field("title")
		for _, inner := range o.Each("items") {
			inner.Field("name")
		}
		u := changeset.Cast(user{}, p, all...).Tags()
		if got := u.Value(); got.Hash != "" || got.ID != 0 || got.Any != nil {
			t.Errorf("%q has set %+v", text, got)
		}
		for _, name := range all {
			u.ShowErrors().Form("u").Field(name)
		}
		_ = u.String() + p.String()
	})
}

func FuzzFromJSON(f *testing.F) {
	f.Add([]byte(`{"title": "t", "address": {"city": "x"}, "items": [{"name": 1}, null], "refs": [{"id": 1}, {"id": 1}], "tags": [1, ""], "age": 1e400}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := changeset.FromJSON(raw)
		if err != nil {
			return
		}
		_, _ = changeOrder(order{Refs: []*item{{ID: 1}, nil}}, p).Apply()
		_, _ = changeset.Cast(user{}, p, all...).Required(all...).Tags().Apply()
	})
}
