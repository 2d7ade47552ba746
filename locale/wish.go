package locale

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// Wish reads from a request which languages somebody wishes for, in the form of the
// header Accept-Language: "de", or "de-AT, en;q=0.5". It is "" if nothing is wished;
// what is not there is passed over, as is what is no language.
type Wish struct {
	Of   func(*http.Request) string
	Vary string // the header it reads, if any, for the answer's Vary
}

// Query is a wish in a parameter of the query, as in "?locale=de".
func Query(name string) Wish {
	return Wish{Of: func(r *http.Request) string { return r.URL.Query().Get(name) }}
}

// Cookie is a wish in a cookie, which the program has set when a visitor chose.
func Cookie(name string) Wish {
	return Wish{Vary: "Cookie", Of: func(r *http.Request) string {
		c, err := r.Cookie(name)
		if err != nil {
			return ""
		}
		return c.Value
	}}
}

// acceptLanguage is the wish that browsers send.
func acceptLanguage() Wish {
	return Wish{Vary: "Accept-Language", Of: func(r *http.Request) string {
		return strings.Join(r.Header.Values("Accept-Language"), ",")
	}}
}

// Of a list of wishes that anybody may send, no more is read.
const (
	mostWishBytes = 512
	mostWishes    = 16
)

type weighed struct {
	tag    language.Tag
	weight float32
}

// wishes reads the form of Accept-Language, the heaviest first. It passes over what it
// does not understand, as others' languages that are newer than these tables.
func wishes(list string) []language.Tag {
	if len(list) > mostWishBytes {
		list = list[:1+strings.LastIndexByte(list[:mostWishBytes], ',')]
	}
	var found []weighed
	for one := range strings.SplitSeq(list, ",") {
		if len(found) == mostWishes {
			break
		}
		tags, weights, err := language.ParseAcceptLanguage(one)
		if err == nil && len(tags) == 1 && weights[0] > 0 { // not so for NaN
			found = append(found, weighed{tags[0], weights[0]})
		}
	}
	slices.SortStableFunc(found, func(a, b weighed) int { return cmp.Compare(b.weight, a.weight) })
	tags := make([]language.Tag, len(found))
	for i, f := range found {
		tags[i] = f.tag
	}
	return tags
}

// match finds the language that is there for a list of wishes.
func (c *Catalogue) match(list string) (*tongue, bool) {
	tags := wishes(list)
	if len(tags) == 0 {
		return nil, false
	}
	_, i, sure := c.matcher.Match(tags...)
	return c.tongues[c.tags[i]], sure != language.No
}
