package fault

import (
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// secretWords make a name secret that contains one of them, secretNames one that is one
// of them, both without regard to case and separators. The package comment lists them.
var (
	secretWords = [...]string{
		"password", "passwd", "passphrase", "pwd", "secret", "token", "authorization", "bearer", "cookie",
		"session", "credential", "signature", "jwt", "csrf", "xsrf",
		"apikey", "accesskey", "privatekey", "signingkey", "encryptionkey", "masterkey",
	}
	secretNames = [...]string{"pass", "pw", "auth", "sid", "pin", "otp", "totp", "cvv", "cvc"}
)

// isSecretName reports whether what has this name is left out.
func isSecretName(name string) bool {
	plain := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
	for _, word := range secretWords {
		if strings.Contains(plain, word) {
			return true
		}
	}
	for _, whole := range secretNames {
		if plain == whole {
			return true
		}
	}
	return false
}

// isSecretField reports whether a field is left out: by its tags, its name or its name
// in JSON.
func isSecretField(f reflect.StructField) bool {
	for option := range strings.SplitSeq(f.Tag.Get("bennu"), ",") {
		if option == "secret" {
			return true
		}
	}
	if tag, ok := f.Tag.Lookup("secret"); ok {
		if yes, err := strconv.ParseBool(tag); err == nil && yes {
			return true
		}
	}
	json, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return isSecretName(f.Name) || isSecretName(json)
}

// mask leaves out of a text what is plainly secret in it: the value of name=value and of
// "name": value (in JSON that is a string) where the name is secret, and the password
// of scheme://user:password@host.
func mask(text string) string {
	var out strings.Builder
	done := 0 // of text, that far is in out
	hide := func(from, to int) {
		if from < to {
			out.WriteString(text[done:from])
			out.WriteString(redacted)
			done = to
		}
	}
	for i := 0; i < len(text); i++ {
		if i < done {
			continue
		}
		switch before, after := text[done:i], text[i+1:]; {
		case text[i] == '=' && isSecretName(lastWord(before)):
			hide(i+1, i+1+valueLen(after, " \t\r\n&;\"'\\"))
		case text[i] == ':' && strings.HasPrefix(after, "//"):
			if from, to := passwordIn(after[2:]); to > 0 {
				hide(i+3+from, i+3+to)
			}
		case text[i] == ':':
			name := strings.TrimRight(before, " \t\r\n")
			if quoted := strings.TrimSuffix(name, `"`); quoted != name && isSecretName(lastWord(strings.TrimSuffix(quoted, `\`))) {
				space := len(after) - len(strings.TrimLeft(after, " \t\r\n"))
				hide(i+1+space, i+1+space+valueLen(after[space:], " \t\r\n,}]"))
			}
		}
	}
	if done == 0 {
		return text
	}
	out.WriteString(text[done:])
	return out.String()
}

// lastWord is the name that a text ends with.
func lastWord(text string) string {
	start := strings.LastIndexFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-.%[]", r)
	})
	return text[start+1:]
}

// valueLen is the length of the value that a text begins with: it ends with its own
// quote, or at one of the given bytes. One that nests goes on to the end of the text.
func valueLen(text, ends string) int {
	if strings.HasPrefix(text, redacted) {
		return len(redacted)
	}
	for _, quote := range [...]string{`"`, `\"`, `'`} {
		rest, ok := strings.CutPrefix(text, quote)
		if !ok {
			continue
		}
		for i := 0; i < len(rest); i++ {
			if strings.HasPrefix(rest[i:], quote) {
				return len(quote) + i + len(quote)
			}
			if rest[i] == '\\' {
				i++
			}
		}
		return len(text)
	}
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
		return len(text)
	}
	if end := strings.IndexAny(text, ends); end >= 0 {
		return end
	}
	return len(text)
}

// passwordIn finds the password in what follows a URL's "//". If the text ends before
// the host, it is what is there of it.
func passwordIn(text string) (from, to int) {
	end := strings.IndexAny(text, "/?# \t\r\n\"'")
	if end >= 0 {
		text = text[:end]
	}
	user, at := strings.IndexByte(text, ':'), strings.LastIndexByte(text, '@')
	switch {
	case user < 0:
		return 0, 0
	case at > user:
		return user + 1, at
	case end < 0 && strings.Trim(text[user+1:], "0123456789") != "": // no port
		return user + 1, len(text)
	}
	return 0, 0
}
