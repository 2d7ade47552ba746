package text

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"github.com/bennu-go/bennu/fault"
)

// MostUsername is how many code points a name may have.
const MostUsername = 64

// Username gives the one form of a name that people log in with: in lower case, with
// wide and narrow letters as common ones, and accents as parts of their letters, after
// the profile UsernameCaseMapped of RFC 8265. So "Ｂｏｂ", "BOB" and "bob" are one.
//
// It refuses, with [fault.Invalid], an empty name, one of more than [MostUsername] code
// points, one with spaces, symbols that are not ASCII, control characters or emoji, one
// that mixes directions of writing, and one that mixes Latin, Greek and Cyrillic letters.
func Username(name string) (string, error) {
	if name == "" {
		return "", fault.Invalid.Errorf("a name must not be empty")
	}
	if len(name) > MostUsername*utf8.UTFMax || utf8.RuneCountInString(name) > MostUsername {
		return "", fault.Invalid.Errorf("a name must be at most %d characters", MostUsername)
	}
	form, err := precis.UsernameCaseMapped.String(name)
	if err == nil {
		var again string // RFC 8264 knows of texts that are not stable at once
		if again, err = precis.UsernameCaseMapped.String(form); err == nil && again == form && form != "" {
			if err := oneAlphabet(form); err != nil {
				return "", err
			}
			return form, nil
		}
	}
	return "", fault.Invalid.Errorf("a name must be of letters, digits and signs of one language, without spaces")
}

// oneAlphabet refuses names such as "раypal", of which the first two letters are
// Cyrillic.
func oneAlphabet(name string) error {
	seen := 0
	for _, alphabet := range []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic} {
		for _, r := range name {
			if unicode.Is(alphabet, r) {
				seen++
				break
			}
		}
	}
	if seen > 1 {
		return fault.Invalid.Errorf("a name must not mix Latin, Greek and Cyrillic letters")
	}
	return nil
}
