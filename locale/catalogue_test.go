package locale_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"golang.org/x/text/language"

	"github.com/bennu-go/bennu/locale"
)

func TestLoad(t *testing.T) {
	c := load(t, "shop/de.json", `{"a": "A"}`, "mail/de.json", `{"b": "B"}`, "pt_BR.json", `{}`, "zh-hant.json", `{}`, "readme.md", "x", "ar.json", "{\n}\n")
	equal(t, "languages", fmt.Sprint(c.Languages()), "[en ar de pt-BR zh-Hant]")
	ctx := c.With(t.Context(), language.German)
	equal(t, "both files", locale.T(ctx, "a")+locale.T(ctx, "b"), "AB")
	c.Languages()[0] = language.Thai
	equal(t, "a copy", c.Languages()[0], language.English)

	c, err := locale.Load(files("de.json", `{}`, "fr.json", `{}`), locale.Config{Default: language.French})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "default first", fmt.Sprint(c.Languages()), "[fr en de]")
}

func TestLoadRefuses(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"de.json", ``, `de.json:1: the file ends too early`},
		{"de.json", `{"a": "b"`, `de.json:1: the file ends too early`},
		{"de.json", `{"a": {"one": "b"`, `de.json:1: key "a": the file ends too early`},
		{"de.json", "{\n\"a\": b}", `de.json:2: key "a": invalid character`},
		{"de.json", `["a"]`, `de.json:1: there must be an object`},
		{"de.json", `null`, `de.json:1: there must be an object`},
		{"de.json", "{\n} {}", `de.json:2: there is something after the closing brace`},
		{"de.json", "{\n}, ", `de.json:2: there is something after the closing brace`},
		{"de.json", `{"a": 1}`, `de.json:1: key "a": the translation must be a text or plural forms`},
		{"de.json", `{"a": null}`, `must be a text or plural forms`},
		{"de.json", `{"a": ["b"]}`, `must be a text or plural forms`},
		{"de.json", `{"a": {"one": 1}}`, `must be a text or plural forms`},
		{"de.json", "{\n\n\"Hi {name}\": \"Hallo {nmae}\"}", `de.json:3: key "Hi {name}": the translation has {nmae}, which the key has not`},
		{"de.json", `{"Hi": "Hallo {"}`, `key "Hi": after a { there must be a name`},
		{"de.json", `{"Hi": "Hallo }"}`, `key "Hi": a } has no { before it`},
		{"de.json", `{"Hi {a b}": ""}`, `key "Hi {a b}": after a {`},
		{"de.json", `{"": "x"}`, `a key is empty`},
		{"de.json", "{\"a\": \"1\",\n\"a\": \"2\"}", `de.json:2: key "a" is in de.json:1 already`},
		{"de.json", `{"{count} x": {"other": "{count} y"}}`, `key "{count} x": de needs the plural form one too`},
		{"ru.json", `{"{count} x": {"one": "1", "other": "2"}}`, `ru needs the plural form few, many too`},
		{"ar.json", `{"x": {"one": "1"}}`, `ar needs the plural form zero, two, few, many, other too`},
		{"ja.json", `{"x": {"one": "1"}}`, `ja needs the plural form other too`},
		{"de.json", `{"x": {"1": "1", "other": "2", "one": "1"}}`, `"1" is no plural form`},
		{"de.json", `{"x": {"one": "{y}", "other": "2"}}`, `the translation has {y}`},
		{"klingon!.json", `{}`, `klingon!.json: the name must be a language`},
		{"package.json", `{}`, `package.json: the name must be a language`},
		{"und.json", `{}`, `und.json: the name must be a language`},
		{"de.json", "{\"a\": \"\xff\"}", `de.json: the file is not UTF-8`},
	} {
		_, err := locale.Load(files(c.name, c.data), locale.Config{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "locale: ") {
			t.Errorf("%s: got %v, want %s", c.data, err, c.want)
		}
	}
	_, err := locale.Load(files(), locale.Config{Default: language.French})
	has(t, fmt.Sprint(err), "locale: the default language fr has no file fr.json")
	_, err = locale.Load(files("de.json", `{"{x": "", "b": "{c}"}`, "fr.json", `[]`), locale.Config{})
	has(t, fmt.Sprint(err), `key "{x"`, `key "b"`, `fr.json:1`) // all at once
	_, err = locale.Load(bad{}, locale.Config{})
	has(t, fmt.Sprint(err), "locale: the files cannot be read: no disk")
}

type bad struct{}

func (bad) Open(string) (fs.File, error) { return nil, errors.New("no disk") }

func TestMustLoad(t *testing.T) {
	defer func() { has(t, fmt.Sprint(recover()), "locale: de.json:1") }()
	locale.MustLoad(files("de.json", `[]`), locale.Config{})
}

func TestFormsThatAreNotUsed(t *testing.T) {
	c := load(t, "fr.json", `{"x": {"one": "1", "many": "2", "other": "3"}}`, "pl.json", `{"x": {"one": "", "other": ""}}`)
	equal(t, "fr", locale.N(c.With(t.Context(), language.French), "", "x", 1_000_000), "3")
	equal(t, "empty forms", locale.N(c.With(t.Context(), language.Polish), "y", "x", 1), "y")
}

func TestCheck(t *testing.T) {
	c := load(t,
		"de.json", `{"a": "A", "{count} b": {"one": "B", "other": "B"}, "later": ""}`,
		"de-CH.json", `{}`,
		"pl.json", `{"a": "A", "{count} b": "B"}`,
		"ja.json", `{"a": "A", "{count} b": "B"}`,
		"en.json", `{"c": "C"}`)
	var lines []string
	for _, m := range c.Check(locale.Key{Text: "later", At: "x.go:3"}, locale.Key{Text: "later", At: "y.go:1"}, locale.Key{Text: "a"}) {
		lines = append(lines, m.String())
	}
	equal(t, "missing", strings.Join(lines, "\n"), strings.Join([]string{
		`de: "c" is not translated`,
		`de: "later" (x.go:3) is not translated`,
		`ja: "c" is not translated`,
		`ja: "later" (x.go:3) is not translated`,
		`pl: "c" is not translated`,
		`pl: "later" (x.go:3) is not translated`,
		`pl: "{count} b" is not translated, or not in plural forms`,
	}, "\n"))
	if whole := load(t, "de.json", `{"a": "b"}`).Check(); whole != nil {
		t.Error(whole)
	}
}
