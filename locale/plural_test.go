package locale_test

import (
	"math"
	"testing"

	"github.com/bennu-go/bennu/locale"
)

// plurals has every form that any of these languages has.
const plurals = `{"{count} items": {"zero": "zero", "one": "one", "two": "two", "few": "few", "many": "many", "other": "other"}}`

func TestPlurals(t *testing.T) {
	for _, c := range []struct {
		language string
		want     map[string][]int
	}{
		{"en", map[string][]int{"one": {1}, "other": {0, 2, 11, 21, 101, 1_000_001}}},
		{"de", map[string][]int{"one": {1, -1}, "other": {0, 2, 10, -2}}},
		{"fr", map[string][]int{"one": {0, 1}, "other": {2, 100}}},
		{"pl", map[string][]int{"one": {1}, "few": {2, 3, 4, 22, 24, 102, 1_000_002}, "many": {0, 5, 11, 12, 14, 21, 25, 112, 1_000_000}}},
		{"ru", map[string][]int{"one": {1, 21, 101, 1_001}, "few": {2, 4, 22, 104}, "many": {0, 5, 11, 14, 111, 1_000}}},
		{"ar", map[string][]int{"zero": {0}, "one": {1}, "two": {2}, "few": {3, 10, 103, 1_003}, "many": {11, 99, 111}, "other": {100, 102, 200, 1_000}}},
		{"cy", map[string][]int{"zero": {0}, "one": {1}, "two": {2}, "few": {3}, "many": {6}, "other": {4, 5, 7, 100}}},
		{"ja", map[string][]int{"other": {0, 1, 2, 100}}},
		{"lt", map[string][]int{"one": {1, 21, 101}, "few": {2, 9, 22}, "other": {0, 10, 11, 20, 111}}},
		{"lv", map[string][]int{"zero": {0, 10, 11, 19, 20}, "one": {1, 21}, "other": {2, 22}}},
		{"he", map[string][]int{"one": {1}, "two": {2}, "many": {20, 100}, "other": {0, 3, 19}}},
	} {
		ctx := load(t, c.language+".json", plurals).With(t.Context(), tag(c.language))
		for want, numbers := range c.want {
			for _, n := range numbers {
				if got := locale.N(ctx, "{count} item", "{count} items", n); got != want {
					t.Errorf("%s: %d takes %s, want %s", c.language, n, got, want)
				}
			}
		}
	}
}

// The form is that of the number as it is shown.
func TestPluralsOfAnyNumber(t *testing.T) {
	for _, c := range []struct {
		language string
		count    any
		want     string
	}{
		{"en", 1.0, "one"}, {"en", 1.5, "other"}, {"en", 0.99999, "one"}, {"en", uint8(1), "one"}, {"en", id(1), "one"},
		{"pl", 1.5, "other"}, {"pl", 2.0, "few"}, {"hr", 0.121, "one"}, {"hr", 0.122, "few"}, {"hr", 1.02, "few"}, {"da", 0.1, "one"}, {"pl", 12_000_003, "few"}, {"pl", 10_000_000_002, "few"}, {"br", 3_000_000, "many"}, {"br", 30_000_000, "many"}, {"ru", 0.5, "other"}, {"ru", float32(5), "many"},
		{"en", math.NaN(), "other"}, {"en", math.Inf(-1), "other"}, {"en", "1", "other"}, {"en", nil, "other"},
		{"ru", int64(math.MaxInt64), "many"}, {"ru", int64(math.MinInt64), "many"}, {"ru", uint64(math.MaxUint64), "many"}, {"fr", 1e300, "other"},
	} {
		ctx := load(t, c.language+".json", plurals).With(t.Context(), tag(c.language))
		got := locale.Translator(ctx)("{count} items", map[string]any{"count": c.count})
		if got != c.want {
			t.Errorf("%s: %v takes %s, want %s", c.language, c.count, got, c.want)
		}
	}
}

func TestCount(t *testing.T) {
	c := load(t, "pl.json", `{"{count} items of {name}": {"one": "jeden {name}", "few": "{count} pliki {name}", "many": "{count} plików {name}", "other": "{count} pliku {name}"},
		"plain {count}": "zwykły {count}"}`)
	ctx, counters := counting(t)
	ctx = c.With(ctx, tag("pl"))
	n := func(n int) string {
		return locale.N(ctx, "one of {name}", "{count} items of {name}", n, locale.Args{"name": "X", "count": "mine"})
	}
	equal(t, "one", n(1), "jeden X")
	equal(t, "few", n(3), "3 pliki X")
	equal(t, "many", n(12345), "12\u00a0345 plików X")
	equal(t, "plain", locale.N(ctx, "", "plain {count}", 1), "zwykły 1")
	equal(t, "without count", locale.T(ctx, "{count} items of {name}", locale.Args{"name": "X"}), "{count} pliku X")
	equal(t, "missing", counters.Counter("locale.missing").Value(), 0)
	equal(t, "missing one", locale.N(ctx, "one page", "{count} pages", 1), "one page")
	equal(t, "missing other", locale.N(ctx, "one page", "{count} pages", 2000), "2\u00a0000 pages")
	equal(t, "missing", counters.Counter("locale.missing").Value(), 2)
}

// Parents have rules of their own: 0 is one in pt, and other in pt-PT.
func TestPluralOfParent(t *testing.T) {
	c := load(t, "pt.json", plurals, "pt-PT.json", `{}`)
	equal(t, "pt-PT says pt's text", locale.N(c.With(t.Context(), tag("pt-PT")), "", "{count} items", 0), "one")
}
