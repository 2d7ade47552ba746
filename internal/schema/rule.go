package schema

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"

	"github.com/bennu-go/bennu/internal/rule"
)

// rulesOf is what a field's validate tag asks of it.
func rulesOf(f reflect.StructField) rule.Constraints {
	if _, ok := f.Tag.Lookup("validate"); !ok {
		return rule.Constraints{}
	}
	alone := reflect.StructField{Name: "It", Type: f.Type, Tag: f.Tag}
	return rule.Of(reflect.StructOf([]reflect.StructField{alone}), func(f reflect.StructField) string {
		if f.Anonymous {
			return ""
		}
		return f.Name
	}).Field("It")
}

// keep adds what a field's rules ask of its values but nil. What is required is not
// empty. What JSON Schema cannot say is left out.
func (s *Schema) keep(c rule.Constraints, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	text := slices.Contains(s.Type, "string")
	if c.OmitEmpty && !c.Required {
		c = orZero(c)
	}
	if c.Required {
		one := 1
		switch kind := t.Kind(); {
		case c.MinLength == nil && (kind == reflect.String && text || t == secretType):
			c.MinLength = &one
		case c.MinItems == nil && (kind == reflect.Slice || kind == reflect.Map):
			c.MinItems = &one
		}
	}
	s.limit(c)
	s.MinLength, s.MaxLength = c.MinLength, c.MaxLength
	each := s
	switch {
	case t.Kind() == reflect.Map:
		s.MinProperties, s.MaxProperties = c.MinItems, c.MaxItems
	case t.Kind() == reflect.Slice && text:
		if c.Required {
			s.MinLength = c.MinItems // of bytes in base64
		}
	case t.Kind() == reflect.Slice:
		if c.MinItems != nil {
			s.MinItems = c.MinItems
		}
		s.MaxItems = c.MaxItems
		if each = s.Items; each == nil { // it is in a component
			each = new(Schema)
		}
	}
	each.word(c)
}

// orZero leaves out what the zero value does not keep to, where that is let in, too.
func orZero(c rule.Constraints) rule.Constraints {
	c.MinLength, c.MinItems, c.Format, c.Pattern, c.Enum = nil, nil, "", "", nil
	for _, one := range []struct {
		limit *json.Number
		holds func(limit float64) bool
	}{
		{&c.Minimum, func(limit float64) bool { return limit <= 0 }},
		{&c.Maximum, func(limit float64) bool { return limit >= 0 }},
		{&c.ExclusiveMinimum, func(limit float64) bool { return limit < 0 }},
		{&c.ExclusiveMaximum, func(limit float64) bool { return limit > 0 }},
	} {
		if limit, err := one.limit.Float64(); err != nil || !one.holds(limit) {
			*one.limit = ""
		}
	}
	return c
}

// limit limits a number. Its type's own limits hold where the rules have none.
func (s *Schema) limit(c rule.Constraints) {
	for _, one := range []struct {
		to   *json.Number
		from json.Number
	}{
		{&s.Minimum, c.Minimum}, {&s.Maximum, c.Maximum},
		{&s.ExclusiveMinimum, c.ExclusiveMinimum}, {&s.ExclusiveMaximum, c.ExclusiveMaximum},
	} {
		if one.from != "" {
			*one.to = one.from
		}
	}
}

// word says which texts, or numbers, are accepted.
func (s *Schema) word(c rule.Constraints) {
	if c.Format != "" {
		s.Format = c.Format
	}
	if c.Pattern != "" && !onlyGo.MatchString(c.Pattern) {
		s.Pattern = c.Pattern
	}
	for _, value := range c.Enum {
		s.Enum = append(s.Enum, literal(s, value))
	}
}

// onlyGo finds what JavaScript does not have in regular expressions, or has otherwise.
var onlyGo = regexp.MustCompile(`\(\?[^:]|\\[AzQCax]|\[\[:|\\[pP][^{]`)
