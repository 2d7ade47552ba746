package fault

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// redacted stands for whatever is left out because it is secret.
const redacted = "[secret]"

// Secret is a text that is never printed: a password, a token, a key. Package fmt
// (under every verb), log/slog, encoding/json, encoding/xml, the template packages and
// [Inspect] all show "[secret]", on its own and inside other values. In a struct's
// unexported field, of which fmt prints what it finds, it is an address.
//
// It is read from text, so it can be a field of an input struct or a setting of
// package config. The zero Secret is the empty text. Secrets are not comparable with
// ==; see [Secret.Matches].
type Secret struct {
	_    [0]func() // == would compare addresses
	text *string   // fmt follows no pointer that it finds inside a value
}

// NewSecret makes a Secret of a text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{text: &text}
}

// Reveal gives the text. From here on nothing guards it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Matches reports whether two secrets are the same text, in a time that tells nothing
// of it but its length. An empty secret matches nothing, not even another: what was
// never set must not open a door.
func (s Secret) Matches(other Secret) bool {
	a, b := s.Reveal(), other.Reveal()
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// String is "[secret]".
func (Secret) String() string { return redacted }

// Format writes "[secret]", whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue is "[secret]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is "[secret]": what has to be sent or stored is sent with [Secret.Reveal].
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText takes the secret. It refuses "[secret]" with Invalid: that is a secret
// that was printed and lost on its way, not one that was chosen.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == redacted {
		return Invalid.Errorf("%s stands for a secret that was left out; give the secret itself", redacted)
	}
	*s = NewSecret(string(text))
	return nil
}
