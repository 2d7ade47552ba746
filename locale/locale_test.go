package locale_test

import (
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/language"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/locale"
)

func TestText(t *testing.T) {
	c := load(t,
		"de.json", `{"Welcome, {name}!": "Willkommen, {name}!", "{a} before {b}": "{b} nach {a}", "50 {{%}}": "50 {{v. H.}}", "later": ""}`,
		"de-CH.json", `{"Street": "Strasse"}`)
	ctx, counters := counting(t)
	ctx = c.With(ctx, language.German)
	equal(t, "text", locale.T(ctx, "Welcome, {name}!", locale.Args{"name": "{Ann}"}), "Willkommen, {Ann}!")
	equal(t, "order", locale.T(ctx, "{a} before {b}", locale.Args{"a": 1}, locale.Args{"b": 2}), "2 nach 1")
	equal(t, "braces", locale.T(ctx, "50 {{%}}"), "50 {v. H.}")
	equal(t, "parent", locale.T(locale.With(ctx, tag("de-CH")), "Welcome, {name}!", locale.Args{"name": 1234}), "Willkommen, 1’234!")
	equal(t, "parent of what is not there", locale.T(locale.With(ctx, tag("de-AT")), "Welcome, {name}!", locale.Args{"name": "A"}), "Willkommen, A!")
	equal(t, "missing so far", counters.Counter("locale.missing").Value(), 0)
	equal(t, "missing", locale.T(ctx, "Street {n}", locale.Args{"n": 1000}), "Street 1.000")
	equal(t, "empty is missing", locale.T(ctx, "later"), "later")
	equal(t, "missing", counters.Counter("locale.missing").Value(), 2)
	equal(t, "unfilled so far", counters.Counter("locale.unfilled").Value(), 0)
	equal(t, "unfilled", locale.T(ctx, "Welcome, {name}!"), "Willkommen, {name}!")
	equal(t, "unfilled", counters.Counter("locale.unfilled").Value(), 1)
	for _, broken := range []locale.Text{"a {", "a }", "{a b}", "{}"} {
		equal(t, "broken", locale.T(ctx, broken, locale.Args{"a": 1}), string(broken))
	}
}

func TestSource(t *testing.T) {
	c := load(t, "en.json", `{"Open (verb)": "Open", "at least {count} characters": {"one": "at least {count} character", "other": "at least {count} characters"}}`)
	ctx, counters := counting(t)
	for _, name := range []string{"en", "en-GB", "en-IN"} {
		ctx := c.With(ctx, tag(name))
		equal(t, name, locale.T(ctx, "Open (verb)"), "Open")
		equal(t, name, locale.T(ctx, "Close"), "Close")
		equal(t, name, locale.Translator(ctx)("at least {count} characters", map[string]any{"count": 1}), "at least 1 character")
	}
	equal(t, "missing", counters.Counter("locale.missing").Value(), 0)
	fr := c.With(ctx, language.French) // not there
	equal(t, "not there", locale.T(fr, "Open (verb)"), "Open")
	equal(t, "missing", counters.Counter("locale.missing").Value(), 1)
	equal(t, "of", locale.Of(fr), language.French)

	german, err := locale.Load(files("en.json", `{"Hallo": "Hello"}`), locale.Config{Source: language.German})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "source", locale.T(german.With(ctx, tag("de-AT")), "Hallo"), "Hallo")
	equal(t, "translated", locale.T(german.With(ctx, language.English), "Hallo"), "Hello")
}

func TestWithoutCatalogue(t *testing.T) {
	ctx := t.Context()
	equal(t, "of", locale.Of(ctx), language.English)
	equal(t, "T", locale.T(ctx, "{n} of {m}", locale.Args{"n": 1e6, "m": "x"}), "1,000,000 of x")
	equal(t, "one", locale.N(ctx, "one item", "{count} items", 1), "one item")
	equal(t, "other", locale.N(ctx, "one item", "{count} items", 0), "0 items")
	equal(t, "path", locale.Path(ctx, "/a"), "/a")
	de := locale.With(ctx, language.German)
	equal(t, "of", locale.Of(de), language.German)
	equal(t, "number", locale.Number(de, 1234.5), "1.234,5")
}

func TestNearLanguage(t *testing.T) {
	c := load(t, "no.json", `{"yes": "ja"}`, "zh-Hant.json", `{"yes": "是的"}`)
	equal(t, "nb", locale.T(c.With(t.Context(), tag("nb")), "yes"), "ja")
	equal(t, "zh-TW", locale.T(c.With(t.Context(), tag("zh-TW")), "yes"), "是的")
	equal(t, "ja", locale.T(c.With(t.Context(), tag("ja")), "yes"), "yes")
}

type (
	id     int64
	color  string
	weight float32
)

func (c color) String() string { return "the color " + string(c) }

func TestValues(t *testing.T) {
	ctx := load(t, "de.json", `{}`).With(t.Context(), language.German)
	for _, c := range []struct {
		value any
		want  string
	}{
		{"2026", "2026"}, {2026, "2.026"}, {int8(-5), "-5"}, {uint64(math.MaxUint64), "18.446.744.073.709.551.615"},
		{id(1000), "1.000"}, {weight(0.1), "0,1"}, {float32(0.1), "0,1"}, {1234.5678, "1.234,568"}, {math.NaN(), "NaN"}, {math.Inf(1), "∞"},
		{true, "true"}, {nil, ""}, {color("red"), "the color red"}, {time.Minute, "1m0s"},
		{locale.Text("{n}"), "{n}"}, {[]byte("a"), "[97]"}, {fault.NewSecret("x"), "[secret]"},
		{fault.NotFound.Wrap(errors.New("sql: secret"), "gone"), "gone"}, {errors.New("sql: x"), "internal error"},
		{(*time.Time)(nil), "<nil>"},
	} {
		equal(t, "value", locale.T(ctx, "{v}", locale.Args{"v": c.value}), c.want)
	}
}

func TestNumbers(t *testing.T) {
	ctx := t.Context()
	in := func(name string, f func() string, want string) { t.Helper(); equal(t, name, f(), want) }
	de, hi, fr := locale.With(ctx, language.German), locale.With(ctx, language.Hindi), locale.With(ctx, language.French)
	in("de", func() string { return locale.Number(de, 1234567) }, "1.234.567")
	in("hi", func() string { return locale.Number(hi, id(1234567)) }, "12,34,567")
	in("fr", func() string { return locale.Number(fr, uint8(200)) }, "200")
	in("decimal", func() string { return locale.Decimal(de, 1234.5, 2) }, "1.234,50")
	in("below", func() string { return locale.Decimal(de, 1.5, -1) }, "2")
	in("places", func() string { return locale.Decimal(de, 0.5, 20) }, "0,50000000000000000000")
	in("above", func() string { return locale.Decimal(de, 0.5, 1<<40) }, "0,50000000000000000000")
	in("percent", func() string { return locale.Percent(de, 0.256, 1) }, "25,6\u00a0%")
	in("percent", func() string { return locale.Percent(ctx, 0.256, 0) }, "26%")
}

func TestDirection(t *testing.T) {
	for name, want := range map[string]string{"ar": "rtl", "he": "rtl", "fa": "rtl", "ur": "rtl", "yi": "rtl", "dv": "rtl", "ps": "rtl", "ckb": "rtl",
		"pa-Arab": "rtl", "pa": "ltr", "az-Arab": "rtl", "en": "ltr", "ja": "ltr", "und": "ltr", "ff-Adlm": "rtl", "syr": "rtl"} {
		equal(t, name, locale.Direction(tag(name)), want)
	}
}

func TestConcurrently(t *testing.T) {
	c := load(t, "de.json", `{"{count} items": {"one": "{count} Stück", "other": "{count} Stück"}}`)
	ctx := c.With(t.Context(), language.German)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for n := range 200 {
				locale.N(ctx, "one", "{count} items", n*1000)
				locale.N(locale.With(ctx, language.French), "one", "{count} items", n)
				locale.Percent(ctx, float64(n), 1)
			}
		})
	}
	all.Wait()
}

func BenchmarkT(b *testing.B) {
	ctx := load(b, "de.json", `{"Welcome, {name}!": "Willkommen, {name}!"}`).With(b.Context(), language.German)
	args := locale.Args{"name": "Ann"}
	b.ReportAllocs()
	for b.Loop() {
		locale.T(ctx, "Welcome, {name}!", args)
	}
}

func BenchmarkN(b *testing.B) {
	ctx := load(b, "pl.json", `{"{count} items": {"one": "{count} a", "few": "{count} b", "many": "{count} c", "other": "{count} d"}}`).With(b.Context(), language.Polish)
	b.ReportAllocs()
	for b.Loop() {
		locale.N(ctx, "{count} item", "{count} items", 1234)
	}
}
