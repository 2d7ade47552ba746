package changeset

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/cast"
	"github.com/bennu-go/bennu/internal/rule"
)

// core is a changeset without its type.
type core struct {
	plan      *plan
	params    Params // nil: nothing was sent
	old, now  reflect.Value
	isNew     bool // old is the zero value
	states    []state
	extra     []string // parameters that are of no field, but show in forms
	problems  []Problem
	shown     bool
	translate func(Message) string

	constraints []constraint
}

// state is what is known of a field.
type state struct {
	named   bool // may be set
	given   bool // is among the parameters
	emptied bool // was given without a value
	failed  bool // was given with one that could not be cast
	notes   rule.Constraints
	one     *core   // what Nested made
	many    []*core // what Each made
}

func newCore(old, now reflect.Value, params Params) *core {
	p := planOf(now.Type())
	return &core{plan: p, params: params, old: old, now: now, isNew: old.IsZero(), states: make([]state, len(p.fields))}
}

func (c *core) value(i int) reflect.Value { return c.now.FieldByIndex(c.plan.fields[i].index) }

func (c *core) changed(i int) bool {
	return !equal(c.old.FieldByIndex(c.plan.fields[i].index), c.value(i))
}

// isLive reports whether a field has a value to validate: one that was given, or made.
func (c *core) isLive(i int) bool {
	s := &c.states[i]
	if s.failed {
		return false
	}
	return s.given && !s.emptied || c.changed(i) && !c.value(i).IsZero()
}

func (c *core) refuse(path string, m Message) {
	c.problems = append(c.problems, Problem{path, m})
}

// cast sets the named fields to what was given.
func (c *core) cast(names []string) {
	for _, name := range names {
		i := c.plan.find(name)
		if c.plan.fields[i].cast == nil {
			panic(fmt.Sprintf("changeset: field %q of %s cannot be cast; use Nested or Each, or a field that takes input", name, c.plan.goType.Name()))
		}
		c.states[i].named = true
		if given, ok := c.params[name]; ok {
			c.set(i, given)
		}
	}
}

func (c *core) set(i int, given any) {
	f, s := &c.plan.fields[i], &c.states[i]
	s.given = true
	given = normal(given)
	if list, ok := given.([]any); ok && f.cast.Elem() != nil && f.cast.Elem().IsText() {
		given = slices.DeleteFunc(list, isEmpty)
	}
	if isEmpty(given) {
		s.emptied = true
		c.value(i).SetZero()
		return
	}
	if err := f.cast.Set(c.value(i), given); err != nil {
		s.failed = true
		path, want := f.name, f.cast.Want()
		if e, ok := err.(*cast.Error); ok {
			path, want = strings.TrimSuffix(f.name+"."+e.Path, "."), e.Want
		}
		c.refuse(path, Message{Text: "must be " + want})
	}
}

// normal gives texts their usual form: an é is one code point, however it was typed.
func normal(x any) any {
	switch x := x.(type) {
	case string:
		return norm.NFC.String(x)
	case []any:
		all := make([]any, len(x))
		for i, one := range x {
			all[i] = normal(one)
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(x))
		for name, one := range x {
			all[name] = normal(one)
		}
		return all
	}
	return x
}

// isEmpty reports whether what was given is no value: nothing, white space, no elements.
func isEmpty(x any) bool {
	switch x := x.(type) {
	case nil:
		return true
	case string:
		return strings.TrimFunc(x, unicode.IsSpace) == ""
	case []any:
		return len(x) == 0
	}
	return false
}

// textOf is a parameter as it was typed.
func textOf(x any) string {
	switch x := x.(type) {
	case string:
		return strings.ToValidUTF8(x, "\uFFFD")
	case json.Number:
		return x.String()
	case bool:
		return strconv.FormatBool(x)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case nil, []any, map[string]any, Params:
		return ""
	}
	return fmt.Sprint(x)
}

// isBlank reports whether a required field has nothing.
func (c *core) isBlank(i int) bool {
	s, v := &c.states[i], c.value(i)
	switch {
	case s.failed:
		return false // that was said
	case rule.IsBlank(v):
		return true
	case v.Kind() == reflect.Pointer:
		return false
	}
	return v.IsZero() && (s.emptied || !s.given && c.isNew)
}

func (c *core) require(i int) {
	c.states[i].notes.Required = true
	if c.isBlank(i) {
		c.refuse(c.plan.fields[i].name, Message(rule.Blank()))
	}
}

// check has a field that is live hold to a rule.
func (c *core) check(i int, word, arg string) {
	f, s := &c.plan.fields[i], &c.states[i]
	t := f.goType
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	check, err := rule.Make(t, word, arg, &s.notes)
	if err != nil {
		panic(fmt.Sprintf("changeset: field %q of %s: %v", f.name, c.plan.goType.Name(), err))
	}
	if v, ok := c.live(i); ok && !check.Holds(v) {
		c.refuse(f.name, Message(check.Message))
	}
}

// live is the value to validate, a pointer's target.
func (c *core) live(i int) (reflect.Value, bool) {
	if !c.isLive(i) {
		return reflect.Value{}, false
	}
	v := c.value(i)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return v, false
		}
		v = v.Elem()
	}
	return v, true
}

// checkTags validates by the tags of the struct.
func (c *core) checkTags() {
	rules := c.plan.rules()
	for i := range c.plan.fields {
		f, s := &c.plan.fields[i], &c.states[i]
		notes := rules.Field(f.name)
		if !s.named {
			continue
		}
		notes.Required = notes.Required || s.notes.Required
		s.notes = notes
		if notes.Required {
			c.require(i)
		}
		if c.isLive(i) {
			rules.CheckField(f.name, c.value(i), func(path string, m rule.Message) { c.refuse(path, Message(m)) })
		}
	}
}

// errors says everything in the words of the translation.
func (c *core) errors() fault.Fields {
	if len(c.problems) == 0 {
		return nil
	}
	all := make(fault.Fields)
	for _, p := range c.problems {
		text := ""
		if c.translate != nil {
			text = c.translate(p.Message)
		}
		if text == "" {
			text = p.Message.String()
		}
		if !slices.Contains(all[p.Field], text) {
			all.Add(p.Field, text)
		}
	}
	return all
}

// changes names what has changed.
func (c *core) changes() []string {
	var names []string
	for i, f := range c.plan.fields {
		if c.changed(i) {
			names = append(names, f.name)
		}
	}
	return names
}
