package schema_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/schema"
)

// leaves are types to build others of; with methods and without.
var leaves = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[int8](),
	reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](), reflect.TypeFor[uint](),
	reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
	reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[[]byte](), reflect.TypeFor[any](),
	reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](), reflect.TypeFor[fault.Secret](),
	reflect.TypeFor[json.Number](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[shade](),
	reflect.TypeFor[upper](), reflect.TypeFor[*upper](), reflect.TypeFor[never](), reflect.TypeFor[size](),
	reflect.TypeFor[base](), reflect.TypeFor[node](), reflect.TypeFor[*node](), reflect.TypeFor[forest](),
	reflect.TypeFor[matrix](), reflect.TypeFor[level](), reflect.TypeFor[Page[size]](), reflect.TypeFor[outer](),
	reflect.TypeFor[*big.Int](), reflect.TypeFor[clash](), reflect.TypeFor[twice](), reflect.TypeFor[struct{ time.Time }](),
}

// aType draws a type of structs, slices, maps, arrays and pointers, with tags.
func aType(t *rapid.T, depth int) reflect.Type {
	kind := 0
	if depth > 0 {
		kind = rapid.IntRange(0, 7).Draw(t, "kind")
	}
	switch kind {
	case 1:
		return reflect.PointerTo(aType(t, depth-1))
	case 2:
		return reflect.SliceOf(aType(t, depth-1))
	case 3:
		return reflect.ArrayOf(rapid.IntRange(0, 5).Draw(t, "length"), aType(t, depth-1))
	case 4:
		keys := []reflect.Type{
			reflect.TypeFor[string](), reflect.TypeFor[int16](), reflect.TypeFor[uint8](),
			reflect.TypeFor[netip.Addr](), reflect.TypeFor[level](), reflect.TypeFor[shade](),
		}
		return reflect.MapOf(rapid.SampledFrom(keys).Draw(t, "key"), aType(t, depth-1))
	case 5, 6, 7:
		var fields []reflect.StructField
		for i := range rapid.IntRange(0, 6).Draw(t, "fields") {
			tag := rapid.SampledFrom([]string{"", "n", "same", "a b", "-", "-,", "ä", `\"`}).Draw(t, "name")
			typ := aType(t, depth-1)
			options := rapid.SampledFrom([]string{"", ",omitempty", ",omitzero", ",string", ",omitempty,string", ",omitempty,omitzero"}).Draw(t, "options")
			if typ == reflect.TypeFor[level]() || typ == reflect.TypeFor[*level]() {
				options = "" // a number that is text: encoding/json cannot read what it writes with ",string"
			}
			fields = append(fields, reflect.StructField{
				Name: fmt.Sprintf("F%d", i),
				Type: typ,
				Tag:  reflect.StructTag(fmt.Sprintf(`json:%q`, tag+options)),
			})
		}
		return reflect.StructOf(fields)
	}
	return rapid.SampledFrom(leaves).Draw(t, "leaf")
}

// fill sets a value to something that encoding/json can write.
func fill(t *rapid.T, v reflect.Value, depth int) {
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = time.Unix(rapid.Int64Range(-1<<30, 1<<32).Draw(t, "time"), 5).UTC()
		return
	case *json.Number:
		*p = json.Number(rapid.SampledFrom([]string{"", "0", "-1.5e3"}).Draw(t, "number"))
		return
	case *fault.Secret:
		*p = fault.NewSecret(rapid.String().Draw(t, "secret"))
		return
	case *big.Int:
		p.SetInt64(rapid.Int64().Draw(t, "big"))
		return
	case *netip.Addr:
		*p = netip.AddrFrom4([4]byte{127, 0, 0, rapid.Byte().Draw(t, "address")})
		return
	case *shade:
		*p = rapid.SampledFrom(shade("").Enum()).Draw(t, "shade")
		return
	case *size:
		*p = rapid.SampledFrom(size(0).Enum()).Draw(t, "size")
		return
	case *level:
		*p = rapid.SampledFrom(level(0).Enum()).Draw(t, "level")
		return
	}
	some := func() int { return rapid.IntRange(0, max(0, min(depth, 3))).Draw(t, "some") }
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.String:
		v.SetString(rapid.String().Draw(t, "string"))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "int") >> (64 - v.Type().Bits()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(t, "uint") >> (64 - v.Type().Bits()))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(rapid.Float32().Draw(t, "float")))
	case reflect.Interface:
		if rapid.Bool().Draw(t, "set") {
			v.Set(reflect.ValueOf("anything"))
		}
	case reflect.Pointer:
		if depth > 0 && rapid.Bool().Draw(t, "set") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), depth-1)
		}
	case reflect.Slice:
		if rapid.Bool().Draw(t, "set") {
			n := some()
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				fill(t, v.Index(i), depth-1)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), depth-1)
		}
	case reflect.Map:
		if rapid.Bool().Draw(t, "set") {
			v.Set(reflect.MakeMap(v.Type()))
			for range some() {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(t, key, depth-1)
				fill(t, value, depth-1)
				v.SetMapIndex(key, value)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				fill(t, v.Field(i), depth-1)
			} else if f.Anonymous && f.Type.Kind() == reflect.Struct {
				for j := range f.Type.NumField() {
					if f.Type.Field(j).IsExported() {
						fill(t, v.Field(i).Field(j), depth-1)
					}
				}
			}
		}
	}
}

// TestWhatIsWrittenKeepsToOut encodes values of random types.
func TestWhatIsWrittenKeepsToOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := aType(t, 3)
		v := reflect.New(typ).Elem()
		fill(t, v, 6)
		if (typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map) && v.IsNil() {
			return // the root is said to be no null
		}
		if rapid.Bool().Draw(t, "by value") {
			v = reflect.ValueOf(v.Interface())
		}
		if !v.IsValid() {
			return
		}
		var text []byte
		var err error
		if v.CanAddr() && typ.Kind() == reflect.Struct {
			text, err = json.Marshal(v.Addr().Interface())
		} else {
			text, err = json.Marshal(v.Interface())
		}
		if err != nil {
			t.Skip(err) // a number in quotes that is none
		}
		var b schema.Builder
		holds(t, &b, b.Out(typ), text, typ)
	})
}

type failer interface {
	Fatalf(string, ...any)
}

func holds(t failer, b *schema.Builder, s *schema.Schema, text []byte, typ reflect.Type) {
	var c checker
	root := make(map[string]any)
	var value any
	for target, from := range map[any][]byte{&c.components: must(json.Marshal(b.Components())), &root: must(json.Marshal(s)), &value: text} {
		if err := json.Unmarshal(from, target); err != nil {
			t.Fatalf("%s: %v", from, err)
		}
	}
	if err := c.check(root, value, "root"); err != nil {
		t.Fatalf("%v\n%v\n%s", err, typ, text)
	}
}

func must(out []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return out
}

// TestWhatKeepsToInIsRead makes up values of random types' schemas.
func TestWhatKeepsToInIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := aType(t, 3)
		var b schema.Builder
		s := b.In(typ)
		var c checker
		root := make(map[string]any)
		if err := json.Unmarshal(must(json.Marshal(b.Components())), &c.components); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(must(json.Marshal(s)), &root); err != nil {
			t.Fatal(err)
		}
		text := must(json.Marshal(c.invent(t, root, 6)))
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Fatal(err)
		}
		if err := c.check(root, value, "root"); err != nil {
			t.Fatalf("the invented value is wrong: %v", err)
		}
		target := reflect.New(typ)
		if err := json.Unmarshal(text, target.Interface()); err != nil {
			t.Fatalf("%v\n%s\n%s", err, text, must(json.Marshal(s)))
		}
	})
}

// invent makes a value that keeps to a schema.
func (c *checker) invent(t *rapid.T, s map[string]any, depth int) any {
	if choices, ok := s["anyOf"].([]any); ok {
		if depth <= 0 {
			return nil
		}
		return c.invent(t, rapid.SampledFrom(choices).Draw(t, "any").(map[string]any), depth)
	}
	if s["$ref"] != nil {
		return c.invent(t, c.resolve(s), depth)
	}
	if values, ok := s["enum"].([]any); ok {
		return rapid.SampledFrom(values).Draw(t, "enum")
	}
	kind, _ := s["type"].(string)
	if kinds, ok := s["type"].([]any); ok {
		kind = rapid.SampledFrom(kinds).Draw(t, "type").(string)
	}
	number := func(keyword string, otherwise float64) float64 {
		if n, ok := s[keyword].(float64); ok {
			return n
		}
		return otherwise
	}
	switch kind {
	case "boolean":
		return rapid.Bool().Draw(t, "bool")
	case "integer":
		return rapid.Int64Range(int64(number("minimum", -1<<53)), int64(number("maximum", 1<<53))).Draw(t, "int")
	case "number":
		return rapid.Float32().Draw(t, "float")
	case "string":
		return inventText(t, s)
	case "array":
		least := int(number("minItems", 0))
		n := rapid.IntRange(least, max(least, min(int(number("maxItems", 3)), depth))).Draw(t, "length")
		out := []any{}
		for range n {
			out = append(out, c.invent(t, s["items"].(map[string]any), depth-1))
		}
		return out
	case "object":
		out := make(map[string]any)
		required, _ := s["required"].([]any)
		properties, _ := s["properties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			if slices.Contains(required, any(name)) || depth > 0 && rapid.Bool().Draw(t, "there") {
				out[name] = c.invent(t, properties[name].(map[string]any), depth-1)
			}
		}
		return out
	}
	return nil
}

func inventText(t *rapid.T, s map[string]any) any {
	switch {
	case s["contentEncoding"] == "base64":
		return []byte(rapid.String().Draw(t, "bytes"))
	case s["format"] == "date-time":
		return "2026-01-31T12:00:00.5Z"
	case s["pattern"] == `^".*"$`:
		return `"a text"`
	case s["pattern"] != nil:
		return "7"
	}
	return rapid.SampledFrom([]string{"", "::1", "127.0.0.1"}).Draw(t, "text")
}

// TestTwiceIsTheSame wants the same document whatever came first.
func TestTwiceIsTheSame(t *testing.T) {
	types := []reflect.Type{
		reflect.TypeFor[outer](), reflect.TypeFor[node](), reflect.TypeFor[Page[node]](),
		reflect.TypeFor[Page[big.Word]](), reflect.TypeFor[Page[size]](), reflect.TypeFor[forest](),
	}
	write := func(types []reflect.Type) string {
		var b schema.Builder
		for _, typ := range types {
			b.In(typ)
			b.Out(typ)
		}
		var out bytes.Buffer
		if err := b.TypeScript(&out); err != nil {
			t.Fatal(err)
		}
		return out.String() + string(must(json.Marshal(b.Components())))
	}
	first := write(types)
	slices.Reverse(types)
	if again := write(types); again != first {
		t.Errorf("in another order:\n%s\n%s", first, again)
	}
	if strings.Count(first, "export interface Node ") != 1 {
		t.Error(first)
	}
}
