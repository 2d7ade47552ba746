package locale_test

import (
	"strings"
	"testing"

	"golang.org/x/text/language"

	"github.com/bennu-go/bennu/locale"
)

// FuzzText: a text without a catalogue is itself, filled, whatever it is.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "Welcome, {name}!", "{{name}}", "{{{name}}}", "{", "}", "}}", "{name", "{na me}", "{count} {name} {other}", "{é}", "{name}}", "\xff{name}"} {
		f.Add(s, "Ann")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		got := locale.T(t.Context(), locale.Text(text), locale.Args{"name": name})
		if !strings.ContainsAny(text, "{}") && got != text {
			t.Errorf("%q became %q", text, got)
		}
		escaped := strings.NewReplacer("{", "{{", "}", "}}").Replace(text)
		if got := locale.T(t.Context(), locale.Text(escaped+"{name}")); got != text+"{name}" {
			t.Errorf("%q became %q", escaped, got)
		}
		if got := locale.N(t.Context(), locale.Text(text), locale.Text(escaped), 2); got != text {
			t.Errorf("%q became %q", escaped, got)
		}
	})
}

// FuzzLoad: a file is read or refused, and what is read can be said.
func FuzzLoad(f *testing.F) {
	for _, s := range []string{`{}`, `{"a": "b"}`, `{"a {b}": "{b}"}`, `{"{count} x": {"one": "y", "other": "{count} z"}}`, `{"a": {}}`, `{"a": {"one": ""}}`,
		`{"a": "b", "a": "c"}`, `[`, `{"a": {"b": {"c": 1}}}`, "\ufeff{}", `{"a": "{"}`, `{"a": nul`, `{"a"`, `{"\ud800": "x"}`, ``, ` `, `{,}`} {
		f.Add(s, 1)
	}
	f.Fuzz(func(t *testing.T, data string, n int) {
		c, err := locale.Load(files("de.json", data), locale.Config{})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "locale: de.json") {
				t.Errorf("%q: %v", data, err)
			}
			return
		}
		ctx := c.With(t.Context(), language.German)
		for _, m := range c.Check() {
			t.Errorf("%q: %s", data, m)
		}
		locale.N(ctx, "a", "{count} x", n)
		locale.T(ctx, locale.Text(data))
	})
}

func FuzzAcceptLanguage(f *testing.F) {
	for _, s := range []string{"", "de", "de-AT,de;q=0.9,en;q=0.8", "*", "de;q=nan", "x-y-z", "en-u-nu-arab", "und", "i-klingon", "a-b-c-d-e-f", "de;q=1e999", "sr-Latn;q=0.5,,;"} {
		f.Add(s)
	}
	c := greetings(f)
	there := make(map[string]bool)
	for _, tag := range c.Languages() {
		there[tag.String()] = true
	}
	h := c.Prefix(c.Plug(locale.Query("locale"), locale.Cookie("locale"))(page))
	f.Fuzz(func(t *testing.T, header string) {
		w := ask(h, "/", "Accept-Language", header, "Cookie", "locale="+header)
		if got := w.Header().Get("Content-Language"); !there[got] {
			t.Errorf("%q: the language is %q", header, got)
		}
	})
}

// FuzzPlural: no number and no language is without a form.
func FuzzPlural(f *testing.F) {
	f.Add("ar", 1.5, int64(3))
	f.Add("pl", 1e300, int64(-1<<63))
	f.Add("hr", 5e-324, int64(1<<62))
	f.Fuzz(func(t *testing.T, name string, x float64, n int64) {
		tag, err := language.Parse(name)
		if err != nil || len(name) > 64 {
			return
		}
		c, err := locale.Load(files("de.json", `{"{count} x": {"one": "1", "other": "2"}}`, name+".json", plurals), locale.Config{})
		if err != nil {
			return
		}
		say := locale.Translator(c.With(t.Context(), tag))
		for _, count := range []any{x, n} {
			if got := say("{count} items", map[string]any{"count": count}); tag != language.Und && strings.Contains(got, "items") {
				t.Errorf("%s: %v is %q", name, count, got)
			}
		}
	})
}
