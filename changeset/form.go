package changeset

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/cast"
)

// Form is a changeset as a form shows it: what its inputs are called, what is in them,
// and what is wrong with it. It shows the changeset as it was when it was made.
type Form struct {
	core   *core // nil if there is nothing to show
	name   string
	path   string
	errors fault.Fields // of the whole, by path
}

// Field is an input of a form.
type Field struct {
	Name        string   // "user[address][city]"; that of a list ends with []
	ID          string   // "user_address_city"
	Value       string   // as it was typed, or the value as a text; "" of a secret
	Values      []string // of a list
	Checked     bool     // the value is true
	Secret      bool     // never shows what was typed
	Errors      []string // none unless the form was submitted
	Required    bool
	Constraints Constraints
}

// Constraints is what a changeset checks of a field, as data. Lengths are in characters
// as readers count them: a browser's maxlength, which counts others, would refuse some
// texts that are accepted.
type Constraints struct {
	Required  bool
	OmitEmpty bool // the rest is not checked of a zero value

	MinLength, MaxLength *int
	MinItems, MaxItems   *int

	Minimum, Maximum                   json.Number // "" is none
	ExclusiveMinimum, ExclusiveMaximum json.Number

	Enum    []string
	Pattern string // a regular expression of Go
	Format  string // "email", "uri" or "uuid"
}

// Form is the form of this changeset. Its inputs are called name[field], or field if the
// name is "".
func (cs *Changeset[T]) Form(name string) Form {
	f := Form{core: cs.core, name: name}
	if cs.core.shown {
		f.errors = cs.core.errors()
	}
	return f
}

// Errors are the messages about the whole.
func (f Form) Errors() []string { return f.errors[f.path] }

// Wrong are the inputs that have errors, those of nested forms too, by name: for a summary
// that leaves none out. Of each it tells Name, ID and Errors.
func (f Form) Wrong() []Field {
	var all []Field
	for _, path := range slices.Sorted(maps.Keys(f.errors)) {
		inner, ok := strings.CutPrefix(path, f.path)
		if f.path != "" && ok {
			inner, ok = strings.CutPrefix(inner, ".")
		}
		if !ok || inner == "" {
			continue
		}
		first, rest, _ := strings.Cut(inner, ".")
		name := f.Name(first)
		if rest != "" {
			name += "[" + strings.ReplaceAll(rest, ".", "][") + "]"
		}
		all = append(all, Field{Name: name, ID: idOf(name), Errors: slices.Clone(f.errors[path])})
	}
	return all
}

// Name is what an input of the form is called, as in "user[name]".
func (f Form) Name(field string) string {
	if f.name == "" {
		return field
	}
	return f.name + "[" + field + "]"
}

// ID is the id of an input of the form, as in "user_name".
func (f Form) ID(field string) string { return idOf(f.Name(field)) }

func idOf(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.TrimSuffix(name, "[]"), "]", ""), "[", "_")
}

func (f Form) at(name string) string { return strings.TrimPrefix(f.path+"."+name, ".") }

// Field is the input for a field, or for a parameter that is confirmed or accepted. One
// that is unknown has no value.
func (f Form) Field(name string) Field {
	made := Field{Name: f.Name(name), Errors: slices.Clone(f.errors[f.at(name)]), Secret: isSecretName(name)}
	if f.core != nil {
		f.core.show(name, &made)
	}
	made.ID = idOf(made.Name)
	return made
}

// Nested is the form of a field that is a struct.
func (f Form) Nested(name string) Form {
	inner := Form{name: f.Name(name), path: f.at(name), errors: f.errors}
	if s, v := f.core.state(name); s != nil {
		inner.core = orShown(s.one, v)
	}
	return inner
}

// Each are the forms of the elements of a field that is a slice of structs.
func (f Form) Each(name string) []Form {
	s, v := f.core.state(name)
	if s == nil || v.Kind() != reflect.Slice {
		return nil
	}
	count := len(s.many)
	if s.many == nil {
		count = v.Len()
	}
	all := make([]Form, count)
	for i := range all {
		index := strconv.Itoa(i)
		all[i] = Form{name: f.Name(name) + "[" + index + "]", path: f.at(name) + "." + index, errors: f.errors}
		if s.many != nil {
			all[i].core = s.many[i]
		} else {
			all[i].core = orShown(nil, v.Index(i))
		}
	}
	return all
}

func (c *core) state(name string) (*state, reflect.Value) {
	if c == nil {
		return nil, reflect.Value{}
	}
	i, ok := c.plan.byName[name]
	if !ok {
		return nil, reflect.Value{}
	}
	return &c.states[i], c.value(i)
}

// orShown is the core of what is nested, or one that only shows a struct.
func orShown(made *core, v reflect.Value) *core {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if made != nil || v.Kind() != reflect.Struct {
		return made
	}
	return newCore(v, v, nil)
}

// show fills in what a field's input shows.
func (c *core) show(name string, made *Field) {
	i, ok := c.plan.byName[name]
	typed, given := c.params[name]
	if !ok {
		if given && slices.Contains(c.extra, name) && !made.Secret {
			made.Value = textOf(typed)
			made.Checked, _ = cast.Bool(made.Value)
		}
		return
	}
	f, s, v := &c.plan.fields[i], &c.states[i], c.value(i)
	made.Secret = made.Secret || f.secret
	made.Constraints = Constraints(s.notes)
	made.Required = s.notes.Required
	isList := f.cast != nil && f.goType.Kind() == reflect.Slice && !f.cast.IsText()
	if isList {
		made.Name += "[]"
	}
	switch {
	case made.Secret || f.cast == nil:
	case given && s.named && isList:
		list, _ := typed.([]any)
		for _, one := range list {
			made.Values = append(made.Values, textOf(one))
		}
	case given && s.named:
		made.Value = textOf(typed)
		made.Checked, _ = cast.Bool(made.Value)
	case isList:
		for j := range v.Len() {
			text, _ := f.cast.Elem().Text(v.Index(j))
			made.Values = append(made.Values, text)
		}
	case !c.isNew || !v.IsZero(): // a new form shows no zeros
		made.Value, _ = f.cast.Text(v)
		made.Checked = made.Value == "true"
	}
}
