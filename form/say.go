package form

import (
	"context"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bennu-go/bennu/changeset"
)

// Translator gives what says texts in the language of a context. [locale.Translator] is
// one:
//
//	router := web.NewRouter(catalogue.Plug(), form.Translate(locale.Translator))
//
// [locale.Translator]: https://pkg.go.dev/github.com/bennu-go/bennu/locale#Translator
type Translator func(ctx context.Context) func(text string, args map[string]any) string

type translatorKey struct{}

// Translate is a plug that has forms say in the visitor's language what they say by
// themselves: labels made of names ("First name"), options made of values, and "There is a
// problem". What they are given, by Label and Hint, they show as it is. It comes after
// the plug that finds out the language.
func Translate(t Translator) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(WithTranslator(r.Context(), t)))
		})
	}
}

// WithTranslator is what [Translate] does, for a context of no request.
func WithTranslator(ctx context.Context, t Translator) context.Context {
	return context.WithValue(ctx, translatorKey{}, t)
}

// Messages says the messages of a changeset in the language of a context that
// [Translate] knows:
//
//	cs.Translate(form.Messages(ctx))
//
// The translation is looked up by the message's Text, with the argument "count" among
// its arguments.
func Messages(ctx context.Context) func(changeset.Message) string {
	t, ok := ctx.Value(translatorKey{}).(Translator)
	if !ok {
		return changeset.Message.String
	}
	return func(m changeset.Message) string {
		args := make(map[string]any, len(m.Args)+1)
		for name, value := range m.Args {
			args[name] = value
		}
		if m.One != "" {
			args["count"] = m.Count
		}
		text := t(ctx)(m.Text, args)
		if text == m.Fill(m.Text) { // not translated: English knows of one
			return m.String()
		}
		return text
	}
}

func say(ctx context.Context, text string) string {
	if t, ok := ctx.Value(translatorKey{}).(Translator); ok && text != "" {
		return t(ctx)(text, nil)
	}
	return text
}

// human makes a text of a name: "First name" of first_name, "User" of user_id.
func human(name string) string {
	if short := strings.TrimSuffix(name, "_id"); short != "" {
		name = short
	}
	name = strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' || unicode.IsSpace(r) }), " ")
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(first)) + name[size:]
}
