package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/locale/text"
	"github.com/bennu-go/bennu/process"
)

// Argon2id with 19 MiB, two passes and one lane: what OWASP recommends. It takes about
// 20 ms of a processor, so it is done in process.Compute: however many log in at once, one
// processor stays with the others.
const (
	passes = 2
	memory = 19 << 10 // KiB
	lanes  = 1
	size   = 32
)

// hash gives what is kept of a password: all that is needed to check it again.
func hash(ctx context.Context, password fault.Secret) (string, error) {
	return process.Compute(ctx, func(context.Context) (string, error) {
		salt := make([]byte, 16)
		_, _ = rand.Read(salt) // never fails
		key := argon2.IDKey(bytesOf(password), salt, passes, memory, lanes, size)
		encode := base64.RawStdEncoding.EncodeToString
		return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, lanes, encode(salt), encode(key)), nil
	})
}

// bytesOf is the password as it is hashed: the same, however its accents were typed.
func bytesOf(password fault.Secret) []byte { return []byte(text.NFC(password.Reveal())) }

// nobody is the hash of no password. Who gives an unknown name waits as long as who gives a
// wrong password, so names cannot be found out.
const nobody = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// fits reports whether a password is that of a hash.
func fits(ctx context.Context, password fault.Secret, hash string) (bool, error) {
	var version, memory, passes int
	var lanes uint8
	var salt, key []byte
	var encoded string
	_, err := fmt.Sscanf(hash, "$argon2id$v=%d$m=%d,t=%d,p=%d$%s", &version, &memory, &passes, &lanes, &encoded)
	if err == nil {
		salt, key, err = halves(encoded)
	}
	if err != nil || version != argon2.Version {
		return false, fault.Internal.Errorf("a kept password is not argon2id, version %d", argon2.Version)
	}
	return process.Compute(ctx, func(context.Context) (bool, error) {
		given := argon2.IDKey(bytesOf(password), salt, uint32(passes), uint32(memory), lanes, uint32(len(key)))
		return subtle.ConstantTimeCompare(given, key) == 1, nil
	})
}

// halves takes salt and key apart.
func halves(encoded string) (salt, key []byte, err error) {
	first, second, _ := strings.Cut(encoded, "$")
	if salt, err = base64.RawStdEncoding.DecodeString(first); err == nil {
		key, err = base64.RawStdEncoding.DecodeString(second)
	}
	return salt, key, err
}
