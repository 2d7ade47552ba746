package form

import (
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "",
		"^[a-z]+$":                              "[a-z]+",
		"^a|b$":                                 "",
		"a":                                     "[\\s\\S]*a[\\s\\S]*",
		"^a":                                    "a[\\s\\S]*",
		"a$":                                    "[\\s\\S]*a",
		`\Aab\z`:                                "ab",
		"^(a|bc)?x{2,}$":                        "(?:(?:(?:a|bc)))?(?:x){2,}",
		`^[^\s@]+@[^\s@]+$`:                     `[\u{0}-\u{8}\u{b}\u{e}-\u{1f}\u{21}-\u{3f}A-\u{10ffff}]+@[\u{0}-\u{8}\u{b}\u{e}-\u{1f}\u{21}-\u{3f}A-\u{10ffff}]+`,
		`^.+/.*$`:                               `[\u{0}-\u{9}\u{b}-\u{10ffff}]+\u{2f}[\u{0}-\u{9}\u{b}-\u{10ffff}]*`,
		`^.$`:                                   "", // é may be two
		`^[^a]{2}$`:                             "",
		`^é+$`:                                  "",
		`(?i)^k-s$`:                             `[Kk\u{212a}][\u{2d}][Ss\u{17f}]`,
		`^a\b$`:                                 "",
		`(?m)^a$`:                               "",
		`^a(?:^b)$`:                             "",
		`^(`:                                    "",
		`^(?P<year>\d{4})$`:                     "(?:[0-9]{4,4})",
		`^[()\[\]{}/|&!\-\\]$`:                  `[\u{21}\u{26}\u{28}-\u{29}\u{2d}\u{2f}\u{5b}-\u{5d}\u{7b}-\u{7d}]`,
		`^\pL$`:                                 "",
		`^$`:                                    "",
		"^" + strings.Repeat("a", maxPattern-1): strings.Repeat("a", maxPattern-1) + "[\\s\\S]*",
		"^" + strings.Repeat("a", maxPattern):   "",
	} {
		if got := pattern(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
