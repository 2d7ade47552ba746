package fault

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"slices"
)

// walker finds the shape of a value.
type walker struct {
	left    int     // bytes that may still be shown
	path    []place // the containers it is in
	hurried bool    // finds what a map's key is sorted by: it sorts no maps itself
}

// place is a container in memory, to know it again when it contains itself.
type place struct {
	at   uintptr
	of   reflect.Type
	size int
}

// walk gives the shape of v, which can be set or is a pointer's target. known is the
// type that the reader expects there, if he can: it is not printed again.
func (w *walker) walk(v reflect.Value, known reflect.Type) shape {
	s := w.look(v, known)
	w.left -= len(s.text) + len(", ")
	return s
}

func (w *walker) look(v reflect.Value, known reflect.Type) shape {
	pointers := ""
	for hops := 0; v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface; hops++ {
		switch {
		case v.IsNil():
			return shape{text: "nil"}
		case v.Type() == reflect.TypeFor[context.Context]():
			return mark("context.Context{…}")
		case hops > deepest:
			return mark("[cycle]")
		case v.Kind() == reflect.Interface:
			v, known = reached(v.Elem()), nil
			continue
		case v.Type() == known:
			known = known.Elem()
		default:
			pointers += "&"
			known = nil
		}
		v = v.Elem()
	}

	t := v.Type()
	if t == reflect.TypeFor[Secret]() || isText(t) && isSecretName(ownName(t)) {
		return mark(redacted)
	}
	name := pointers
	if t != known && t != reflect.TypeFor[slog.Value]() {
		name += typeName(t)
	}
	if isShared(t) {
		return mark(name + "{…}")
	}
	switch t.Kind() {
	case reflect.Map, reflect.Slice, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		if v.IsNil() {
			return shape{text: "nil"}
		}
	}
	if t == reflect.TypeFor[json.Number]() {
		return numeral(json.Number(v.String()))
	}
	switch own := ask(v).(type) {
	case string:
		return text(own)
	case slog.Value:
		return w.logged(own, name)
	}

	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		if s, ok := w.json(v.Bytes()); ok {
			return s
		}
		return octets(v.Bytes())
	case isText(t) && t.Kind() != reflect.String:
		return octets(v.Bytes())
	}
	switch t.Kind() {
	case reflect.Struct:
		if isMachinery(t) {
			return mark(name + "{…}")
		}
		return w.within(v, shape{kind: pairs, text: name}, w.fields)
	case reflect.Map:
		return w.within(v, shape{kind: pairs, text: name}, w.entries)
	case reflect.Slice, reflect.Array:
		return w.within(v, shape{kind: list, text: name}, w.list)
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return mark(typeName(t))
	case reflect.String:
		return text(v.String())
	}
	s := scalar(v)
	s.text = pointers + s.text
	return s
}

// reached makes what an interface or a map holds a variable, so that it has an address.
func reached(v reflect.Value) reflect.Value {
	variable := reflect.New(v.Type()).Elem()
	variable.Set(v)
	return variable
}

// within fills a container's shape, unless it is too deep or contains itself.
func (w *walker) within(v reflect.Value, s shape, fill func(reflect.Value, *shape)) shape {
	here := place{of: v.Type()}
	switch v.Kind() {
	case reflect.Map, reflect.Slice:
		here.at, here.size = v.Pointer(), v.Len()
	default:
		here.at = v.Addr().Pointer()
	}
	switch {
	case slices.Contains(w.path, here):
		return mark("[cycle]")
	case len(w.path) >= deepest || w.left <= 0:
		return mark(s.text + "{…}")
	}
	w.path = append(w.path, here)
	fill(v, &s)
	w.path = w.path[:len(w.path)-1]
	return s
}

func (w *walker) fields(v reflect.Value, s *shape) {
	s.items = make([]item, 0, min(v.NumField(), mostItems))
	for i := range v.NumField() {
		f := v.Type().Field(i)
		switch {
		case f.Name == "_":
		case w.left <= 0:
			s.more++
		default:
			w.left -= len(f.Name) + len(": ")
			in := v.Field(i)
			// An unexported field is read like the others: the state of a process is made of them.
			in = reflect.NewAt(f.Type, in.Addr().UnsafePointer()).Elem()
			s.items = append(s.items, item{f.Name, f.Name, w.value(isSecretField(f), in, nil)})
		}
	}
}

func (w *walker) list(v reflect.Value, s *shape) {
	s.items = make([]item, 0, min(v.Len(), mostItems))
	for i := range v.Len() {
		if i >= mostItems || w.left <= 0 {
			s.more = v.Len() - i
			return
		}
		s.items = append(s.items, item{shape: w.walk(v.Index(i), v.Type().Elem())})
	}
}

func (w *walker) entries(v reflect.Value, s *shape) {
	var all []entry
	sorted := v.Len() <= mostSorted && !w.hurried
	for each := v.MapRange(); (sorted || len(all) < mostItems) && each.Next(); {
		all = append(all, w.entry(each))
	}
	slices.SortFunc(all, entry.order)
	for i, e := range all {
		if i >= mostItems || w.left <= 0 {
			break
		}
		key := w.walk(e.key, v.Type().Key())
		name, ok := key.value.(string)
		if !ok {
			name = key.String()
		}
		s.items = append(s.items, item{key.String(), name, w.value(isSecretName(name), e.value, v.Type().Elem())})
	}
	s.more = v.Len() - len(s.items)
}

// value walks what has a name.
func (w *walker) value(secret bool, v reflect.Value, known reflect.Type) shape {
	if secret {
		w.left -= len(redacted)
		return mark(redacted)
	}
	return w.walk(v, known)
}

// entry is one of a map, with the text of a key that has no order of its own.
type entry struct {
	key, value reflect.Value
	text       string
}

func (w *walker) entry(each *reflect.MapIter) entry {
	e := entry{key: reached(each.Key()), value: reached(each.Value())}
	if k := e.key; !k.CanInt() && !k.CanUint() && !k.CanFloat() && k.Kind() != reflect.String && !w.hurried {
		hurried := walker{left: longestText, path: w.path, hurried: true}
		e.text = hurried.walk(k, nil).String()
	}
	return e
}

func (e entry) order(other entry) int {
	a, b := e.key, other.key
	switch {
	case a.CanInt():
		return cmp.Compare(a.Int(), b.Int())
	case a.CanUint():
		return cmp.Compare(a.Uint(), b.Uint())
	case a.CanFloat():
		return cmp.Compare(a.Float(), b.Float())
	case a.Kind() == reflect.String:
		return cmp.Compare(a.String(), b.String())
	}
	return cmp.Compare(e.text, other.text)
}

// logged gives the shape of what a value says of itself for the log.
func (w *walker) logged(v slog.Value, name string) shape {
	if len(w.path) >= deepest || w.left <= 0 {
		return mark(name + "{…}")
	}
	w.path = append(w.path, place{}) // what it says may be itself
	defer func() { w.path = w.path[:len(w.path)-1] }()
	if v.Kind() != slog.KindGroup {
		inner := v.Any()
		return w.walk(reflect.ValueOf(&inner).Elem(), nil)
	}
	s := shape{kind: pairs, text: name}
	for i, attr := range v.Group() {
		if i >= mostItems || w.left <= 0 {
			s.more = len(v.Group()) - i
			break
		}
		key, inner := text(attr.Key), any(attr.Value)
		w.left -= len(key.text) + len(": ")
		s.items = append(s.items, item{key.text, attr.Key, w.value(isSecretName(attr.Key), reflect.ValueOf(&inner).Elem(), nil)})
	}
	return s
}

// json gives the shape of JSON that is not decoded yet.
func (w *walker) json(raw []byte) (shape, bool) {
	if len(raw) > longestJSON || !json.Valid(raw) {
		return shape{}, false
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return shape{}, false
	}
	return w.walk(reflect.ValueOf(&v).Elem(), reflect.TypeFor[any]()), true
}
