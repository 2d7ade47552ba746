package cast_test

import (
	"encoding/json"
	"errors"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/internal/cast"
)

type small int8

type place struct {
	City string `json:"city"`
	Zip  int
	Back *place
}

type base struct{ ID int }

type everything struct {
	base
	base2
	Name    string         `form:"title" json:"name"`
	Hidden  string         `json:"-"`
	At      time.Time      `json:"at,omitempty"`
	UserID  *int           // user_id
	Tags    []string       // tags
	Places  []place        // places
	Prices  map[string]int // prices
	private int
}

type base2 struct{ Name string } // hidden by everything's Name

func of(t *testing.T, goType reflect.Type) *cast.Type {
	t.Helper()
	c, err := cast.Of(goType)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTexts(t *testing.T) {
	day := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		text string
		want any // its type is what is converted; nil means refused
		of   any
	}{
		{"", "", nil},
		{"größer\n", "größer\n", nil},
		{"a\xff", nil, ""},
		{"a\x00", nil, ""},
		{"true", true, nil},
		{"on", true, nil},
		{"off", false, nil},
		{"0", false, nil},
		{"yes", nil, true},
		{"", nil, true},
		{"-128", small(-128), nil},
		{"127", small(127), nil},
		{"128", nil, small(0)},
		{"-129", nil, small(0)},
		{"1_0", nil, 0},
		{"1.0", nil, 0},
		{" 1", nil, 0},
		{"9223372036854775807", int64(math.MaxInt64), nil},
		{"9223372036854775808", nil, int64(0)},
		{"255", uint8(255), nil},
		{"256", nil, uint8(0)},
		{"-1", nil, uint8(0)},
		{"18446744073709551615", uint64(math.MaxUint64), nil},
		{"0.1", 0.1, nil},
		{"0.1", float32(0.1), nil},
		{"1e39", nil, float32(0)},
		{"NaN", nil, 0.0},
		{"Inf", nil, 0.0},
		{"1e999", nil, 0.0},
		{"1m30s", 90 * time.Second, nil},
		{"90", nil, time.Second},
		{"2026-01-31", day, nil},
		{"2026-01-31T00:00", day, nil},
		{"2026-01-31T00:00:00", day, nil},
		{"2026-01-31T00:00:00Z", day, nil},
		{"2026-02-30", nil, day},
		{"2026-01-31 00:00", nil, day},
		{"10.0.0.1", netip.MustParseAddr("10.0.0.1"), nil},
		{"10.0.0", nil, netip.Addr{}},
	} {
		model := row.want
		if model == nil {
			model = row.of
		}
		c := of(t, reflect.TypeOf(model))
		v := reflect.New(reflect.TypeOf(model)).Elem()
		if ok := c.SetText(v, row.text); ok != (row.want != nil) {
			t.Errorf("%T of %q: %v", model, row.text, ok)
		} else if ok && !reflect.DeepEqual(v.Interface(), row.want) {
			t.Errorf("%T of %q is %v", model, row.text, v)
		} else if !ok && !v.IsZero() {
			t.Errorf("%T of %q was refused, and set to %v", model, row.text, v)
		}
	}
}

func TestValues(t *testing.T) {
	one := 1
	for _, row := range []struct {
		in   any
		want any // nil means refused
		of   any
	}{
		{"5", 5, nil},
		{json.Number("5"), 5, nil},
		{json.Number("5.5"), nil, 0},
		{5.0, 5, nil},
		{5.5, nil, 0},
		{float64(1 << 53), 1 << 53, nil},
		{float64(1 << 54), nil, 0},
		{math.NaN(), nil, 0},
		{uint64(math.MaxUint64), nil, 0},
		{true, nil, 0},
		{nil, 0, nil},
		{128, nil, small(0)},
		{127, small(127), nil},
		{-1, nil, uint(0)},
		{json.Number("18446744073709551615"), uint64(math.MaxUint64), nil},
		{uint64(math.MaxUint64), uint64(math.MaxUint64), nil},
		{256, nil, uint8(0)},
		{255.0, uint8(255), nil},
		{1, 1.0, nil},
		{json.Number("1e999"), nil, 1.0},
		{math.Inf(1), nil, 1.0},
		{1e39, nil, float32(1)},
		{true, true, nil},
		{"on", true, nil},
		{1, nil, true},
		{5, nil, ""},
		{json.Number("60"), time.Duration(60), nil},
		{"1m", time.Minute, nil},
		{"10.0.0.1", netip.MustParseAddr("10.0.0.1"), nil},
		{true, nil, netip.Addr{}},
		{json.Number("1"), &one, nil},
		{nil, (*int)(nil), nil},
		{"x", nil, &one},
		{[]any{"a", "b"}, []string{"a", "b"}, nil},
		{[]any{}, []string{}, nil},
		{"a", nil, []string{}},
		{[]any{1}, nil, []string{}},
		{map[string]any{"a": 1}, map[string]int{"a": 1}, nil},
		{map[string]any{"a": "x"}, nil, map[string]int{}},
		{map[string]any{"\xff": 1}, nil, map[string]int{}},
	} {
		model := row.want
		if model == nil {
			model = row.of
		}
		c := of(t, reflect.TypeOf(model))
		v := reflect.New(reflect.TypeOf(model)).Elem()
		if err := c.Set(v, row.in); (err == nil) != (row.want != nil) {
			t.Errorf("%T of %#v: %v", model, row.in, err)
		} else if err == nil && !reflect.DeepEqual(v.Interface(), row.want) {
			t.Errorf("%T of %#v is %v", model, row.in, v)
		} else if err != nil && !v.IsZero() {
			t.Errorf("%T of %#v was refused, and set to %v", model, row.in, v)
		}
	}
}

func TestStructs(t *testing.T) {
	c := of(t, reflect.TypeFor[everything]())
	in := everything{private: 7, Hidden: "kept"}
	err := c.Set(reflect.ValueOf(&in).Elem(), map[string]any{
		"id": "3", "title": "T", "name": "ignored", "hidden": "x", "Hidden": "x", "at": "2026-01-31", "user_id": json.Number("4"),
		"tags":   []any{"a"},
		"places": []any{map[string]any{"city": "Rome", "back": map[string]any{"zip": 5.0}}},
		"prices": map[string]any{"a": 1}, "unknown": 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	four := 4
	want := everything{
		base: base{ID: 3}, Name: "T", Hidden: "kept", At: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC), UserID: &four, Tags: []string{"a"},
		Places: []place{{City: "Rome", Back: &place{Zip: 5}}}, Prices: map[string]int{"a": 1}, private: 7,
	}
	if !reflect.DeepEqual(in, want) {
		t.Errorf("got %+v", in)
	}

	for text, given := range map[string]map[string]any{
		"places.1.zip must be a whole number": {"places": []any{map[string]any{}, map[string]any{"zip": "secret"}}},
		"places.0 must be an object":          {"places": []any{"secret"}},
		"prices.a must be a whole number":     {"prices": map[string]any{"a": "secret"}},
		"user_id must be a whole number":      {"user_id": "secret", "title": "changed"},
	} {
		err := c.Set(reflect.ValueOf(&in).Elem(), given)
		var e *cast.Error
		if !errors.As(err, &e) || err.Error() != text {
			t.Errorf("%v gives %v, want %q", given, err, text)
		}
		if !reflect.DeepEqual(in, want) {
			t.Errorf("%v has changed it to %+v", given, in)
		}
	}
	if err := c.Set(reflect.ValueOf(&in).Elem(), []any{}); err == nil || err.Error() != "must be an object" {
		t.Errorf("a list gives %v", err)
	}
}

func TestTextsOfValues(t *testing.T) {
	one := 1
	for _, row := range []struct {
		in   any
		text string
		ok   bool
	}{
		{"a", "a", true},
		{true, "true", true},
		{small(-3), "-3", true},
		{uint(3), "3", true},
		{1e6, "1000000", true},
		{float32(0.1), "0.1", true},
		{1e21, "1e+21", true},
		{math.NaN(), "", false},
		{time.Minute, "1m0s", true},
		{time.Date(2026, 1, 31, 1, 2, 3, 4, time.UTC), "2026-01-31T01:02:03.000000004Z", true},
		{netip.MustParseAddr("::1"), "::1", true},
		{&one, "1", true},
		{(*int)(nil), "", false},
		{[]string{"a"}, "", false},
		{everything{}, "", false},
	} {
		c := of(t, reflect.TypeOf(row.in))
		if text, ok := c.Text(reflect.ValueOf(row.in)); text != row.text || ok != row.ok {
			t.Errorf("%T %v is %q, %v", row.in, row.in, text, ok)
		}
	}
}

func TestTypesWithoutText(t *testing.T) {
	for _, v := range []any{func() {}, make(chan int), []byte{}, map[int]string{}, new(*int), 1i, struct{ F func() }{}, [2]int{}} {
		if _, err := cast.Of(reflect.TypeOf(v)); err == nil {
			t.Errorf("there is a conversion for %T", v)
		}
	}
	if c := of(t, reflect.TypeFor[[]int]()); c.IsText() || c.Elem().Want() != "a whole number" || c.SetText(reflect.Value{}, "") {
		t.Errorf("a list is a text")
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"Name": "name", "UserID": "user_id", "HTMLBody": "html_body", "X": "x", "ID": "id", "Über": "über", "A_B": "a_b", "Line2": "line2",
	} {
		if got := cast.Snake(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func FuzzSet(f *testing.F) {
	f.Add(`{"title": "a", "at": "2026-01-31T12:00", "user_id": 1, "tags": ["a"], "places": [{"zip": "1"}], "prices": {"a": 1}}`)
	f.Add(`{"places": [{"back": {"back": {"zip": 1e400}}}]}`)
	f.Add(`[]`)
	c, err := cast.Of(reflect.TypeFor[everything]())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var x any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if d.Decode(&x) != nil {
			return
		}
		var in everything
		if err := c.Set(reflect.ValueOf(&in).Elem(), x); err != nil && !reflect.DeepEqual(in, everything{}) {
			t.Errorf("refused with %v, and set to %+v", err, in)
		}
	})
}

// FuzzText: what is read is written so that it is read again.
func FuzzText(f *testing.F) {
	for _, text := range []string{"1", "-1", "0.1", "1e21", "on", "1m", "2026-01-31", "2026-01-31T12:00:00+01:00", "10.0.0.1"} {
		f.Add(text)
	}
	var all []*cast.Type
	types := []reflect.Type{
		reflect.TypeFor[string](), reflect.TypeFor[bool](), reflect.TypeFor[small](), reflect.TypeFor[uint16](), reflect.TypeFor[float32](),
		reflect.TypeFor[float64](), reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](), reflect.TypeFor[netip.Addr](),
	}
	for _, goType := range types {
		c, err := cast.Of(goType)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, c)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i, c := range all {
			first, again := reflect.New(types[i]).Elem(), reflect.New(types[i]).Elem()
			if !c.SetText(first, text) {
				continue
			}
			written, ok := c.Text(first)
			if !ok {
				if types[i] == reflect.TypeFor[time.Time]() { // the zero time
					continue
				}
				t.Fatalf("%v of %q has no text", types[i], text)
			}
			if !c.SetText(again, written) {
				t.Fatalf("%v: %q is written %q, which cannot be read", types[i], text, written)
			}
			if rewritten, _ := c.Text(again); rewritten != written {
				t.Fatalf("%v: %q is written %q and then %q", types[i], text, written, rewritten)
			}
		}
	})
}

func BenchmarkSetText(b *testing.B) {
	c, _ := cast.Of(reflect.TypeFor[int]())
	v := reflect.New(reflect.TypeFor[int]()).Elem()
	b.ReportAllocs()
	for b.Loop() {
		c.SetText(v, "12345")
	}
}

func BenchmarkSet(b *testing.B) {
	type five struct {
		Name, Email string
		Age         int
		Admin       bool
		Score       float64
	}
	c, _ := cast.Of(reflect.TypeFor[five]())
	var in five
	v := reflect.ValueOf(&in).Elem()
	var x any = map[string]any{"name": "Ann", "email": "ann@example.com", "age": json.Number("30"), "admin": true, "score": json.Number("1.5")}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Set(v, x); err != nil {
			b.Fatal(err)
		}
	}
}
