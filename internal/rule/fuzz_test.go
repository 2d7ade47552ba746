package rule_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/internal/rule"
)

func FuzzMissing(f *testing.F) {
	f.Add([]byte(`{"address": {}, "items": [{}], "by_name": {"a": {}}, "next": {"address": {}}}`))
	f.Add([]byte(`{"address": null, "ADDRESS": {"zip": 1}}`))
	r := rules[order]()
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := r.Missing(raw)
		if len(got) > 0 && !json.Valid(raw) {
			t.Errorf("%q is not JSON, and %v is missing", raw, got)
		}
		var in order
		if json.Unmarshal(raw, &in) == nil {
			r.Check(reflect.ValueOf(in))
			if got["address"] != nil && in.Address.City+in.Name != in.Name && !strings.Contains(strings.ToLower(string(raw)), "null") {
				t.Errorf("the address of %q is missing, and is %v", raw, in.Address)
			}
		}
	})
}

// FuzzCharacters: a limit gives no other count.
func FuzzCharacters(f *testing.F) {
	f.Add("a\r\ne\u0301👨‍👩‍👧‍👦\xff")
	f.Fuzz(func(t *testing.T, text string) {
		all := rule.Characters(text, len(text))
		if all > len(text) || (all == 0) != (text == "") {
			t.Errorf("%q has %d characters", text, all)
		}
		for _, limit := range []int{0, all - 1, all, all + 1} {
			if limit >= 0 && rule.Characters(text, limit) != min(all, limit+1) {
				t.Errorf("%q has %d characters, up to %d there are %d", text, all, limit, rule.Characters(text, limit))
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	type user struct {
		Name  string  `validate:"required,min=3,max=20"`
		Email string  `validate:"required,email"`
		Age   int     `validate:"gte=18,lte=130"`
		Role  string  `validate:"oneof=admin user guest"`
		Score float64 `validate:"gt=0"`
	}
	r := rules[user]()
	v := reflect.ValueOf(&user{"Ann Smith", "ann@example.com", 30, "user", 1}).Elem()
	b.ReportAllocs()
	for b.Loop() {
		if r.Check(v) != nil {
			b.Fatal()
		}
	}
}
