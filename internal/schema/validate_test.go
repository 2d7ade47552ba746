package schema_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// checker is a validator for what package schema can say. It is stricter in one thing:
// an object has no property that its schema does not name.
type checker struct{ components map[string]any }

func encode(t testing.TB, v any) []byte {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (c *checker) resolve(s map[string]any) map[string]any {
	ref, ok := s["$ref"].(string)
	if !ok {
		return s
	}
	return c.components[strings.TrimPrefix(ref, "#/components/schemas/")].(map[string]any)
}

// check gives what is wrong with a value.
func (c *checker) check(s map[string]any, v any, at string) error {
	wrong := func(keyword string) error { return fmt.Errorf("%s: %v violates %s of %v", at, v, keyword, s) }
	if s["$ref"] != nil {
		if err := c.check(c.resolve(s), v, at); err != nil {
			return err
		}
	}
	if choices, ok := s["anyOf"].([]any); ok {
		found := slices.ContainsFunc(choices, func(one any) bool { return c.check(one.(map[string]any), v, at) == nil })
		if !found {
			return wrong("anyOf")
		}
	}
	if t, ok := s["type"].(string); ok && !isA(t, v) {
		return wrong("type")
	}
	if ts, ok := s["type"].([]any); ok && !slices.ContainsFunc(ts, func(t any) bool { return isA(t.(string), v) }) {
		return wrong("type")
	}
	if values, ok := s["enum"].([]any); ok && !slices.Contains(values, v) {
		return wrong("enum")
	}
	switch v := v.(type) {
	case float64:
		if !within(s, "minimum", "maximum", v) {
			return wrong("range")
		}
		if m, ok := s["exclusiveMinimum"].(float64); ok && v <= m {
			return wrong("exclusiveMinimum")
		}
		if m, ok := s["exclusiveMaximum"].(float64); ok && v >= m {
			return wrong("exclusiveMaximum")
		}
	case string:
		return c.checkText(s, v, wrong)
	case []any:
		if !within(s, "minItems", "maxItems", float64(len(v))) {
			return wrong("length")
		}
		if items, ok := s["items"].(map[string]any); ok {
			for i, one := range v {
				if err := c.check(items, one, fmt.Sprintf("%s[%d]", at, i)); err != nil {
					return err
				}
			}
		}
	case map[string]any:
		return c.checkObject(s, v, at, wrong)
	}
	return nil
}

func (c *checker) checkText(s map[string]any, v string, wrong func(string) error) error {
	if !within(s, "minLength", "maxLength", float64(utf8.RuneCountInString(v))) {
		return wrong("length")
	}
	if p, ok := s["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v) {
		return wrong("pattern")
	}
	if s["contentEncoding"] == "base64" {
		if _, err := base64.StdEncoding.DecodeString(v); err != nil {
			return wrong("contentEncoding")
		}
	}
	if s["format"] == "date-time" {
		if _, err := time.Parse(time.RFC3339Nano, v); err != nil {
			return wrong("format")
		}
	}
	return nil
}

func (c *checker) checkObject(s, v map[string]any, at string, wrong func(string) error) error {
	if !within(s, "minProperties", "maxProperties", float64(len(v))) {
		return wrong("size")
	}
	if required, ok := s["required"].([]any); ok {
		for _, name := range required {
			if _, there := v[name.(string)]; !there {
				return wrong("required " + name.(string))
			}
		}
	}
	properties, _ := s["properties"].(map[string]any)
	rest, open := s["additionalProperties"].(map[string]any)
	for name, one := range v {
		if names, ok := s["propertyNames"].(map[string]any); ok {
			if err := c.check(names, name, at+" key"); err != nil {
				return err
			}
		}
		p, ok := properties[name].(map[string]any)
		switch {
		case ok:
		case open:
			p = rest
		case s["type"] == "object":
			return wrong("properties: there is no " + name)
		default:
			continue
		}
		if err := c.check(p, one, at+"."+name); err != nil {
			return err
		}
	}
	return nil
}

func within(s map[string]any, least, most string, n float64) bool {
	low, ok1 := s[least].(float64)
	high, ok2 := s[most].(float64)
	return (!ok1 || n >= low) && (!ok2 || n <= high)
}

func isA(t string, v any) bool {
	switch v := v.(type) {
	case nil:
		return t == "null"
	case bool:
		return t == "boolean"
	case string:
		return t == "string"
	case float64:
		return t == "number" || t == "integer" && v == math.Trunc(v)
	case []any:
		return t == "array"
	}
	return t == "object"
}
