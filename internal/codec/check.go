package codec

import (
	"errors"
	"reflect"
	"strings"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/cast"
	"github.com/bennu-go/bennu/internal/rule"
)

// Input reads values of one type from JSON, and checks them by their validate tags and
// their method Validate() error.
type Input struct{ rules *rule.Rules }

// InputOf makes one. It panics on validate tags that can never work.
func InputOf(t reflect.Type) Input { return Input{rule.Of(t, NameOf)} }

// Read reads data into in, a pointer. What is wrong with it is fault.Invalid, by field if
// it breaks rules.
func (i Input) Read(what string, data []byte, in any) error {
	if err := Decode(what, data, in); err != nil {
		return err
	}
	if wrong := Merge(i.rules.Missing(data), i.rules.Check(reflect.ValueOf(in).Elem())); wrong != nil {
		return fault.Refuse(wrong)
	}
	return Validate(in)
}

// Validate asks a value itself, if it has a method Validate() error. An error that is of
// no kind is fault.Invalid.
func Validate(in any) error {
	own, ok := in.(interface{ Validate() error })
	if !ok {
		return nil
	}
	err := own.Validate()
	if err != nil && fault.Of(err) == fault.Internal && !errors.Is(err, fault.Internal) {
		return fault.Invalid.Errorf("%v", err)
	}
	return err
}

// Merge gives the messages of both; where both have some for a field, those of a.
func Merge(a, b fault.Fields) fault.Fields {
	if a == nil {
		return b
	}
	for field, messages := range b {
		if a[field] == nil {
			a[field] = messages
		}
	}
	return a
}

// NameOf is the name of a struct's field in JSON, or "" if it has none.
func NameOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	switch {
	case name == "-" && f.Tag.Get("json") == "-", !f.IsExported() && !f.Anonymous:
		return ""
	case name == "" && cast.IsEmbedded(f):
		return ""
	case name == "":
		return f.Name
	}
	return name
}
