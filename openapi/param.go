package openapi

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/bennu-go/bennu/internal/schema"
)

// param is what a call takes from path, query or header.
type param struct {
	source   string
	name     string
	required bool
	rest     bool // it is the rest of the path, with slashes
	schema   *schema.Schema
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	unmarshaler  = reflect.TypeFor[json.Unmarshaler]()
	fromText     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// paramsOf are the wildcards of the path in their order, and then what the action names.
func (d *Document) paramsOf(c *call) []param {
	var params []param
	for _, wildcard := range c.wildcards {
		name, rest := strings.CutSuffix(wildcard, "...")
		params = append(params, param{source: "path", name: name, required: true, rest: rest, schema: text()})
	}
	if c.route.Action == nil {
		return params
	}
	for _, f := range c.route.Action.Fields() {
		s, required := d.field(f.Field)
		at := slices.IndexFunc(params, func(p param) bool { return p.source == f.Source && p.name == f.Name })
		switch {
		case at >= 0:
			params[at].schema = s
		case f.Source != "path": // else it is the host's
			params = append(params, param{source: f.Source, name: f.Name, required: required, schema: s})
		}
	}
	return params
}

func text() *schema.Schema { return &schema.Schema{Type: schema.Types{"string"}} }

// field is the schema of a field that is read from a text, and whether it has to be there.
func (d *Document) field(f reflect.StructField) (*schema.Schema, bool) {
	s, required := d.types.InField(f)
	s = notNull(s)
	held := deref(f.Type)
	if held.Kind() != reflect.Slice || isText(held) {
		return asText(s, held), required
	}
	s.Items = asText(notNull(s.Items), deref(held.Elem()))
	return s, required
}

func deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// asText is the schema of a t that comes as a text, where JSON has something else.
func asText(s *schema.Schema, t reflect.Type) *schema.Schema {
	switch {
	case t == durationType:
		length := text()
		length.Description = strings.TrimSpace(strings.TrimSuffix(s.Description, "In nanoseconds."))
		length.Examples = []json.RawMessage{json.RawMessage(`"1m30s"`)}
		return length
	case t != timeType && isText(t) && reflect.PointerTo(t).Implements(unmarshaler) && s.TypeScript() == "unknown":
		s.Type = schema.Types{"string"}
	}
	return s
}

func isText(t reflect.Type) bool { return reflect.PointerTo(t).Implements(fromText) }

// notNull is a schema without null: a parameter is not there then.
func notNull(s *schema.Schema) *schema.Schema {
	s.Type = slices.DeleteFunc(s.Type, func(t string) bool { return t == "null" })
	if n := len(s.AnyOf); n == 2 && slices.Equal(s.AnyOf[1].Type, schema.Types{"null"}) {
		inner := s.AnyOf[0]
		if inner.Description == "" && inner.Type == nil { // it may be a component
			inner.Description, inner.Examples = s.Description, s.Examples
		}
		return inner
	}
	return s
}

// wire is the Parameter Object, under the name that the path has for it.
func (p param) wire(name string) *parameter {
	s := *p.schema
	s.Description = ""
	out := &parameter{Name: name, In: p.source, Required: p.required, Rest: p.rest, Description: p.schema.Description, Schema: &s}
	if p.rest {
		out.Description = strings.TrimSpace(out.Description + " The rest of the path, which may have slashes.")
	}
	return out
}
