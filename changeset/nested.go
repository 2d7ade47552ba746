package changeset

import (
	"fmt"
	"reflect"
	"strconv"
)

// mostNested limits the elements that Each takes.
const mostNested = 1000

// Nested casts a field that is a struct, or a pointer to one, by the struct's own
// changeset function. Its errors are those of "field.name". If nothing is given for the
// field it stays as it is; the function is then called with nil params, for what a form
// must know. nil sets it to zero. A field of another type panics.
func Nested[T, N any](cs *Changeset[T], name string, f func(N, Params) *Changeset[N]) *Changeset[T] {
	c := cs.core
	i := c.nests(name, reflect.TypeFor[N](), reflect.TypeFor[*N]())
	s, v := &c.states[i], c.value(i)
	s.named = true
	given, ok := c.params[name]
	var params Params
	if s.given = ok; ok {
		if isEmpty(given) {
			s.emptied = true
			v.SetZero()
		} else if params, ok = asParams(given); !ok {
			s.failed = true
			c.refuse(name, Message{Text: "must be an object"})
		}
	}
	data, _ := targetOf[N](v)
	inner := f(data, params)
	s.one = inner.core
	if params != nil {
		put(v, inner.now)
		c.adopt(name, inner.core)
	}
	return cs
}

// Each casts a field that is a slice of structs, or of pointers to them, by the struct's
// own changeset function, one element after the other. The given list, of at most 1,000,
// takes the place of the old one, and each element begins as a zero value; with [EachBy]
// it begins as the old one. Errors are those of "field.0.name".
func Each[T, N any](cs *Changeset[T], name string, f func(N, Params) *Changeset[N]) *Changeset[T] {
	return each(cs, name, "", f)
}

// EachBy is [Each] for elements that have a key, a field such as "id": an element that is
// given with the key of an old one begins as that. A key twice is an error. The key of a
// new element is only taken if the function casts it.
func EachBy[T, N any](cs *Changeset[T], name, key string, f func(N, Params) *Changeset[N]) *Changeset[T] {
	planOf(reflect.TypeFor[N]()).find(key)
	return each(cs, name, key, f)
}

func each[T, N any](cs *Changeset[T], name, key string, f func(N, Params) *Changeset[N]) *Changeset[T] {
	c := cs.core
	i := c.nests(name, reflect.TypeFor[[]N](), reflect.TypeFor[[]*N]())
	s, v := &c.states[i], c.value(i)
	s.named = true
	given, ok := c.params[name]
	list, isList := given.([]any)
	switch s.given = ok; {
	case !ok || !isList && !isEmpty(given):
		if ok {
			s.failed = true
			c.refuse(name, Message{Text: "must be a list"})
		}
		for j := range v.Len() {
			data, _ := targetOf[N](v.Index(j))
			s.many = append(s.many, f(data, nil).core)
		}
		return cs
	case len(list) > mostNested:
		s.failed = true
		c.refuse(name, Message{Text: "must have at most {count} items", One: "must have at most {count} item", Count: mostNested})
		return cs
	}
	old := byKey[N](v, key)
	made := reflect.MakeSlice(v.Type(), 0, len(list))
	for _, one := range list {
		if isEmpty(one) {
			continue
		}
		at := name + "." + strconv.Itoa(made.Len())
		params, ok := asParams(one)
		if !ok {
			c.refuse(at, Message{Text: "must be an object"})
		}
		data, known := old[textOf(params[key])]
		if known && key != "" {
			if data == nil {
				c.refuse(at+"."+key, Message{Text: "is there twice"})
				data = new(N)
			}
			old[textOf(params[key])] = nil
		} else {
			data = new(N)
		}
		inner := f(*data, params)
		s.many = append(s.many, inner.core)
		if ok {
			c.adopt(at, inner.core)
		}
		next := reflect.New(v.Type().Elem()).Elem()
		put(next, inner.now)
		made = reflect.Append(made, next)
	}
	s.emptied = made.Len() == 0
	if s.emptied {
		v.SetZero()
		return cs
	}
	v.Set(made)
	return cs
}

// byKey finds the elements of a list by the text of a field.
func byKey[N any](list reflect.Value, key string) map[string]*N {
	if key == "" {
		return nil
	}
	p := planOf(reflect.TypeFor[N]())
	f := &p.fields[p.find(key)]
	if f.cast == nil {
		panic(fmt.Sprintf("changeset: field %q of %s cannot be a key", key, p.goType.Name()))
	}
	all := make(map[string]*N, list.Len())
	for j := range list.Len() {
		data, ok := targetOf[N](list.Index(j))
		if text, has := f.cast.Text(reflect.ValueOf(&data).Elem().FieldByIndex(f.index)); ok && has && text != "" {
			all[text] = &data
		}
	}
	return all
}

// nests finds a field that has one of two types.
func (c *core) nests(name string, one, other reflect.Type) int {
	i := c.plan.find(name)
	if t := c.plan.fields[i].goType; t != one && t != other {
		panic(fmt.Sprintf("changeset: field %q of %s is a %v, not a %v or %v", name, c.plan.goType.Name(), t, one, other))
	}
	return i
}

// adopt takes over the errors of what is nested.
func (c *core) adopt(path string, inner *core) {
	for _, p := range inner.problems {
		c.problems = append(c.problems, p.under(path))
	}
}

// targetOf is an N, or what a pointer to one leads to.
func targetOf[N any](v reflect.Value) (data N, ok bool) {
	switch x := v.Interface().(type) {
	case N:
		return x, true
	case *N:
		if x != nil {
			return *x, true
		}
	}
	return data, false
}

// put sets an N, or a pointer to one, to a new value.
func put[N any](v reflect.Value, data N) {
	if v.Kind() == reflect.Pointer && v.Type() == reflect.TypeFor[*N]() {
		v.Set(reflect.ValueOf(&data))
		return
	}
	v.Set(reflect.ValueOf(data))
}
