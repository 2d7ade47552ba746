package rule_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/cast"
	"github.com/bennu-go/bennu/internal/rule"
)

func rules[T any]() *rule.Rules { return rule.Of(reflect.TypeFor[T](), cast.NameOf) }

func check[T any](v T) fault.Fields { return rules[T]().Check(reflect.ValueOf(v)) }

func says(t *testing.T, what string, got fault.Fields, want string) {
	t.Helper()
	if got.String() != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

type number struct {
	Min  int           `validate:"min=3"`
	Max  uint8         `validate:"max=20"`
	Gt   float64       `validate:"gt=0"`
	Lt   int64         `validate:"lt=9007199254740993"`
	Wait time.Duration `validate:"gte=1s,lte=1m"`
	One  int           `validate:"oneof=1 2"`
}

func TestNumbers(t *testing.T) {
	good := number{Min: 3, Max: 20, Gt: 0.1, Lt: 9007199254740992, Wait: time.Second, One: 2}
	says(t, "good", check(good), "")
	for want, change := range map[string]func(n *number){
		"min must be at least 3":                func(n *number) { n.Min = 2 },
		"max must be at most 20":                func(n *number) { n.Max = 21 },
		"gt must be greater than 0":             func(n *number) { n.Gt = 0 },
		"lt must be less than 9007199254740993": func(n *number) { n.Lt = 9007199254740993 },
		"wait must be at least 1s":              func(n *number) { n.Wait = time.Second - 1 },
		"wait must be at most 1m":               func(n *number) { n.Wait = time.Minute + 1 },
		"one must be one of 1, 2":               func(n *number) { n.One = 3 },
	} {
		n := good
		change(&n)
		says(t, "changed", check(n), want)
	}
}

func TestTexts(t *testing.T) {
	type text struct {
		Min   string       `validate:"min=2,omitempty"`
		Max   string       `validate:"max=2"`
		Len   string       `validate:"omitempty,len=1"`
		Bytes fault.Secret `validate:"omitempty,min=2,maxbytes=4,minbytes=3"`
		Role  string       `validate:"omitempty,oneof=admin user"`
		Code  string       `validate:"omitempty,pattern=^[a-z]{2,3}$"`
		Nick  *string      `validate:"min=2"`
	}
	short, long := "a", "aa"
	family, zalgo := "👨‍👩‍👧‍👦", "a"+strings.Repeat("\u0301", 64)
	for _, row := range []struct {
		in   text
		want string
	}{
		{text{}, ""},
		{text{Min: "a"}, "min must be at least 2 characters"},
		{text{Min: family}, "min must be at least 2 characters"},
		{text{Min: family + "a"}, ""},
		{text{Max: family + family}, ""},
		{text{Max: family + family + "a"}, "max must be at most 2 characters"},
		{text{Max: "e\u0301\r\n"}, ""},
		{text{Max: zalgo}, "max must be at most 2 characters"},
		{text{Len: "é"}, ""},
		{text{Len: "ab"}, "len must be 1 character"},
		{text{Bytes: fault.NewSecret("ö")}, "bytes must be at least 2 characters; bytes must be at least 3 bytes"},
		{text{Bytes: fault.NewSecret("abcde")}, "bytes must be at most 4 bytes"},
		{text{Bytes: fault.NewSecret("abcd")}, ""},
		{text{Role: "root"}, "role must be one of admin, user"},
		{text{Role: "user", Code: "abc", Nick: &long}, ""},
		{text{Code: "abcd"}, "code has an invalid format"},
		{text{Nick: &short}, "nick must be at least 2 characters"},
	} {
		says(t, fault.Inspect(row.in), check(row.in), row.want)
	}
}

func TestFormats(t *testing.T) {
	type formats struct {
		Email string `validate:"omitempty,email"`
		URL   string `validate:"omitempty,url"`
		UUID  string `validate:"omitempty,uuid"`
		Slug  string `validate:"omitempty,slug"`
	}
	long := strings.Repeat("a", 64)
	for in, ok := range map[formats]bool{
		{Email: "a@b"}:                                   true,
		{Email: "ann.o'neil+x@mail.example.com"}:         true,
		{Email: "jörg@büro.example"}:                     true,
		{Email: long + "@b"}:                             true,
		{Email: long + "a@b"}:                            false,
		{Email: "a@" + long}:                             false,
		{Email: "a"}:                                     false,
		{Email: "@b"}:                                    false,
		{Email: "a@"}:                                    false,
		{Email: "a@b."}:                                  false,
		{Email: "a@-b"}:                                  false,
		{Email: "a b@c"}:                                 false,
		{Email: "a@b\n"}:                                 false,
		{Email: "Ann <a@b>"}:                             false,
		{Email: "a..b@c"}:                                false,
		{Email: "a@b@c"}:                                 false,
		{URL: "https://example.com/a?b#c"}:               true,
		{URL: "http://[::1]:80"}:                         true,
		{URL: "javascript:alert(1)"}:                     false,
		{URL: "//example.com"}:                           false,
		{URL: "https:///a"}:                              false,
		{URL: "https://a/ b"}:                            false,
		{URL: "https://:80"}:                             false,
		{UUID: "123e4567-E89b-12d3-a456-426614174000"}:   true,
		{UUID: "123e4567-e89b-12d3-a456-42661417400"}:    false,
		{UUID: "123e4567-e89b-12d3-a456-42661417400g"}:   false,
		{UUID: "123e4567ee89b-12d3-a456-426614174000"}:   false,
		{UUID: "\x113e4567-e89b-12d3-a456-426614174000"}: false,
		{Slug: "a-1-b"}:                                  true,
		{Slug: "-a"}:                                     false,
		{Slug: "a-"}:                                     false,
		{Slug: "a--b"}:                                   false,
		{Slug: "A"}:                                      false,
	} {
		if got := check(in); (len(got) == 0) != ok {
			t.Errorf("%q gives %v", in, got)
		}
	}
}

type address struct {
	City string `json:"city" validate:"required"`
	Zip  int    `json:"zip" validate:"required"`
}

type embedded struct {
	Note string `validate:"max=1"`
}

type order struct {
	embedded
	Name    string             `json:"name" validate:"required"`
	Address address            `json:"address" validate:"required"`
	Other   *address           `json:"other"`
	Items   []address          `json:"items" validate:"required,max=2"`
	ByName  map[string]address `json:"by_name"`
	Tags    []string           `json:"tags" validate:"max=2,slug"`
	At      time.Time          `json:"at" validate:"required"`
	Next    *order             `json:"next"`
	ID      int                `path:"id" validate:"required"`
	Plain   struct{ A, B int }
}

func TestNests(t *testing.T) {
	city := address{City: "Rome", Zip: 1}
	good := order{Name: "a", Address: city, Items: []address{city}, At: time.Unix(1, 0)}
	says(t, "good", check(good), "")
	next := good
	next.Name = " \u00a0\n"
	bad := order{
		embedded: embedded{Note: "aa"}, Other: &address{}, Items: []address{city, {}, city}, ByName: map[string]address{"x": {}},
		Tags: []string{"a", "B"}, Next: &next,
	}
	says(t, "bad", check(bad), "address.city can't be blank; at can't be blank; by_name.x.city can't be blank; items must have at most 2 items; "+
		"items.1.city can't be blank; name can't be blank; next.name can't be blank; note must be at most 1 character; other.city can't be blank; tags.1 must be lower-case letters, digits and single hyphens")

	loop := good
	loop.Next = &loop
	says(t, "a value in itself", check(loop), "")
	many := make([]address, 101)
	if got := check(many); len(got) != 100 {
		t.Errorf("%d messages", len(got))
	}
	if got := check(many[:100]); len(got) != 100 {
		t.Errorf("%d messages", len(got))
	}
}

func TestMissing(t *testing.T) {
	r := rules[order]()
	for _, row := range []struct{ raw, want string }{
		{`{"address": {"city": "", "zip": 0}}`, ""},
		{`{"ADDRESS": {"Zip": 0}}`, ""},
		{`{}`, "address can't be blank"},
		{`{"address": null}`, "address can't be blank"},
		{`{"address": {}, "other": {}, "items": [{}, {"zip": 1}, null], "by_name": {"a": {}}, "next": {"address": {"zip": 1}, "other": {"zip": null}}}`,
			"address.zip can't be blank; by_name.a.zip can't be blank; items.0.zip can't be blank; next.other.zip can't be blank; other.zip can't be blank"},
		{`{"address": 5, "items": {}, "by_name": []}`, ""},
		{`[]`, ""},
		{`{`, ""},
		{``, ""},
		{`null`, ""},
	} {
		says(t, row.raw, r.Missing([]byte(row.raw)), row.want)
	}
	says(t, "a list", rules[[]address]().Missing([]byte(`[{}, {"zip": 1}]`)), "0.zip can't be blank")
	deep := strings.Repeat(`{"address": {"zip": 1}, "next": `, 1000) + "{}" + strings.Repeat("}", 1000)
	says(t, "deep", r.Missing([]byte(deep)), "")
	many := "[" + strings.Repeat("{},", 100) + "{}]"
	if got := rules[[]address]().Missing([]byte(many)); len(got) != 100 {
		t.Errorf("%d messages", len(got))
	}
	if rules[number]().AsksJSON() || !r.AsksJSON() {
		t.Error("the wrong types ask JSON")
	}
}

func TestConstraints(t *testing.T) {
	type all struct {
		Name string   `json:"name" validate:"required,min=3,max=20,oneof=a b"`
		Age  *int     `json:"age" validate:"gte=1,lt=200"`
		Size float64  `validate:"gt=0.5,lte=1e3"`
		Tags []string `validate:"len=2,email"`
		Code string   `validate:"omitempty,pattern=^a,b$"`
	}
	r := rules[all]()
	for field, want := range map[string]string{
		"name": `{"Required":true,"MinLength":3,"MaxLength":20,"Enum":["a","b"]}`,
		"age":  `{"Minimum":1,"ExclusiveMaximum":200}`,
		"size": `{"Maximum":1000,"ExclusiveMinimum":0.5}`,
		"tags": `{"MinItems":2,"MaxItems":2,"Format":"email"}`,
		"code": `{"OmitEmpty":true,"Pattern":"^a,b$"}`,
		"none": `{}`,
	} {
		text, err := json.Marshal(r.Field(field))
		if err != nil {
			t.Fatal(err)
		}
		var got, expected map[string]any
		_ = json.Unmarshal(text, &got)
		_ = json.Unmarshal([]byte(want), &expected)
		for name, value := range got {
			if value == nil || value == "" || value == false || value == 0.0 { // json.Number "" is 0
				delete(got, name)
			}
		}
		if !reflect.DeepEqual(got, expected) {
			t.Errorf("%s: %v, want %v", field, got, expected)
		}
	}
}

func TestWrongTagsPanic(t *testing.T) {
	for want, f := range map[string]func(){
		"min does not go with bool": func() {
			rules[struct {
				A bool `validate:"min=1"`
			}]()
		},
		`there is no rule "nim"`: func() {
			rules[struct {
				A int `validate:"nim=1"`
			}]()
		},
		`"x" is not a size`: func() {
			rules[struct {
				A string `validate:"min=x"`
			}]()
		},
		`"-1" is not a size`: func() {
			rules[struct {
				A string `validate:"max=-1"`
			}]()
		},
		`"1.5" is not a value of int`: func() {
			rules[struct {
				A int `validate:"min=1.5"`
			}]()
		},
		`"256" is not a value of uint8`: func() {
			rules[struct {
				A uint8 `validate:"max=256"`
			}]()
		},
		`"NaN" is not a value of float64`: func() {
			rules[struct {
				A float64 `validate:"max=NaN"`
			}]()
		},
		"not a regular expression": func() {
			rules[struct {
				A string `validate:"pattern=("`
			}]()
		},
		"oneof has no values": func() {
			rules[struct {
				A string `validate:"oneof="`
			}]()
		},
		"email does not go with int": func() {
			rules[struct {
				A []int `validate:"email"`
			}]()
		},
		"len does not go with int": func() {
			rules[struct {
				A int `validate:"len=1"`
			}]()
		},
		"is not exported": func() {
			rules[struct {
				a int `validate:"min=1"`
			}]()
		},
		"no name outside": func() {
			rules[struct {
				A int `json:"-" validate:"min=1"`
			}]()
		},
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "validate: ") || !strings.Contains(text, want) {
					t.Errorf("panics with %q, want %q", text, want)
				}
			}()
			f()
		}()
	}
}

func TestMessageFills(t *testing.T) {
	m := rule.Message{Text: "{count} {unit} {count}", Args: map[string]string{"unit": "{count}"}, Count: 2}
	if m.String() != "2 {count} 2" {
		t.Error(m)
	}
}

type list []list

type opaque struct {
	A int `validate:"required"`
}

func (*opaque) UnmarshalJSON([]byte) error { return nil }

func TestOddTypes(t *testing.T) {
	says(t, "a list of itself", check(list{{}}), "")
	says(t, "no struct", check(5), "")
	if rules[struct{ O opaque }]().AsksJSON() {
		t.Error("a type that reads its own JSON is asked for fields")
	}
	type plain = struct {
		A struct{ B []order2 }
	}
	v := reflect.ValueOf(plain{})
	if n := testing.AllocsPerRun(10, func() { rules2.Check(v) }); n > 0 {
		t.Errorf("a type without tags takes %v allocations", n)
	}
}

type order2 struct{ Next *order2 }

var rules2 = rule.Of(reflect.TypeFor[struct{ A struct{ B []order2 } }](), cast.NameOf)
