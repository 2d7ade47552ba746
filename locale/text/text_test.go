package text_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/locale/text"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestUsername(t *testing.T) {
	for in, want := range map[string]string{
		"bob": "bob", "Bob": "bob", "Ｂｏｂ": "bob", "BÖB": "böb", "bo\u0308b": "böb", "bob_1.x-y@z": "bob_1.x-y@z", "ｱ": "ア",
		"Ιωάννης": "ιωάννης", "Иван": "иван", "山田": "山田", "מיכל": "מיכל", "ΣΊΣΥΦΟΣ": "σίσυφοσ", "Straße": "straße",
		strings.Repeat("a", 63): strings.Repeat("a", 63), strings.Repeat("Ö", 64): strings.Repeat("ö", 64),
	} {
		got, err := text.Username(in)
		if err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestUsernameRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"": "must not be empty", strings.Repeat("a", 65): "at most 64", strings.Repeat("é", 1<<20): "at most 64",
		"a b": "without spaces", " a": "without spaces", "a\x00": "signs", "a\n": "signs", "😀": "signs", "a\u200bb": "signs", "a\u202eb": "signs",
		"\xff": "signs", "a♥": "signs", "מיכלa": "signs", "ﬁn": "signs",
		"раypal": "must not mix", "αbc": "must not mix", "αи": "must not mix", "\u0301": "signs",
	} {
		got, err := text.Username(in)
		if !errors.Is(err, fault.Invalid) || got != "" || !strings.Contains(fault.Detail(err), want) {
			t.Errorf("%.20q: got %q, %v, want %s", in, got, err, want)
		}
	}
}

const family = "👩‍👩‍👧"

func TestCharacters(t *testing.T) {
	for in, want := range map[string]int{"": 0, "abc": 3, "e\u0301": 1, family: 1, "🇩🇪🇫🇷": 2, "a\r\nb": 3, "한국": 2, "नि": 1, "\xff\xfe": 2, "👍🏽": 1} {
		if got := text.Characters(in); got != want {
			t.Errorf("%q: got %d, want %d", in, got, want)
		}
	}
}

func TestTruncate(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 4, "abc"}, {"abc", 3, "abc"}, {"abc", 2, "a…"}, {"abc", 1, "…"}, {"abc", 0, ""}, {"abc", -1, ""}, {"", 0, ""}, {"", 1, ""}, {"a", 1, "a"},
		{"A long story", 7, "A long…"}, {"A long story", 8, "A long…"}, {"A long story", 9, "A long s…"},
		{"éèà", 3, "éèà"}, {"éèà", 2, "é…"}, {"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
		{family + family + "x", 3, family + family + "x"}, {family + family + "x", 2, family + "…"}, {"🇩🇪🇫🇷🇮🇹", 2, "🇩🇪…"},
		{"   abc", 3, "…"},
	} {
		if got := text.Truncate(c.in, c.n); got != c.want {
			t.Errorf("%q to %d: got %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func TestSlug(t *testing.T) {
	for in, want := range map[string]string{
		"Crème brûlée, für 2!": "creme-brulee-fur-2", "Don't “panic” – don’t": "dont-panic-dont", "Straße Æsir Łódź Øre": "strasse-aesir-lodz-ore",
		"  --a__b--  ": "a-b", "": "", "!?": "", "Привет, Йод": "привет-йод", "が 한국": "が-한국", "हिन्दी": "हिन्दी", "İstanbul ısı": "istanbul-isi",
		"ﬁne Ｗｉｄｅ ²": "fine-wide-2", "../../etc/passwd": "etc-passwd", "a\u200bb\x00c\xffd": "ab-c-d", "Việt Nam": "viet-nam", "\u0301a": "a", "C++ & Go": "c-go", "😀": "",
	} {
		if got := text.Slug(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestNFC(t *testing.T) {
	for in, want := range map[string]string{"e\u0301": "é", "é": "é", "ﬁ": "ﬁ", "\xff\xfee\u0301": "\uFFFDé", "": ""} {
		if got := text.NFC(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "Bob", "Ｂｏｂ", "e\u0301", family + "🇩🇪", "a b", "\xff", "\u0600a", "İ", "ΑΣ", "ǆ", "\u1e9e", "ﬁ", "a\u0345", "हिन्दी ½", "\u200d\u200d", "\u0600…\u0600", "ŉ", "\xf1ͺ"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		if name, err := text.Username(s); err == nil {
			if again, err := text.Username(name); err != nil || again != name {
				t.Errorf("Username(%q) = %q, but again %q, %v", s, name, again, err)
			}
		} else if fault.Of(err) != fault.Invalid {
			t.Error(err)
		}
		if c := text.Characters(s); c > utf8.RuneCountInString(s) {
			t.Errorf("%q has %d characters", s, c)
		}
		switch short := text.Truncate(s, n); {
		case text.Characters(short) > max(n, 0):
			t.Errorf("Truncate(%q, %d) = %q", s, n, short)
		case short != s && text.Characters(s) <= n:
			t.Errorf("%q fits into %d, but is %q", s, n, short)
		}
		slug := text.Slug(s)
		if again := text.Slug(slug); again != slug || strings.HasPrefix(slug, "-") || strings.HasSuffix(slug, "-") || strings.ContainsAny(slug, "/?#. ") || !utf8.ValidString(slug) {
			t.Errorf("Slug(%q) = %q, again %q", s, slug, again)
		}
		if nfc := text.NFC(s); text.NFC(nfc) != nfc {
			t.Errorf("NFC(%q) = %q", s, nfc)
		}
	})
}

func Example() {
	name, err := text.Username("Ｂｏｂ")
	fmt.Println(name, err)
	_, err = text.Username("раypal") // the first two letters are Cyrillic
	fmt.Println(err)
	fmt.Println(text.Characters("👩‍👩‍👧 né"))
	fmt.Println(text.Truncate("A long story", 7))
	fmt.Println(text.Slug("Crème brûlée, für 2!"))
	// Output:
	// bob <nil>
	// a name must not mix Latin, Greek and Cyrillic letters
	// 4
	// A long…
	// creme-brulee-fur-2
}
