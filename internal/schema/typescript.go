package schema

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// TypeScript writes a declaration of each component, sorted by name.
func (b *Builder) TypeScript(w io.Writer) error {
	all := b.Components()
	var out strings.Builder
	for i, name := range slices.Sorted(maps.Keys(all)) {
		if i > 0 {
			out.WriteString("\n")
		}
		declare(&out, name, all[name])
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// declare writes an interface, or for what is none, a type. TypeScript refuses a type that
// refers to itself by a Record, but not by an index signature.
func declare(out *strings.Builder, name string, s *Schema) {
	comment(out, "", s)
	if slices.Equal(s.Type, Types{"object"}) && s.AdditionalProperties == nil {
		fmt.Fprintf(out, "export interface %s %s\n", name, printer{}.object(s, ""))
		return
	}
	fmt.Fprintf(out, "export type %s = %s;\n", name, printer{index: true}.expression(s, ""))
}

// TypeScript is the type of a value that the schema describes, as in "User[]".
func (s *Schema) TypeScript() string { return printer{}.expression(s, "") }

type printer struct {
	index bool // maps are index signatures
}

func (p printer) expression(s *Schema, indent string) string {
	switch {
	case s.component != nil:
		return s.component.title()
	case s.AnyOf != nil:
		return p.union(s.AnyOf, indent)
	case s.Enum != nil:
		return literals(s.Enum)
	case s.Type == nil:
		return "unknown"
	}
	var parts []string
	for _, t := range s.Type {
		parts = append(parts, p.typed(t, s, indent))
	}
	return strings.Join(parts, " | ")
}

func (p printer) union(of []*Schema, indent string) string {
	var parts []string
	for _, one := range of {
		parts = append(parts, p.expression(one, indent))
	}
	return strings.Join(parts, " | ")
}

func literals(values []json.RawMessage) string {
	if len(values) == 0 {
		return "never"
	}
	var parts []string
	for _, value := range values {
		parts = append(parts, string(value))
	}
	return strings.Join(parts, " | ")
}

// typed is a schema's expression for one of its types.
func (p printer) typed(t string, s *Schema, indent string) string {
	switch {
	case t == "integer":
		return "number"
	case t == "array":
		return p.array(s, indent)
	case t == "object" && s.AdditionalProperties != nil:
		of := p.expression(s.AdditionalProperties, indent)
		if p.index {
			return "{ [key: string]: " + of + " }"
		}
		return "Record<string, " + of + ">"
	case t == "object":
		return p.object(s, indent)
	}
	return t
}

// maxTuple is the longest array that is written element by element.
const maxTuple = 4

func (p printer) array(s *Schema, indent string) string {
	of := p.expression(s.Items, indent)
	if n := s.MaxItems; n != nil && s.MinItems != nil && *n == *s.MinItems && *n <= maxTuple {
		return "[" + strings.Join(slices.Repeat([]string{of}, *n), ", ") + "]"
	}
	if union := s.Items.component == nil && (len(s.Items.Type) > 1 || s.Items.AnyOf != nil || len(s.Items.Enum) > 1); union {
		of = "(" + of + ")"
	}
	return of + "[]"
}

func (p printer) object(s *Schema, indent string) string {
	if len(s.Properties) == 0 {
		return "{}"
	}
	var out strings.Builder
	out.WriteString("{\n")
	inner := indent + "  "
	for _, one := range s.Properties {
		comment(&out, inner, one.Schema)
		optional := "?"
		if slices.Contains(s.Required, one.Name) {
			optional = ""
		}
		fmt.Fprintf(&out, "%s%s%s: %s;\n", inner, key(one.Name), optional, p.expression(one.Schema, inner))
	}
	out.WriteString(indent + "}")
	return out.String()
}

var identifier = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*$`)

func key(name string) string {
	if identifier.MatchString(name) {
		return name
	}
	return string(quote(name))
}

// comment writes what is said of a value.
func comment(out *strings.Builder, indent string, s *Schema) {
	var lines []string
	if s.Description != "" {
		lines = strings.Split(s.Description, "\n")
	}
	if s.wide {
		lines = append(lines, "A number is exact up to 2^53.")
	}
	for _, example := range s.Examples {
		lines = append(lines, "@example "+string(example))
	}
	for i := range lines {
		lines[i] = strings.ReplaceAll(strings.TrimSpace(lines[i]), "*/", `*\/`)
	}
	switch len(lines) {
	case 0:
	case 1:
		fmt.Fprintf(out, "%s/** %s */\n", indent, lines[0])
	default:
		between := "\n" + indent + " * "
		fmt.Fprintf(out, "%s/**%s%s\n%s */\n", indent, between, strings.Join(lines, between), indent)
	}
}
