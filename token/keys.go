package token

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/bennu-go/bennu/fault"
)

// MinSecret is the fewest bytes a secret may have.
const MinSecret = 32

// Keys makes and reads tokens: with the newest of its secrets it signs and encrypts,
// with all of them it verifies and decrypts. It is safe for concurrent use, never
// prints a secret, and may be copied. The zero Keys has no secret: whatever it is asked
// for fails with Internal.
type Keys struct {
	ring *ring
	now  func() time.Time // nil is time.Now
}

// NewKeys makes Keys of one or more secrets, the newest first. What is wrong with them
// is an error of kind Invalid.
func NewKeys(secrets ...fault.Secret) (*Keys, error) {
	if len(secrets) == 0 {
		return nil, fault.Invalid.Errorf("token: there is no secret; make one with token.Generate and keep it in the configuration")
	}
	r := &ring{keys: make(map[use][]key)}
	for i, text := range secrets {
		if n := len(text.Reveal()); n < MinSecret {
			return nil, fault.Invalid.Errorf("token: secret %d of %d has %d bytes, fewer than %d; make one with token.Generate",
				i+1, len(secrets), n, MinSecret)
		}
		s, err := newSecret(text.Reveal())
		if err != nil {
			return nil, fault.Internal.Wrap(err, "token: no key can be derived")
		}
		r.secrets = append(r.secrets, s)
	}
	return &Keys{ring: r}, nil
}

// Generate makes a new secret of 256 random bits, a text of 43 letters, digits, "-" and
// "_". Its Reveal is what goes into the configuration.
func Generate() fault.Secret {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	return fault.NewSecret(base64.RawURLEncoding.EncodeToString(random))
}

// UnmarshalText reads secrets as a setting has them: the newest first, with commas or
// white space between them.
func (k *Keys) UnmarshalText(text []byte) error {
	var secrets []fault.Secret
	for _, s := range strings.FieldsFunc(string(text), func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		secrets = append(secrets, fault.NewSecret(s))
	}
	made, err := NewKeys(secrets...)
	if err != nil {
		return err
	}
	k.ring = made.ring
	return nil
}

// WithClock gives Keys of the same secrets that go by another clock than [time.Now].
func (k *Keys) WithClock(now func() time.Time) *Keys {
	return &Keys{ring: k.ring, now: now}
}

// String says how many secrets there are.
func (k Keys) String() string {
	if k.ring == nil {
		return "token.Keys(no secrets)"
	}
	return fmt.Sprintf("token.Keys(secrets: %d)", len(k.ring.secrets))
}

// Sign makes a token of data that its holder can read, but not change. Only [Keys.Verify]
// with the same purpose takes it. Data that is too large gives an error of kind Internal;
// see [MaxSize].
func (k *Keys) Sign(purpose string, data []byte) (string, error) {
	return k.make(use{signed, bare, purpose}, data)
}

// Verify gives the data of a token that [Keys.Sign] made for the same purpose, or
// [ErrExpired] or [ErrInvalid].
func (k *Keys) Verify(purpose, text string, maxAge ...MaxAge) ([]byte, error) {
	return k.read(use{signed, bare, purpose}, text, maxAge)
}

// Seal makes a token of data that its holder can neither read nor change. Only
// [Keys.Open] with the same purpose takes it. Data that is too large gives an error of
// kind Internal; see [MaxSize].
func (k *Keys) Seal(purpose string, data []byte) (string, error) {
	return k.make(use{sealed, bare, purpose}, data)
}

// Open gives the data of a token that [Keys.Seal] made for the same purpose, or
// [ErrExpired] or [ErrInvalid].
func (k *Keys) Open(purpose, text string, maxAge ...MaxAge) ([]byte, error) {
	return k.read(use{sealed, bare, purpose}, text, maxAge)
}

func (k *Keys) make(u use, data []byte) (string, error) {
	keys, now, err := k.forUse(u)
	if err != nil {
		return "", err
	}
	if most := u.form.mostData(); len(data) > most {
		return "", fault.Internal.Errorf("token %q: %d bytes do not fit, %d do; store them and put their id into the token", u.purpose, len(data), most)
	}
	raw, err := keys[0].protect(header(u.form, keys[0].id, now, len(data)), data)
	if err != nil {
		return "", fault.Internal.Wrap(err, "token %q: it cannot be made", u.purpose)
	}
	return encoding.EncodeToString(raw), nil
}

func (k *Keys) read(u use, text string, maxAge []MaxAge) ([]byte, error) {
	keys, now, err := k.forUse(u)
	if err != nil {
		return nil, err
	}
	raw, ok := decode(u.form, text)
	if !ok {
		return nil, ErrInvalid
	}
	id, at := idOf(raw), timeOf(raw)
	for _, key := range keys {
		if key.id != id {
			continue
		}
		if data, ok := key.reveal(raw[:headerSize], raw[headerSize:]); ok {
			if err := tooOld(at, now, maxAge); err != nil {
				return nil, err
			}
			return data, nil
		}
	}
	return nil, ErrInvalid
}

// forUse gives the keys for a use, the newest first, and the time by the clock.
func (k *Keys) forUse(u use) ([]key, time.Time, error) {
	switch {
	case k == nil || k.ring == nil:
		return nil, time.Time{}, fault.Internal.Errorf("token %q: the keys have no secret; make them with token.NewKeys", u.purpose)
	case u.purpose == "":
		return nil, time.Time{}, fault.Internal.Errorf(`token: the purpose is empty; say what the token is for, as in "invite"`)
	}
	keys, err := k.ring.forUse(u)
	if err != nil {
		return nil, time.Time{}, fault.Internal.Wrap(err, "token %q: no key can be derived", u.purpose)
	}
	now := time.Now
	if k.now != nil {
		now = k.now
	}
	return keys, now(), nil
}
