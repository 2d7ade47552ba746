package text

import (
	"strings"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
)

// NFC gives the text in Unicode's composed form, in which two texts that look the same
// are the same: é is one code point, however it was typed. Bytes that are not UTF-8
// become U+FFFD.
func NFC(s string) string { return norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD")) }

// Characters counts a text as its reader does: é is one however it is composed, as are
// a flag and a family of emoji.
func Characters(s string) int { return uniseg.GraphemeClusterCount(s) }

// Truncate gives at most n characters of a text, as [Characters] counts. If something
// is left out, the last of them is "…", with no space before it.
func Truncate(s string, n int) string {
	if n <= 0 {
		return ""
	}
	if len(s) <= n {
		return s
	}
	keep, rest, state := 0, s, -1 // keep is the length of n-1 characters
	for count := 0; rest != ""; count++ {
		if count == n-1 {
			keep = len(s) - len(rest)
		}
		if count == n {
			return strings.TrimRight(s[:keep], " \t\r\n") + "…"
		}
		_, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
	}
	return s
}
