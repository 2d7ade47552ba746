package rule

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/bennu-go/bennu/fault"
)

var unmarshalerType = reflect.TypeFor[json.Unmarshaler]()

// AsksJSON reports whether [Rules.Missing] can find something: whether a field is
// required whose value does not show that it is there, a number, bool or struct.
func (r *Rules) AsksJSON() bool { return r.asks }

// Missing says which required numbers, bools and structs are not in the JSON that a value
// was decoded from; null is not there. It costs nothing if there are no such fields.
// What comes from a path or a query is left to the caller, as is what is not valid JSON.
// Names match as in encoding/json, without regard to case.
func (r *Rules) Missing(raw []byte) fault.Fields {
	if !r.asks {
		return nil
	}
	m := missing{left: mostMessages}
	m.object(r, raw)
	return m.found
}

type missing struct {
	found fault.Fields
	left  int
	path  []string
}

func (m *missing) object(r *Rules, raw json.RawMessage) {
	if len(r.fields) == 1 && r.fields[0].name == "" { // the whole is a list, a map or a pointer
		m.below(r.fields[0].below, r.fields[0].goType, raw)
		return
	}
	var given map[string]json.RawMessage
	if json.Unmarshal(raw, &given) != nil || given == nil {
		return
	}
	for _, f := range r.fields {
		if !f.json || !f.unseen && (f.below == nil || !f.below.asks) {
			continue
		}
		m.path = append(m.path, f.name)
		if value := find(given, f.name); value != nil && string(value) != "null" {
			m.below(f.below, f.goType, value)
		} else if f.unseen && m.left > 0 {
			m.left--
			if m.found == nil {
				m.found = make(fault.Fields)
			}
			m.found.Add(strings.Join(m.path, "."), Blank().String())
		}
		m.path = m.path[:len(m.path)-1]
	}
}

func find(given map[string]json.RawMessage, name string) json.RawMessage {
	if value, ok := given[name]; ok {
		return value
	}
	for key, value := range given {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return nil
}

// below looks into the objects that a value of a type is or holds.
func (m *missing) below(r *Rules, t reflect.Type, raw json.RawMessage) {
	if r == nil || !r.asks || len(m.path) > deepest || m.left <= 0 {
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		m.below(r, t.Elem(), raw)
	case reflect.Struct:
		m.object(r, raw)
	case reflect.Slice, reflect.Array:
		var all []json.RawMessage
		_ = json.Unmarshal(raw, &all) // none if it is no list
		for i, one := range all {
			m.part(r, t.Elem(), strconv.Itoa(i), one)
		}
	case reflect.Map:
		var all map[string]json.RawMessage
		_ = json.Unmarshal(raw, &all)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			m.part(r, t.Elem(), name, all[name])
		}
	}
}

func (m *missing) part(r *Rules, t reflect.Type, name string, raw json.RawMessage) {
	m.path = append(m.path, name)
	m.below(r, t, raw)
	m.path = m.path[:len(m.path)-1]
}
