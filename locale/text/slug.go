package text

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Slug gives a text as a part of a URL's path: in lower case, words joined by hyphens.
// Latin letters lose their accents, so that German ü is u; letters of other scripts stay
// themselves, which a URL has percent-encoded and a browser shows as they are. A text
// without letters and digits is "".
func Slug(s string) string {
	var b strings.Builder
	gap, latin := false, false // a hyphen is due; the letter before was Latin
	s = strings.ToValidUTF8(s, " ")
	for _, r := range norm.NFD.String(strings.ToLower(norm.NFKC.String(s))) {
		if unicode.Is(unicode.M, r) {
			if !latin && !gap && b.Len() > 0 {
				b.WriteRune(r)
			}
			continue
		}
		if r == '\'' || r == '’' || unicode.Is(unicode.Cf, r) { // don't is dont
			continue
		}
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) {
			gap, latin = b.Len() > 0, false
			continue
		}
		if gap {
			b.WriteByte('-')
			gap = false
		}
		latin = unicode.Is(unicode.Latin, r) || r < 0x80
		if plain := unaccented(r); plain != "" {
			b.WriteString(plain)
		} else {
			b.WriteRune(r)
		}
	}
	return norm.NFC.String(b.String())
}

// unaccented gives Latin letters that Unicode does not take apart.
func unaccented(r rune) string {
	switch r {
	case 'ß':
		return "ss"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'ø':
		return "o"
	case 'đ', 'ð':
		return "d"
	case 'ł':
		return "l"
	case 'þ':
		return "th"
	case 'ħ':
		return "h"
	case 'ı':
		return "i"
	}
	return ""
}
