package rule

import (
	"net/url"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// longestCharacter is how many code points count as one character at most. Without it, a
// text of one letter and a million accents would be one character.
const longestCharacter = 32

// Characters counts what a reader would call characters, up to a limit: a count above
// it is limit+1.
func Characters(text string, limit int) int {
	if isPlain(text) {
		return min(len(text), limit+1)
	}
	n, state := 0, -1
	for len(text) > 0 && n <= limit {
		var one string
		one, text, _, state = uniseg.FirstGraphemeClusterInString(text, state)
		points := 0
		for range one {
			points++
		}
		n += (points + longestCharacter - 1) / longestCharacter
	}
	return min(n, limit+1)
}

// isPlain reports whether every byte is a character.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 || text[i] == '\r' { // \r\n is one
			return false
		}
	}
	return true
}

// isBlank reports whether there is nothing to see in a text.
func isBlank(text string) bool {
	for _, r := range text {
		if !unicode.IsSpace(r) {
			return false
		}
	}
	return true
}

// isEmail accepts what mail is sent to on the web, in any script: no quoted names, no
// comments, no addresses of hosts by number.
func isEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > 64 || len(s) > 254 {
		return false
	}
	local, domain := s[:at], s[at+1:]
	if local[0] == '.' || local[at-1] == '.' || strings.Contains(local, "..") {
		return false
	}
	for _, r := range local {
		if !isWord(r) && !strings.ContainsRune(".!#$%&'*+/=?^_`{|}~-", r) {
			return false
		}
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if !isWord(r) && r != '-' {
				return false
			}
		}
	}
	return true
}

func isWord(r rune) bool {
	return r != unicode.ReplacementChar && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}

// isURL accepts what may be linked to: http and https, with a host.
func isURL(s string) bool {
	unfit := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	if strings.IndexFunc(s, unfit) >= 0 {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i] | 0x20 // lower case
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if (s[i] < '0' || s[i] > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

// isSlug accepts lower-case letters and digits, in words joined by single hyphens.
func isSlug(s string) bool {
	before := byte('-')
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c != '-' || before == '-') {
			return false
		}
		before = c
	}
	return before != '-'
}
