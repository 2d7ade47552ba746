package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// setting is one field of the struct. It is the flag package's Value too, but only
// keeps the text: what it means is found out when it is known which text counts.
type setting struct {
	field            string // for the programmer, as in Data.URL
	flag, env        string
	def              string
	hasDef           bool
	help             string
	secret, optional bool

	target reflect.Value
	parse  parser
	given  *string // by flag
}

// declared reads the declaration into settings. It panics if it makes no sense.
func declared(into any) []*setting {
	root := reflect.ValueOf(into).Elem()
	if root.Kind() != reflect.Struct {
		panic(fmt.Sprintf("config: settings are declared by a struct, not by %s", root.Type()))
	}
	settings := collect(nil, root, "")
	seen := make(map[string]string)
	for _, s := range settings {
		for _, name := range []string{"-" + s.flag, s.env} {
			if name == "-" || name == "" {
				continue
			}
			if other, ok := seen[name]; ok {
				panic(fmt.Sprintf("config: %s and %s are both set by %s", other, s.field, name))
			}
			seen[name] = s.field
		}
	}
	return settings
}

func collect(settings []*setting, from reflect.Value, prefix string) []*setting {
	for i := range from.NumField() {
		field, value := from.Type().Field(i), from.Field(i)
		s := &setting{field: prefix + field.Name, target: value}
		s.flag, s.env, s.help = field.Tag.Get("flag"), field.Tag.Get("env"), field.Tag.Get("help")
		s.def, s.hasDef = field.Tag.Lookup("default")
		secret, hasSecret := field.Tag.Lookup("secret")

		if s.flag == "" && s.env == "" {
			if s.hasDef || hasSecret || s.help != "" {
				s.refuse("has neither a flag nor an env")
			}
			if value.Kind() == reflect.Struct && field.IsExported() {
				settings = collect(settings, value, s.field+".")
			}
			continue
		}
		s.check(field)
		if hasSecret {
			var err error
			if s.secret, err = strconv.ParseBool(secret); err != nil {
				s.refuse("has a secret tag that is neither true nor false")
			}
		}
		settings = append(settings, s)
	}
	return settings
}

func (s *setting) check(field reflect.StructField) {
	if !field.IsExported() {
		s.refuse("has tags but is not exported")
	}
	if strings.HasPrefix(s.flag, "-") || strings.ContainsAny(s.flag, "= \t\n") {
		s.refuse("has the flag name %q", s.flag)
	}
	if strings.ContainsAny(s.env, "=\x00") {
		s.refuse("has the environment name %q", s.env)
	}
	of := field.Type
	if of.Kind() == reflect.Pointer && !isText(of) {
		s.optional = true
		of = of.Elem()
	}
	s.parse = parserOf(of)
	if s.parse.into == nil {
		s.refuse("is of type %s, which cannot be read from text", field.Type)
	}
	switch {
	case !s.hasDef:
	case s.optional:
		s.refuse("has a default, which an optional setting cannot have")
	default:
		if err := s.parse.into(reflect.New(of).Elem(), s.def); err != nil {
			s.refuse("has the default %q, want %s", s.def, s.parse.want)
		}
	}
}

func (s *setting) refuse(format string, args ...any) {
	panic("config: " + s.field + " " + fmt.Sprintf(format, args...))
}

// resolve finds the text that counts and reads it.
func (s *setting) resolve(env func(string) (string, bool)) error {
	text, source := s.def, ""
	if s.env != "" {
		if found, ok := env(s.env); ok && found != "" {
			text, source = found, s.env
		}
	}
	if s.given != nil {
		text, source = *s.given, "-"+s.flag
	}
	if source == "" && !s.hasDef {
		return nil
	}
	target := s.target
	if s.optional {
		target.Set(reflect.New(target.Type().Elem()))
		target = target.Elem()
	}
	err := s.parse.into(target, text)
	switch {
	case err == nil:
		return nil
	case s.secret:
		return fmt.Errorf("%s: want %s; what was given is not shown", source, s.parse.want)
	case s.parse.explains:
		return fmt.Errorf("%s: %s is not %s: %v", source, quote(text), s.parse.want, err)
	}
	return errors.New(source + ": want " + s.parse.want + ", got " + quote(text))
}

// String and Set are flag.Value; IsBoolFlag lets -x stand for -x=true.
func (s *setting) String() string        { return "" }
func (s *setting) Set(text string) error { s.given = &text; return nil }
func (s *setting) IsBoolFlag() bool      { return s.parse.bool }

// quote shows a text as it was given, but not all of a very long one.
func quote(text string) string {
	const most = 80 // bytes
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return strconv.Quote(text)
}
