package changeset_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/fault"
)

type stamps struct {
	UpdatedAt time.Time
}

type user struct {
	stamps
	ID       int64 `json:"-"`
	Name     string
	Email    *string `json:"mail" form:"email"`
	Age      int
	Height   *float64
	Admin    bool
	Born     time.Time
	Tags     []string
	Scores   map[string]int
	Password fault.Secret
	Answer   string `bennu:"secret"`
	Hash     string `form:"-"`
	Wait     time.Duration
	Any      any
}

type params = changeset.Params

var all = []string{"updated_at", "name", "email", "age", "height", "admin", "born", "tags", "scores", "password", "answer", "wait"}

func TestCastSetsOnlyWhatIsNamed(t *testing.T) {
	old := user{Name: "Ann", Age: 3}
	cs := changeset.Cast(old, params{"name": "Bob", "admin": true, "hash": "x", "Hash": "x", "id": 5, "-": 5, "age": 3}, "name", "age")
	got, err := cs.Apply()
	if want := (user{Name: "Bob", Age: 3}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if !reflect.DeepEqual(cs.Changes(), []string{"name"}) || !cs.Changed("name") || cs.Changed("age") {
		t.Errorf("changes are %v", cs.Changes())
	}
	if cs.Data().Name != "Ann" || cs.Value().Name != "Bob" || old.Name != "Ann" {
		t.Errorf("%v, %v, %v", cs.Data(), cs.Value(), old)
	}
	cs.Change(func(u *user) { u.Hash, u.ID = "h", 7 })
	if got := fmt.Sprint(cs.Changes()); got != "[name id hash]" {
		t.Errorf("changes are %s", got)
	}
}

func TestCastOfEachType(t *testing.T) {
	mail, height := "a@b", 1.5
	cs := changeset.Cast(user{Any: 1}, params{
		"updated_at": "2026-01-31", "name": " e\u0301 ", "email": "a@b", "age": json.Number("5"), "height": "1.5", "admin": "on",
		"born": "2026-01-31T12:00", "tags": []any{"a", "", nil, "b"}, "scores": map[string]any{"e\u0301": 1}, "password": "e\u0301", "wait": "1m",
	}, all...)
	got, err := cs.Apply()
	if err != nil {
		t.Fatal(err)
	}
	if got.Password.Reveal() != "\u00e9" {
		t.Errorf("the password is %q", got.Password.Reveal())
	}
	want := user{
		stamps: stamps{time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)}, Name: " \u00e9 ", Email: &mail, Age: 5, Height: &height, Admin: true,
		Born: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Tags: []string{"a", "b"}, Scores: map[string]int{"e\u0301": 1}, Password: got.Password,
		Wait: time.Minute, Any: 1,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	bad := changeset.Cast(got, params{"name": "a\xff", "age": "1.5", "height": "NaN", "admin": "maybe", "tags": []any{"a", 1}, "scores": map[string]any{"a": "x"}, "email": 5}, all...)
	says(t, "bad", bad.Required("age", "name").Number("age", changeset.Min(100)).Errors(),
		"admin must be true or false; age must be a whole number; email must be a text; height must be a number; name must be a text; scores.a must be a whole number; tags.1 must be a text")
	if !reflect.DeepEqual(bad.Value(), got) {
		t.Errorf("what failed has changed %+v", bad.Value())
	}

	empty := changeset.Cast(got, params{"name": " \u2003", "age": "", "height": nil, "email": "", "tags": []any{""}, "born": "", "scores": nil, "admin": "", "password": ""}, all...)
	if want := (user{stamps: got.stamps, Wait: time.Minute, Any: 1}); !reflect.DeepEqual(empty.Value(), want) {
		t.Errorf("empty is %+v", empty.Value())
	}
}

func TestRequired(t *testing.T) {
	names := []string{"name", "age", "admin", "tags", "born", "email", "password"}
	blank := "admin can't be blank; age can't be blank; born can't be blank; email can't be blank; name can't be blank; password can't be blank; tags can't be blank"
	says(t, "nothing given", changeset.Cast(user{}, params{}, all...).Required(names...).Errors(), blank)
	given := params{"name": "a", "age": "0", "admin": "false", "tags": []any{"a"}, "born": "2026-01-31", "email": "a", "password": "p"}
	cs := changeset.Cast(user{}, given, all...).Required(names...)
	says(t, "given", cs.Errors(), "")
	stored, _ := cs.Apply()
	says(t, "stored", changeset.Cast(stored, params{}, all...).Required(names...).Errors(), "")
	emptied := make(params)
	for _, name := range names {
		emptied[name] = " "
	}
	says(t, "emptied", changeset.Cast(stored, emptied, all...).Required(names...).Errors(), blank)
}

func TestValidations(t *testing.T) {
	letters := regexp.MustCompile(`^\pL+$`)
	validate := func(cs *changeset.Changeset[user]) fault.Fields {
		cs.Length("name", changeset.Min(2), changeset.Max(3), changeset.MaxBytes(8)).
			Length("tags", changeset.Is(2)).
			Number("age", changeset.Above(0), changeset.Below(10)).
			Number("height", changeset.Min(0.5), changeset.Max(2.5)).
			Number("wait", changeset.Min(time.Second)).
			Format("name", letters, "").
			Format("email", letters, "must be letters").
			Inclusion("age", "5", "6", "0", "10").
			Exclusion("name", "root").
			Subset("tags", "a", "b").
			Length("password", changeset.Min(2))
		return changeset.Check(changeset.Check(cs, "age", func(age int) string {
			if age == 6 {
				return "is unlucky"
			}
			return ""
		}), "email", func(mail string) string {
			if mail == "x" {
				return "is too short"
			}
			return ""
		}).Errors()
	}
	for _, row := range []struct {
		in   params
		want string
	}{
		{params{}, ""},
		{params{"name": "", "tags": []any{}, "age": "", "height": nil, "wait": "", "email": " ", "password": ""}, ""},
		{params{"name": "ab", "tags": []any{"a", "a"}, "age": 5, "height": 0.5, "wait": "1s", "email": "ab", "password": "pw"}, ""},
		{params{"name": "abc", "height": 2.5}, ""},
		{params{"name": "a"}, "name must be at least 2 characters"},
		{params{"name": "abcd"}, "name must be at most 3 characters"},
		{params{"name": "😀😀😀"}, "name must be at most 8 bytes; name has an invalid format"},
		{params{"name": "root"}, "name must be at most 3 characters; name is reserved"},
		{params{"tags": []any{"a", "c"}}, "tags may only have a, b"},
		{params{"tags": []any{"a"}}, "tags must have 2 items"},
		{params{"age": "0"}, "age must be greater than 0"},
		{params{"age": "10"}, "age must be less than 10"},
		{params{"age": "6"}, "age is unlucky"},
		{params{"age": "7"}, "age must be one of 5, 6, 0, 10"},
		{params{"height": 0.4}, "height must be at least 0.5"},
		{params{"height": 2.6}, "height must be at most 2.5"},
		{params{"wait": "999ms"}, "wait must be at least 1s"},
		{params{"email": "x1"}, "email must be letters"},
		{params{"email": "x"}, "email is too short"},
		{params{"password": "p"}, "password must be at least 2 characters"},
	} {
		says(t, row.in.String(), validate(changeset.Cast(user{}, row.in, all...)), row.want)
	}
	says(t, "stored", validate(changeset.Cast(user{Name: "stored before", Age: 99}, params{"tags": []any{"a", "b"}}, all...)), "")
	says(t, "given again", validate(changeset.Cast(user{Name: "toolong"}, params{"name": "toolong"}, all...)), "name must be at most 3 characters")
	says(t, "changed", validate(changeset.New(user{}).Change(func(u *user) { u.Name = "changed" })), "name must be at most 3 characters")
}

type level int

func (level) String() string { return "high" }

func TestBoundsOfNamedTypes(t *testing.T) {
	type alarm struct {
		Level level
		Most  uint8
	}
	cs := changeset.Cast(alarm{}, params{"level": 3, "most": 3}, "level", "most").Number("level", changeset.Above(level(3))).Number("most", changeset.Max(uint8(2)))
	says(t, "named", cs.Errors(), "level must be greater than 3; most must be at most 2")
}

func TestAcceptanceAndConfirmation(t *testing.T) {
	validate := func(p params) fault.Fields {
		return changeset.Cast(user{}, p, "password").Confirmation("password").Acceptance("terms").Errors()
	}
	says(t, "fresh", validate(nil), "")
	says(t, "nothing", validate(params{}), "terms must be accepted")
	says(t, "on", validate(params{"terms": "on"}), "")
	says(t, "true", validate(params{"terms": true}), "")
	says(t, "false", validate(params{"terms": "false"}), "terms must be accepted")
	says(t, "same", validate(params{"terms": "1", "password": "e\u0301", "password_confirmation": "\u00e9"}), "")
	says(t, "other", validate(params{"terms": "1", "password": "a", "password_confirmation": "b"}), "password_confirmation does not match")
	says(t, "empty", validate(params{"terms": "1", "password": "a", "password_confirmation": ""}), "password_confirmation does not match")
	says(t, "not given", validate(params{"terms": "1", "password": "a"}), "")
}

func TestWhole(t *testing.T) {
	calls := 0
	validate := func(u user) fault.Fields {
		calls++
		if u.Age > 5 && u.Name == "" {
			return fault.Fields{"": {"is odd"}, "name": {"is needed"}}
		}
		return nil
	}
	cs := changeset.Cast(user{}, params{"age": 6}, "age").Validate(validate)
	says(t, "whole", cs.Errors(), "is odd; name is needed")
	cs.Validate(validate).Change(func(*user) { calls++ })
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
	got, err := cs.AddError("email", changeset.Message{Text: "has already been taken"}).Apply()
	if !errors.Is(err, fault.Invalid) || !reflect.DeepEqual(got, user{}) {
		t.Errorf("%v, %v", got, err)
	}
	says(t, "applied", fault.FieldsOf(err), "is odd; email has already been taken; name is needed")
}

func TestTags(t *testing.T) {
	type item struct {
		Name  string  `form:"title" validate:"required,min=2"`
		Count int     `validate:"required,gte=1"`
		Code  string  `validate:"slug"`
		Mail  *string `validate:"email"`
		Other string  `validate:"required"` // takes no input here
	}
	change := func(i item, p params) fault.Fields {
		return changeset.Cast(i, p, "title", "count", "code", "mail").Tags().Errors()
	}
	says(t, "nothing", change(item{}, params{}), "count can't be blank; title can't be blank")
	says(t, "good", change(item{}, params{"title": "ab", "count": 1, "code": "", "mail": ""}), "")
	says(t, "bad", change(item{}, params{"title": "a", "count": 0, "code": "A", "mail": "x"}),
		"code must be lower-case letters, digits and single hyphens; count must be at least 1; mail must be an e-mail address; title must be at least 2 characters")
}

func TestTranslation(t *testing.T) {
	cs := changeset.Cast(user{}, params{"name": "a", "tags": []any{"a"}, "age": "x"}, "name", "tags", "age").
		Length("name", changeset.Min(2)).Length("tags", changeset.Is(1)).Length("name", changeset.MinBytes(2)).
		Translate(func(m changeset.Message) string {
			switch {
			case m.Text == "must be at least {count} characters" && m.One == "must be at least {count} character":
				return m.Fill("braucht mindestens {count} Zeichen")
			case m.Text == "must be a whole number":
				return "muss eine ganze Zahl sein"
			}
			return ""
		})
	says(t, "translated", cs.Errors(), "age muss eine ganze Zahl sein; name braucht mindestens 2 Zeichen; name must be at least 2 bytes")
	if p := cs.Problems(); len(p) != 3 || p[1].Field != "name" || p[1].Message.Count != 2 || p[1].Message.String() != "must be at least 2 characters" {
		t.Errorf("%v", p)
	}
}

func TestNothingIsPrinted(t *testing.T) {
	cs := changeset.Cast(user{}, params{"name": "visible", "password": "hunter2", "answer": "hunter2", "age": "hunter2"}, all...).Length("answer", changeset.Min(20))
	_, err := cs.Apply()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%q", "%x"} {
		for what, x := range map[string]any{"changeset": cs, "copy": *cs, "error": err, "params": params{"password": "hunter2"}} {
			if text := fmt.Sprintf(verb, x); strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
				t.Errorf("%s of a %s is %s", verb, what, text)
			}
		}
	}
	if text := fault.Inspect(cs) + fault.Inspect(params{"password": "hunter2"}); strings.Contains(text, "hunter2") {
		t.Errorf("Inspect gives %s", text)
	}
	want := `changeset.Changeset[changeset_test.user]{Changes: [name password answer], Errors: "age must be a whole number; answer must be at least 20 characters"}`
	if cs.String() != want {
		t.Errorf("it is %s", cs)
	}
	_ = changeset.Changeset[user]{}.String()
}

func TestWiringMistakesPanic(t *testing.T) {
	type two struct {
		A string `form:"x"`
		B string `json:"x"`
	}
	cs := changeset.New(user{})
	for want, f := range map[string]func(){
		`changeset: user has no field "nmae"`:             func() { changeset.New(user{}, "nmae") },
		`changeset: user has no field "nmea"`:             func() { cs.Required("nmea") },
		`changeset: user has no field "x"`:                func() { cs.AddError("x.name", changeset.Message{}) },
		`changeset: field "hash" of user cannot be cast`:  func() { changeset.New(user{}, "hash") },
		`changeset: field "any" of user cannot be cast`:   func() { changeset.New(user{}, "any") },
		`two fields called "x"`:                           func() { changeset.New(two{}) },
		`not of int`:                                      func() { changeset.New(5) },
		`field "age" of user is a int: Number is for`:     func() { cs.Length("age", changeset.Min(1)) },
		`field "name" of user is a string: Number is for`: func() { cs.Number("name", changeset.Min(1)) },
		`"1.5" is not a value of int`:                     func() { cs.Number("age", changeset.Min(1.5)) },
		`gt does not go with string`:                      func() { cs.Length("name", changeset.Above(1)) },
		`field "tags" of user has no text`:                func() { cs.Inclusion("tags", "a") },
		`field "name" of user is no list of texts`:        func() { cs.Subset("name", "a") },
		`field "age" of user is a int, not a string`:      func() { changeset.Check(cs, "age", func(string) string { return "" }) },
		`field "name" of user is a string, not a changeset_test.two`: func() {
			changeset.Nested(cs, "name", func(two, params) *changeset.Changeset[two] { return nil })
		},
	} {
		mustPanic(t, want, f)
	}
}

func BenchmarkCast(b *testing.B) {
	in := params{"name": "Ann Smith", "email": "ann@example.com", "age": "30", "admin": "on", "height": "1.5"}
	b.ReportAllocs()
	for b.Loop() {
		cs := changeset.Cast(user{}, in, "name", "email", "age", "admin", "height").
			Required("name", "email").Length("name", changeset.Min(3), changeset.Max(20)).Number("age", changeset.Min(18))
		if _, err := cs.Apply(); err != nil {
			b.Fatal(err)
		}
	}
}
