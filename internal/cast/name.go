package cast

import (
	"reflect"
	"strings"
	"unicode"
)

// NameOf is what a field is called outside: the name in its form tag, else in its json
// tag, else its name in snake_case. It is "" for a field that is tagged "-", is not
// exported, or is an embedded struct without a name, whose fields stand for themselves.
func NameOf(f reflect.StructField) string {
	for _, tag := range [...]string{"form", "json"} {
		name, _, _ := strings.Cut(f.Tag.Get(tag), ",")
		if name == "-" {
			return ""
		}
		if name != "" && f.IsExported() {
			return name
		}
	}
	if !f.IsExported() || IsEmbedded(f) {
		return ""
	}
	return Snake(f.Name)
}

// IsEmbedded reports whether a field is a struct, or a pointer to one, that is embedded.
func IsEmbedded(f reflect.StructField) bool {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return f.Anonymous && t.Kind() == reflect.Struct
}

// Fields are the fields of a struct that have a name outside, those of structs that are
// embedded by value among them, with their whole Index.
func Fields(t reflect.Type) []reflect.StructField {
	var all []reflect.StructField
	for i := range t.NumField() {
		f := t.Field(i)
		switch {
		case NameOf(f) != "":
			all = append(all, f)
		case IsEmbedded(f) && f.Type.Kind() == reflect.Struct && f.Tag.Get("form") != "-" && f.Tag.Get("json") != "-":
			for _, inner := range Fields(f.Type) {
				inner.Index = append([]int{i}, inner.Index...)
				all = append(all, inner)
			}
		}
	}
	return undoubled(t, all)
}

// undoubled leaves out what Go hides: a field whose Go name stands for another, or for
// none.
func undoubled(t reflect.Type, all []reflect.StructField) []reflect.StructField {
	kept := all[:0]
	for _, f := range all {
		if seen, ok := t.FieldByName(f.Name); ok && reflect.DeepEqual(seen.Index, f.Index) {
			kept = append(kept, f)
		}
	}
	return kept
}

// Snake is a Go name in snake_case: user_id for UserID, html_body for HTMLBody.
func Snake(name string) string {
	var out strings.Builder
	letters := []rune(name)
	for i, r := range letters {
		ends := i+1 < len(letters) && unicode.IsLower(letters[i+1])
		if unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(letters[i-1]) || ends) && letters[i-1] != '_' {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}
