package changeset

import (
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/cast"
	"github.com/bennu-go/bennu/internal/rule"
)

// plan is what there is to know about a struct type.
type plan struct {
	goType reflect.Type
	fields []field
	byName map[string]int
	rules  func() *rule.Rules // of its validate tags
}

type field struct {
	name   string
	goType reflect.Type
	index  []int
	cast   *cast.Type // nil if it cannot be cast: it nests, or is not for input
	secret bool
}

// plans keeps what planOf found out, for it gives the same each time.
var plans sync.Map // reflect.Type → *plan

func planOf(t reflect.Type) *plan {
	if made, ok := plans.Load(t); ok {
		return made.(*plan)
	}
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("changeset: a changeset is of a struct, not of %v", t))
	}
	p := &plan{goType: t, byName: make(map[string]int)}
	p.rules = sync.OnceValue(func() *rule.Rules { return rule.Of(t, cast.NameOf) })
	for _, f := range cast.Fields(t) {
		name := cast.NameOf(f)
		if _, taken := p.byName[name]; taken {
			panic(fmt.Sprintf("changeset: %v has two fields called %q", t, name))
		}
		made := field{name: name, goType: f.Type, index: f.Index, secret: isSecret(f) || isSecretName(name)}
		if c, err := cast.Of(f.Type); err == nil && (c.IsText() || isPlain(c)) {
			made.cast = c
		}
		p.add(made)
	}
	for _, f := range reflect.VisibleFields(t) { // those that take no input can still change
		name := cast.Snake(f.Name)
		if _, taken := p.byName[name]; !taken && f.IsExported() && !f.Anonymous && cast.NameOf(f) == "" && p.holds(f.Index) {
			p.add(field{name: name, goType: f.Type, index: f.Index, secret: isSecret(f)})
		}
	}
	made, _ := plans.LoadOrStore(t, p)
	return made.(*plan)
}

func (p *plan) add(f field) {
	p.byName[f.name] = len(p.fields)
	p.fields = append(p.fields, f)
}

// holds reports whether no pointer is on the way to a field.
func (p *plan) holds(index []int) bool {
	at := p.goType
	for _, i := range index[:len(index)-1] {
		if at = at.Field(i).Type; at.Kind() != reflect.Struct {
			return false
		}
	}
	return true
}

// find gives a field's place among the fields. That there is none is a wiring mistake.
func (p *plan) find(name string) int {
	i, ok := p.byName[name]
	if !ok {
		panic(fmt.Sprintf("changeset: %s has no field %q", p.goType.Name(), name))
	}
	return i
}

// isPlain reports whether a list or a map is of texts: anything else could set fields
// that nobody named.
func isPlain(c *cast.Type) bool {
	return c.Elem() != nil && (c.Elem().IsText() || isPlain(c.Elem()))
}

// isSecret asks package fault, which shows a field or leaves it out.
func isSecret(f reflect.StructField) bool {
	t := f.Type
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	model := reflect.StructOf([]reflect.StructField{{Name: f.Name, Type: t, Tag: f.Tag}})
	shown, _ := fault.Data(reflect.Zero(model).Interface()).(map[string]any)
	return shown[f.Name] == fault.NewSecret("").String()
}

func isSecretName(name string) bool {
	shown, _ := fault.Data(map[string]string{name: ""}).(map[string]any)
	for _, text := range shown {
		return text == fault.NewSecret("").String()
	}
	return false
}

// equal reports whether two values of a field are the same.
func equal(a, b reflect.Value) bool {
	if a.Type() == reflect.TypeFor[time.Time]() {
		return a.Interface().(time.Time).Equal(b.Interface().(time.Time))
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}
