package job

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"strings"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/token"
)

// sealed arguments are a key for them alone, as a token, then what it encrypts: a token
// itself holds 3 KB at most.

func seal(keys *token.Keys, name string, args []byte) (string, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	wrapped, err := keys.Seal("bennu.job", key)
	if err != nil {
		return "", err
	}
	aead, err := newAEAD(key)
	if err != nil {
		return "", err
	}
	return sealedMark + wrapped + "." + base64.RawURLEncoding.EncodeToString(aead.Seal(nil, nil, args, []byte(name))), nil
}

func unseal(keys *token.Keys, name, text string) ([]byte, error) {
	wrapped, body, _ := strings.Cut(strings.TrimPrefix(text, sealedMark), ".")
	key, err := keys.Open("bennu.job", wrapped, token.Forever)
	if err != nil {
		return nil, errSealed(name, err)
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, errSealed(name, err)
	}
	data, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return nil, errSealed(name, err)
	}
	args, err := aead.Open(nil, nil, data, []byte(name))
	if err != nil {
		return nil, errSealed(name, err)
	}
	return args, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func errSealed(name string, err error) error {
	return fault.Internal.Wrap(err, "job: the arguments of %q cannot be decrypted: is the secret they were encrypted with still among the keys?", name)
}

// isSealed tells sealed arguments from JSON, so that a job may begin and cease to be
// encrypted.
func isSealed(text string) bool { return strings.HasPrefix(text, sealedMark) }

const sealedMark = "$" // no JSON begins with it
