package locale

import (
	"context"
	"fmt"
	"reflect"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// Text is a text as it stands in the sources, which is the key of its translations.
// It is a type of its own so that what users have written is not taken for it.
// Constants need no conversion.
type Text string

// Args are the values of a text's placeholders. Numbers are written as the language
// writes them: what is a number to a computer only, as a year or an id, is given as a
// string. A time has no form of its own; format it before. An error shows
// [fault.Detail], other values what package fmt shows.
type Args map[string]any

// place is the language of a context.
type place struct {
	*tongue
	prefixed bool // the request's path began with it
}

type placeKey struct{}

func put(ctx context.Context, p place) context.Context {
	return context.WithValue(ctx, placeKey{}, p)
}

func placeOf(ctx context.Context) place {
	if p, ok := ctx.Value(placeKey{}).(place); ok {
		return p
	}
	return place{tongue: foreign(language.English)}
}

// foreign is a language without a catalogue.
func foreign(tag language.Tag) *tongue { return &tongue{tag: tag, native: true} }

// With gives a context in which texts are said in that language, from the catalogue
// that the context has. If the language is not there, its parents are asked, as de for
// de-CH, and then the texts stay as they are in the sources; numbers are written its
// way in any case.
func With(ctx context.Context, tag language.Tag) context.Context {
	p := placeOf(ctx)
	if p.catalogue == nil {
		p.tongue = foreign(tag)
	} else {
		p.tongue = p.catalogue.tongue(tag)
	}
	return put(ctx, p)
}

// Of is the language of the context, for <html lang="…">, say. It is English if nobody
// has said anything.
func Of(ctx context.Context) language.Tag { return placeOf(ctx).tag }

// T is a text in the context's language, with its placeholders filled. The text goes
// into HTML like any other: it is to be escaped.
//
// What is not translated stays as it is in the sources, and is counted as
// locale.missing; a placeholder without a value stays too, and is counted as
// locale.unfilled.
func T(ctx context.Context, text Text, args ...Args) string {
	p := placeOf(ctx)
	return p.say(ctx, saying{one: string(text), key: string(text), args: args})
}

// N is a text in the plural form of n, which is also {count}. Its key is the other
// text:
//
//	locale.N(ctx, "one item", "{count} items", len(items))
//
// The two forms are those of English. Sources in another language have more in a file
// of that language.
func N(ctx context.Context, one, other Text, n int, args ...Args) string {
	p := placeOf(ctx)
	return p.say(ctx, saying{one: string(one), key: string(other), args: args, count: n, counted: true})
}

// Translator gives a function that translates messages made elsewhere, as those of
// validations are: a text and the values of its placeholders. A value named count picks
// the plural form, if the translation has any.
func Translator(ctx context.Context) func(text string, args map[string]any) string {
	p := placeOf(ctx)
	return func(text string, args map[string]any) string {
		return p.say(ctx, saying{one: text, key: text, args: []Args{args}})
	}
}

// saying is what is to be said.
type saying struct {
	one, key string
	args     []Args
	count    any
	counted  bool // count is N's
}

func (s *saying) value(name string) (any, bool) {
	if s.counted && name == "count" {
		return s.count, true
	}
	for _, args := range s.args {
		if v, ok := args[name]; ok {
			return v, true
		}
	}
	return nil, false
}

func (t *tongue) say(ctx context.Context, s saying) string {
	return t.find(ctx, &s).fill(func(name string) (string, bool) {
		v, ok := s.value(name)
		if !ok {
			telemetry.Count(ctx, "locale.unfilled", 1)
			return "", false
		}
		return t.show(v), true
	})
}

// find gives the translation, or the text of the sources.
func (t *tongue) find(ctx context.Context, s *saying) pieces {
	for _, table := range t.chain {
		if m := table.find(s); m != nil {
			return m
		}
	}
	if !t.native {
		telemetry.Count(ctx, "locale.missing", 1)
	}
	source := language.English
	if t.catalogue != nil {
		source = t.catalogue.source
		if m := t.catalogue.tables[source].find(s); m != nil {
			return m
		}
	}
	text := s.key
	if s.counted && formFor(source, s.count) == plural.One {
		text = s.one
	}
	m, err := parse(text)
	if err != nil {
		return pieces{{text: text}}
	}
	return m
}

func (t *table) find(s *saying) pieces {
	e, ok := t.entries[s.key]
	if !ok || e.forms == nil {
		return e.text
	}
	count, _ := s.value("count")
	return e.forms.pick(t.tag, count)
}

// show is a value as a reader of the language sees it.
func (t *tongue) show(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return ""
	case error:
		return fault.Detail(v)
	case fmt.Stringer, fmt.Formatter:
		return fmt.Sprint(v)
	}
	if n, ok := numeral(v); ok {
		return t.number(n)
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.String {
		return r.String()
	}
	return fmt.Sprint(v)
}
