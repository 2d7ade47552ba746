package changeset

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bennu-go/bennu/fault"
)

// The limits of ParseForm.
const (
	mostValues = 1000
	deepest    = 8
)

// ParseForm nests the fields of a form by the brackets in their names:
//
//	user[name]=Ann            {"user": {"name": "Ann"}}
//	user[tags][]=a            {"user": {"tags": ["a"]}}
//	user[items][0][name]=Pen  {"user": {"items": [{"name": "Pen"}]}}
//
// An object whose names are all whole numbers is a list, in their order. A name that is
// not for a list may be there twice only if its first value is "false": that is how an
// unchecked checkbox tells of itself.
//
// Refused with [fault.Invalid] are more than 1,000 values, names of more than 8 parts,
// malformed names, names that contradict each other (a and a[b], a[] and a[0]), and what
// is not UTF-8.
func ParseForm(form url.Values) (Params, error) {
	root, count := make(map[string]any), 0
	for _, name := range sortedKeys(form) {
		values := form[name]
		if count += max(len(values), 1); count > mostValues {
			return nil, fault.Invalid.Errorf("the form has more than %d values", mostValues)
		}
		parts, err := split(name)
		if err != nil {
			return nil, err
		}
		for _, value := range values {
			if !utf8.ValidString(value) {
				return nil, fault.Invalid.Errorf("the value of %.64q in the form is not UTF-8", name)
			}
		}
		if err := insert(root, name, parts, values); err != nil {
			return nil, err
		}
	}
	for name, value := range root {
		root[name] = listed(value)
	}
	return root, nil
}

// split gives the parts of a name. The last is "" if it is for a list.
func split(name string) ([]string, error) {
	malformed := fault.Invalid.Errorf("the name %.64q in the form is malformed", name)
	if !utf8.ValidString(name) {
		return nil, malformed
	}
	first, rest, nested := strings.Cut(name, "[")
	if first == "" || strings.Contains(first, "]") {
		return nil, malformed
	}
	parts := []string{first}
	for nested {
		part, after, closed := strings.Cut(rest, "]")
		if !closed || strings.Contains(part, "[") || part == "" && after != "" {
			return nil, malformed
		}
		if parts = append(parts, part); len(parts) > deepest {
			return nil, fault.Invalid.Errorf("the name %.64q in the form has more than %d parts", name, deepest)
		}
		if after == "" {
			break
		}
		if rest, nested = strings.CutPrefix(after, "["); !nested {
			return nil, malformed
		}
	}
	return parts, nil
}

// insert puts values where their name says.
func insert(at map[string]any, name string, parts []string, values []string) error {
	if len(values) == 0 {
		return nil
	}
	conflict := fault.Invalid.Errorf("the name %.64q in the form contradicts another one", name)
	last := len(parts) - 1
	many := parts[last] == ""
	if many {
		last--
	}
	for _, part := range parts[:last] {
		inner, ok := at[part].(map[string]any)
		if !ok {
			if at[part] != nil {
				return conflict
			}
			inner = make(map[string]any)
			at[part] = inner
		}
		at = inner
	}
	if at[parts[last]] != nil {
		return conflict
	}
	switch {
	case many:
		list := make([]any, len(values))
		for i, value := range values {
			list[i] = value
		}
		at[parts[last]] = list
	case len(values) == 1, len(values) == 2 && values[0] == "false":
		at[parts[last]] = values[len(values)-1]
	default:
		return fault.Invalid.Errorf("the name %.64q is in the form %d times; a list's name ends with []", name, len(values))
	}
	return nil
}

// listed makes lists of the objects whose names are all indexes.
func listed(value any) any {
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	type element struct {
		index int
		value any
	}
	var list []element
	for name, inner := range object {
		inner = listed(inner)
		object[name] = inner
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && strconv.Itoa(i) == name {
			list = append(list, element{i, inner})
		}
	}
	if len(list) < len(object) {
		return object
	}
	slices.SortFunc(list, func(a, b element) int { return cmp.Compare(a.index, b.index) })
	all := make([]any, len(list))
	for i, e := range list {
		all[i] = e.value
	}
	return all
}
