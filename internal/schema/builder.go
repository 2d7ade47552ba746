package schema

import (
	"encoding/json"
	"reflect"
	"strconv"
)

// Builder collects types, and gives each that has a name its place among the components.
// The zero Builder works; its fields are set before it is used. One goroutine at a time
// may use a Builder and the schemas that it gave.
type Builder struct {
	// Reserved are names that no component may take.
	Reserved []string

	// Skip leaves out of what is read the fields that do not come from JSON.
	Skip func(reflect.StructField) bool

	// EmptyNil is for an encoder that writes a nil slice as [] and a nil map as {},
	// wherever they are. encoding/json writes null.
	EmptyNil bool

	components map[direction]*component
	order      []*component
	settled    bool // every component has its name
}

// direction is a type on its way in or out.
type direction struct {
	typ reflect.Type
	in  bool
}

// component is a named schema.
type component struct {
	direction
	builder *Builder
	schema  *Schema
	name    string
	level   int // how much of its package's path is in its name
	merged  bool
}

func (c *component) title() string {
	c.builder.settle()
	return c.name
}

// In is the schema of what is read into a t. A top-level slice or map is never null.
func (b *Builder) In(t reflect.Type) *Schema { return b.root(t, true) }

// Out is the schema of how a t is written. A top-level slice or map is never null.
func (b *Builder) Out(t reflect.Type) *Schema { return b.root(t, false) }

func (b *Builder) root(t reflect.Type, in bool) *Schema {
	w := &walker{Builder: b, in: in, at: t.String()}
	s, null := w.bare(t, false)
	if null && t.Kind() == reflect.Pointer {
		return nullable(s)
	}
	return s
}

// InField is the schema of what is read into a struct's field, with what its tags say,
// and whether it has to be there.
func (b *Builder) InField(f reflect.StructField) (s *Schema, required bool) {
	w := &walker{Builder: b, in: true, at: f.Name}
	return w.property(field{StructField: f})
}

// Components are the schemas of all named types so far, by name.
func (b *Builder) Components() map[string]*Schema {
	b.settle()
	all := make(map[string]*Schema)
	for _, c := range b.order {
		if !c.merged {
			all[c.name] = c.schema
		}
	}
	return all
}

// reference points at the component of a type, which is made if it is new.
func (b *Builder) reference(t reflect.Type, in bool) *Schema {
	key := direction{t, in}
	c := b.components[key]
	if c == nil {
		c = &component{direction: key, builder: b}
		if b.components == nil {
			b.components = make(map[direction]*component)
		}
		b.components[key], b.settled = c, false
		b.order = append(b.order, c)
		c.schema = (&walker{Builder: b, in: in, at: t.String()}).define(t)
	}
	return &Schema{component: c}
}

// settle gives the components their names: one for a type that is read as it is
// written, and else a second one, with the suffix Input, for the type as it is read.
func (b *Builder) settle() {
	if b.settled {
		return
	}
	b.settled = true
	b.merge()
	b.baptize()
}

// merge finds the types that are read as they are written. It takes all for such, and
// then out what has turned out to be different, until there is no more of it, so that
// recursive types compare equal. Until then names only tell types apart.
func (b *Builder) merge() {
	number := make(map[reflect.Type]string)
	for i, c := range b.order {
		if number[c.typ] == "" {
			number[c.typ] = strconv.Itoa(i)
		}
		c.name = number[c.typ]
		c.merged = c.in && b.components[direction{c.typ, false}] != nil
	}
	for again := true; again; {
		again = false
		for _, c := range b.order {
			if c.merged && text(c.schema) != text(b.components[direction{c.typ, false}].schema) {
				c.merged, again = false, true
				c.name += "Input"
			}
		}
	}
}

func text(s *Schema) string {
	out, err := json.Marshal(s)
	if err != nil {
		panic("schema: " + err.Error()) // an example or a limit that is no JSON
	}
	return string(out)
}
