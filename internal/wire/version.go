package wire

import "strings"

// Version is the form of the frames.
type Version uint8

// The versions: objects of text, and arrays with binary frames beside them.
const (
	V1 Version = 1
	V2 Version = 2
)

// Negotiate reads the parameter vsn of a connection: a semantic version, 1.0.x or 2.0.x.
// None at all is V1.
func Negotiate(vsn string) (Version, bool) {
	if vsn == "" {
		return V1, true
	}
	for v, minor := range map[Version]string{V1: "1.0.", V2: "2.0."} {
		if rest, ok := strings.CutPrefix(vsn, minor); ok && patch(rest) {
			return v, true
		}
	}
	return 0, false
}

// patch checks what follows the minor number. A pre-release of x.0.0 comes before it.
func patch(s string) bool {
	s, build, built := strings.Cut(s, "+")
	number, pre, early := strings.Cut(s, "-")
	switch {
	case number == "" || strings.Trim(number, "0123456789") != "" || number[0] == '0' && len(number) > 1:
		return false
	case early && (number == "0" || !identifiers(pre)):
		return false
	}
	return !built || identifiers(build)
}

func identifiers(s string) bool {
	for id := range strings.SplitSeq(s, ".") {
		if id == "" {
			return false
		}
		for _, c := range []byte(id) {
			if c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
				return false
			}
		}
	}
	return true
}
