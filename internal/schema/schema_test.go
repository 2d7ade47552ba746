package schema_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"image"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/schema"
)

func (size) Enum() []size { return []size{1, 2} }

type (
	ID    int64
	Names []string
	Hash  []byte
	Loop  *Loop
	List  []List
	// sealed cannot be read: encoding/json does not set the pointer.
	sealed struct {
		*hidden
		X bool
	}
	code struct {
		Call func() `json:",omitempty"`
		N    int
	}
	zeroes []int
)

func (zeroes) IsZero() bool { return false }

func TestTypes(t *testing.T) {
	const null = `"null"`
	for _, c := range []struct {
		of         any // a pointer
		in, out    string
		inTS, tsOf string // in, and out
	}{
		{new(bool), `{"type":"boolean"}`, "", "boolean", ""},
		{new(string), `{"type":"string"}`, "", "string", ""},
		{new(int8), `{"type":"integer","format":"int8","minimum":-128,"maximum":127}`, "", "number", ""},
		{new(int32), `{"type":"integer","format":"int32","minimum":-2147483648,"maximum":2147483647}`, "", "number", ""},
		{new(int), `{"type":"integer","format":"int64"}`, "", "number", ""},
		{new(ID), `{"type":"integer","format":"int64"}`, "", "number", ""},
		{new(uint8), `{"type":"integer","format":"uint8","minimum":0,"maximum":255}`, "", "number", ""},
		{new(uint32), `{"type":"integer","format":"uint32","minimum":0,"maximum":4294967295}`, "", "number", ""},
		{new(uint64), `{"type":"integer","format":"uint64","minimum":0}`, "", "number", ""},
		{new(float32), `{"type":"number","format":"float"}`, "", "number", ""},
		{new(float64), `{"type":"number","format":"double"}`, "", "number", ""},
		{new([]byte), `{"type":"string","contentEncoding":"base64"}`, "", "string", ""},
		{new(Hash), `{"type":"string","contentEncoding":"base64"}`, "", "string", ""},
		{new([2]byte), `{"type":"array","minItems":2,"maxItems":2,"items":{"type":"integer","format":"uint8","minimum":0,"maximum":255}}`, "", "[number, number]", ""},
		{new([9]bool), `{"type":"array","minItems":9,"maxItems":9,"items":{"type":"boolean"}}`, "", "boolean[]", ""},
		{new(any), `{}`, "", "unknown", ""},
		{new(error), `{}`, "", "unknown", ""},
		{new(json.RawMessage), `{}`, "", "unknown", ""},
		{new(json.Number), `{"type":"number"}`, "", "number", ""},
		{new(time.Time), `{"type":"string","format":"date-time"}`, "", "string", ""},
		{new(time.Duration), `{"type":"integer","format":"int64","description":"In nanoseconds."}`, "", "number", ""},
		{new(fault.Secret), `{"type":"string","format":"password","writeOnly":true}`, "", "string", ""},
		{new(netip.Addr), `{"type":"string"}`, "", "string", ""},
		{new(*big.Int), `{}`, "", "unknown", ""},
		{new(upper), `{"type":"string"}`, `{}`, "string", "unknown"},
		{new(*upper), `{"type":["string",` + null + `]}`, "", "string | null", ""},
		{new([]upper), `{"type":"array","items":{"type":"string"}}`, "", "string[]", ""},
		{new(struct{ time.Time }), `{}`, "", "unknown", ""},
		{new(*int8), `{"type":["integer",` + null + `],"format":"int8","minimum":-128,"maximum":127}`, "", "number | null", ""},
		{new(**bool), `{"type":["boolean",` + null + `]}`, "", "boolean | null", ""},
		{new([]string), `{"type":"array","items":{"type":"string"}}`, "", "string[]", ""},
		{new([][]string), `{"type":"array","items":{"type":"array","items":{"type":"string"}}}`,
			`{"type":"array","items":{"type":["array",` + null + `],"items":{"type":"string"}}}`, "string[][]", "(string[] | null)[]"},
		{new(*[]string), `{"type":["array",` + null + `],"items":{"type":"string"}}`, "", "string[] | null", ""},
		{new(map[string]int), `{"type":"object","additionalProperties":{"type":"integer","format":"int64"}}`, "", "Record<string, number>", ""},
		{new(map[int8]any), `{"type":"object","propertyNames":{"pattern":"^-?[0-9]+$"},"additionalProperties":{}}`, "", "Record<string, unknown>", ""},
		{new(map[netip.Addr]*bool), `{"type":"object","additionalProperties":{"type":["boolean",` + null + `]}}`, "", "Record<string, boolean | null>", ""},
		{new(Names), `{"$ref":"#/components/schemas/Names"}`, "", "Names", ""},
		{new(*Names), `{"anyOf":[{"$ref":"#/components/schemas/Names"},{"type":` + null + `}]}`, "", "Names | null", ""},
		{new(shade), `{"$ref":"#/components/schemas/Shade"}`, "", "Shade", ""},
		{new([]shade), `{"type":"array","items":{"$ref":"#/components/schemas/Shade"}}`, "", "Shade[]", ""},
		{new([]*node), `{"type":"array","items":{"anyOf":[{"$ref":"#/components/schemas/Node"},{"type":` + null + `}]}}`, "", "(Node | null)[]", ""},
		{new(Loop), `{}`, "", "unknown", ""},
		{new(struct{}), `{"type":"object"}`, "", "{}", ""},
		{new(struct {
			A int `json:"a-b"`
			B *bool
		}), `{"type":"object","properties":{"a-b":{"type":"integer","format":"int64"},"B":{"type":["boolean","null"]}}}`,
			`{"type":"object","properties":{"a-b":{"type":"integer","format":"int64"},"B":{"type":["boolean","null"]}},"required":["B","a-b"]}`,
			"{\n  \"a-b\"?: number;\n  B?: boolean | null;\n}", "{\n  \"a-b\": number;\n  B: boolean | null;\n}"},
	} {
		typ := reflect.TypeOf(c.of).Elem()
		if c.out == "" {
			c.out, c.tsOf = c.in, c.inTS
		}
		var in, out schema.Builder
		s, o := in.In(typ), out.Out(typ)
		for _, pair := range [][3]string{
			{"in", string(encode(t, s)), c.in}, {"out", string(encode(t, o)), c.out},
			{"in", s.TypeScript(), c.inTS}, {"out", o.TypeScript(), c.tsOf},
		} {
			if pair[1] != pair[2] {
				t.Errorf("%v %s:\n%s\nnot\n%s", typ, pair[0], pair[1], pair[2])
			}
		}
	}
}

// declarations gives the TypeScript of types as they are read and as they are written.
func declarations(t *testing.T, b *schema.Builder, in, out []reflect.Type) string {
	t.Helper()
	for _, typ := range in {
		b.In(typ)
	}
	for _, typ := range out {
		b.Out(typ)
	}
	var text strings.Builder
	if err := b.TypeScript(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

var update = flag.Bool("update", false, "write what is there as what is wanted")

// golden compares a text to a file in testdata.
func golden(t *testing.T, file, got string) {
	t.Helper()
	file = filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not\n%s", file, got)
	}
}

func TestStructs(t *testing.T) {
	type all struct {
		Outer  outer
		Forest forest
		Matrix matrix
		Level  level
		Size   *size
		Sealed sealed
		Clash  clash
		Twice  twice
		Code   code
		List   List
		Zeroes zeroes    `json:",omitzero"`
		Long   int64     `json:",string"`
		Truth  *bool     `json:",string,omitempty"`
		Text   string    `json:",string"`
		Real   float64   `json:"-,"` //lint:ignore SA5008 it is called -
		Gone   chan int  `json:"-"`
		Date   time.Time `json:",omitzero"`
		Array  [2]int    `json:",omitempty"`
		None   [0]int    `json:",omitempty"`
	}
	typ := []reflect.Type{reflect.TypeFor[all]()}
	golden(t, "out.ts", declarations(t, new(schema.Builder), nil, typ))
	golden(t, "in.ts", declarations(t, new(schema.Builder), typ, nil))
	golden(t, "emptynil.ts", declarations(t, &schema.Builder{EmptyNil: true}, nil, typ))
}

// Point is also a type of package image.
type Point struct{ X, Y float64 }

type Account struct {
	_        struct{}       `doc:"Who can sign in."`
	ID       int64          `json:"id" doc:"Never changes." example:"7"`
	Name     string         `json:"name" validate:"required,min=3,max=20,pattern=^[a-z](?:[a-z]|_)*$" doc:"What others see,\nand */ search for." example:"ann"`
	Email    *string        `json:"email" validate:"required,email"`
	Role     string         `json:"role" validate:"oneof=admin user" example:"user"`
	Age      uint8          `json:"age" validate:"gte=18,lt=150"`
	Share    *float64       `json:"share" validate:"gt=0,lte=1"`
	Tags     []string       `json:"tags" validate:"required,max=5,slug" example:"[\"a\",\"b\"]"`
	Limits   map[string]int `json:"limits,omitempty" validate:"min=1"`
	Names    Names          `json:"names" validate:"len=2"`
	Wait     time.Duration  `json:"wait" validate:"min=1s" doc:"Between two mails."`
	Password fault.Secret   `json:"password" validate:"required,min=8"`
	Site     string         `json:"site" validate:"omitempty,url"`
	Odd      string         `json:"odd" validate:"pattern=(?i)^x$"`
	Shade    *shade         `json:"shade" validate:"required" doc:"As in dark mode."`
	Where    Point          `json:"where" validate:"required"`
	Friends  []Account      `json:"friends,omitempty"`
	Param    string         `json:"param" path:"param"`
}

// AccountInput is in the way of what Account would have been called.
type AccountInput struct {
	Same Point
	Page Page[Page[[]Point]]
}

func TestComponents(t *testing.T) {
	b := schema.Builder{
		Reserved: []string{"Page"},
		Skip:     func(f reflect.StructField) bool { return f.Tag.Get("path") != "" },
	}
	types := []reflect.Type{
		reflect.TypeFor[Account](), reflect.TypeFor[AccountInput](), reflect.TypeFor[map[string]image.Point](),
		reflect.TypeFor[Page[Point]](), reflect.TypeFor[Page[image.Point]](), reflect.TypeFor[Page[*int]](),
	}
	golden(t, "components.ts", declarations(t, &b, types, types))
	var text bytes.Buffer
	if err := json.Indent(&text, encode(t, b.Components()), "", "  "); err != nil {
		t.Fatal(err)
	}
	golden(t, "components.json", text.String())
}

func TestInField(t *testing.T) {
	var b schema.Builder
	f, _ := reflect.TypeFor[Account]().FieldByName("Name")
	s, required := b.InField(f)
	if !required || *s.MinLength != 3 || s.Description == "" || s.Examples == nil {
		t.Errorf("%s, %v", encode(t, s), required)
	}
	f, _ = reflect.TypeFor[Account]().FieldByName("ID")
	if s, required = b.InField(f); required || s.Format != "int64" {
		t.Errorf("%s, %v", encode(t, s), required)
	}
}

// TestOneComponent wants one component for what is read as it is written.
func TestOneComponent(t *testing.T) {
	type same struct {
		Next  *same `json:",omitempty" validate:"required"`
		Shade shade `validate:"required"`
	}
	type loose struct {
		Next *loose `json:",omitempty"`
	}
	var b schema.Builder
	in, out := b.In(reflect.TypeFor[loose]()), b.Out(reflect.TypeFor[loose]())
	if len(b.Components()) != 2 || in.TypeScript() != "LooseInput" || out.TypeScript() != "Loose" {
		t.Errorf("loose: %s", encode(t, b.Components())) // null is read, but never written
	}
	type stable struct {
		Name string   `json:",omitempty"`
		Subs []stable `json:",omitempty"`
	}
	b = schema.Builder{}
	in, out = b.In(reflect.TypeFor[stable]()), b.Out(reflect.TypeFor[stable]())
	if len(b.Components()) != 1 || in.TypeScript() != "Stable" || out.TypeScript() != "Stable" {
		t.Errorf("stable: %s", encode(t, b.Components()))
	}
	b = schema.Builder{}
	if in = b.In(reflect.TypeFor[same]()); in.TypeScript() != "Same" {
		t.Errorf("only read: %s", in.TypeScript())
	}
	b.Out(reflect.TypeFor[same]())
	if in.TypeScript() != "SameInput" || len(b.Components()) != 3 {
		t.Errorf("written too: %s", encode(t, b.Components()))
	}
}

// TestLocalNames has two types that nothing but a number tells apart.
func TestLocalNames(t *testing.T) {
	first := func() reflect.Type {
		type local struct{ A int }
		return reflect.TypeFor[local]()
	}()
	second := func() reflect.Type {
		type local struct{ B int }
		return reflect.TypeFor[local]()
	}()
	var b schema.Builder
	one, other := b.Out(first).TypeScript(), b.Out(second)
	const path = "GithubComBennuGoBennuInternalSchemaTestLocal"
	if one != "Local" || other.TypeScript() != path+"2" || b.Out(first).TypeScript() != path {
		t.Errorf("%s and %s of %s", b.Out(first).TypeScript(), other.TypeScript(), encode(t, b.Components()))
	}
}

func TestWhatJSONCannotCarry(t *testing.T) {
	for want, typ := range map[string]reflect.Type{
		"schema: struct { C chan int }.C: JSON has nothing for chan int": reflect.TypeFor[struct{ C chan int }](),
		"schema: complex64: JSON has nothing for complex64":              reflect.TypeFor[complex64](),
		"schema: map[bool]int: JSON has no keys for map[bool]int":        reflect.TypeFor[map[bool]int](),
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("%v: panic %v", typ, got)
				}
			}()
			new(schema.Builder).Out(typ)
		}()
	}
	s := new(schema.Builder).In(reflect.TypeFor[struct{ C chan int }]())
	if got := string(encode(t, s)); got != `{"type":"object"}` {
		t.Error(got)
	}
}

// What is let in when it is zero is not refused by the schema.
func TestOmitEmptyLetsZeroIn(t *testing.T) {
	type form struct {
		Phone string   `json:"phone" validate:"omitempty,min=3,max=9,pattern=^[0-9]+$"`
		Kind  string   `json:"kind" validate:"omitempty,oneof=a b"`
		Age   int      `json:"age" validate:"omitempty,min=18"`
		Tags  []string `json:"tags" validate:"omitempty,min=1,max=3"`
	}
	var b schema.Builder
	b.In(reflect.TypeFor[form]())
	text, err := json.Marshal(b.Components())
	if err != nil {
		t.Fatal(err)
	}
	for _, refused := range []string{`"pattern"`, `"enum"`, `"minLength"`, `"minItems"`, `"minimum":18`} {
		if strings.Contains(string(text), refused) {
			t.Errorf("%s is in %s", refused, text)
		}
	}
	for _, kept := range []string{`"maxLength":9`, `"maxItems":3`} {
		if !strings.Contains(string(text), kept) {
			t.Errorf("%s is not in %s", kept, text)
		}
	}
}
