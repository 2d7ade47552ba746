package locale

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/text/language"
)

// Key is a text to be translated.
type Key struct {
	Text   Text
	Plural bool   // it is said with a count, so its translations need plural forms
	At     string // where it was found, as in "shop/page.go:12", if known
}

// Missing is a text that a language has no translation for, or none in plural forms.
type Missing struct {
	Language language.Tag
	Key      Key
}

// String says so in a line.
func (m Missing) String() string {
	what := "is not translated"
	if m.Key.Plural {
		what = "is not translated, or not in plural forms"
	}
	where := ""
	if m.Key.At != "" {
		where = " (" + m.Key.At + ")"
	}
	return fmt.Sprintf("%s: %q%s %s", m.Language, string(m.Key.Text), where, what)
}

// Check lists what is missing, by language and text: of the keys, which
// localetest.Extract finds in sources, and of every text that some language has a
// translation for. What a language has from its parent is not missing, and what the
// parent misses too is told of the parent only.
func (c *Catalogue) Check(keys ...Key) []Missing {
	all := c.allKeys(keys)
	var missing []Missing
	for _, tag := range c.tags {
		t := c.tongues[tag]
		if t.native || len(t.chain) != 1 {
			continue
		}
		plurals := hasPlurals(tag)
		for _, key := range all {
			e, ok := t.chain[0].entries[string(key.Text)]
			if !ok || key.Plural && plurals && e.forms == nil {
				missing = append(missing, Missing{tag, key})
			}
		}
	}
	return missing
}

// allKeys gives each text once, by text.
func (c *Catalogue) allKeys(keys []Key) []Key {
	all := make(map[Text]Key)
	for _, t := range c.tables {
		for text, e := range t.entries {
			k := all[Text(text)]
			all[Text(text)] = Key{Text: Text(text), Plural: k.Plural || e.forms != nil}
		}
	}
	for _, key := range keys {
		known := all[key.Text]
		key.Plural = key.Plural || known.Plural
		if known.At != "" {
			key.At = known.At
		}
		all[key.Text] = key
	}
	return slices.SortedFunc(maps.Values(all), func(a, b Key) int { return cmp.Compare(a.Text, b.Text) })
}
