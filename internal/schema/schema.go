package schema

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
)

// Schema is one JSON Schema; the zero Schema accepts anything. It is JSON with its
// keywords in the order of the fields here.
type Schema struct {
	Type                 Types             `json:"type,omitempty"`
	Format               string            `json:"format,omitempty"`
	Description          string            `json:"description,omitempty"`
	Enum                 []json.RawMessage `json:"enum,omitempty"`
	Minimum              json.Number       `json:"minimum,omitempty"`
	Maximum              json.Number       `json:"maximum,omitempty"`
	ExclusiveMinimum     json.Number       `json:"exclusiveMinimum,omitempty"`
	ExclusiveMaximum     json.Number       `json:"exclusiveMaximum,omitempty"`
	MinLength            *int              `json:"minLength,omitempty"`
	MaxLength            *int              `json:"maxLength,omitempty"`
	Pattern              string            `json:"pattern,omitempty"`
	ContentEncoding      string            `json:"contentEncoding,omitempty"`
	MinItems             *int              `json:"minItems,omitempty"`
	MaxItems             *int              `json:"maxItems,omitempty"`
	Items                *Schema           `json:"items,omitempty"`
	MinProperties        *int              `json:"minProperties,omitempty"`
	MaxProperties        *int              `json:"maxProperties,omitempty"`
	Properties           Properties        `json:"properties,omitempty"`
	Required             []string          `json:"required,omitempty"`
	PropertyNames        *Schema           `json:"propertyNames,omitempty"`
	AdditionalProperties *Schema           `json:"additionalProperties,omitempty"`
	AnyOf                []*Schema         `json:"anyOf,omitempty"`
	WriteOnly            bool              `json:"writeOnly,omitempty"`
	Examples             []json.RawMessage `json:"examples,omitempty"`

	component *component // what "$ref" is to point at
	wide      bool       // an integer that may be beyond what JavaScript's numbers hold
}

// MarshalJSON is the schema, with references by the components' names.
func (s *Schema) MarshalJSON() ([]byte, error) {
	type plain Schema
	whole := struct {
		Ref string `json:"$ref,omitempty"`
		*plain
	}{plain: (*plain)(s)}
	if s.component != nil {
		whole.Ref = "#/components/schemas/" + s.component.title()
	}
	return json.Marshal(whole)
}

// Types are the JSON types that a value may have.
type Types []string

// MarshalJSON is a string for one type, and an array for more.
func (t Types) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// Property is a field of an object.
type Property struct {
	Name   string
	Schema *Schema
}

// Properties are an object's fields, in the order in which they are encoded.
type Properties []Property

// MarshalJSON is an object.
func (p Properties) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, one := range p {
		value, err := json.Marshal(one.Schema)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(quote(one.Name))
		out.WriteByte(':')
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// quote makes JSON of a text. Whatever is no text in it becomes one.
func quote(text string) json.RawMessage {
	out, err := json.Marshal(text)
	if err != nil {
		panic("schema: " + err.Error())
	}
	return out
}

// nullable makes a schema accept null too.
func nullable(s *Schema) *Schema {
	switch {
	case reflect.DeepEqual(s, new(Schema)), slices.Contains(s.Type, "null"):
		return s
	case s.AnyOf != nil && slices.Contains(s.AnyOf[len(s.AnyOf)-1].Type, "null"):
		return s
	case s.component == nil && len(s.Type) == 1 && s.Enum == nil:
		s.Type = append(s.Type, "null")
		return s
	}
	return &Schema{AnyOf: []*Schema{s, {Type: Types{"null"}}}}
}
