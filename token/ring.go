package token

import (
	"crypto/hkdf"
	"crypto/sha256"
	"sync"
)

// mostUses is for how many uses keys are kept; those of others are derived each time.
// It bounds the memory of a program that makes up purposes at run time.
const mostUses = 256

const (
	keySize = 32
	idSize  = 2
)

// form is how a token protects its data. It is a token's first byte, so a change of what
// follows takes a new number.
type form byte

const (
	signed form = 1
	sealed form = 2
)

// layer keeps the tokens of a [Kind] apart from those of bytes with the same purpose.
type layer string

const (
	bare  layer = "bytes"
	typed layer = "kind"
)

// use is what a key is for.
type use struct {
	form    form
	layer   layer
	purpose string
}

// info is the use as HKDF takes it. The purpose comes last, so that no two uses share one.
func (u use) info() string {
	form := "sign"
	if u.form == sealed {
		form = "seal"
	}
	return "bennu token " + form + " " + string(u.layer) + " " + u.purpose
}

// secret is what keys are derived from; the text it was is not kept.
type secret struct {
	id   [idSize]byte // tells a token's reader which secret made it, and nothing about the secret
	root []byte
}

func newSecret(text string) (secret, error) {
	root, err := hkdf.Extract(sha256.New, []byte(text), []byte("bennu token"))
	if err != nil {
		return secret{}, err
	}
	id, err := hkdf.Expand(sha256.New, root, "bennu token id", idSize)
	if err != nil {
		return secret{}, err
	}
	return secret{id: [idSize]byte(id), root: root}, nil
}

// key protects data for one use by one secret.
type key struct {
	id [idSize]byte
	protector
}

// protector is a form's way to protect data: either [signer] or [sealer].
type protector interface {
	// protect appends the data to a header, so that neither can be changed.
	protect(header, data []byte) ([]byte, error)
	// reveal gives the data of what followed a header, if nobody has changed either.
	reveal(header, rest []byte) (data []byte, ok bool)
}

// ring has the secrets, the newest first, and the keys derived from them. Its lock also
// keeps it out of what fault.Inspect prints.
type ring struct {
	secrets []secret

	mu   sync.RWMutex
	keys map[use][]key
}

func (r *ring) forUse(u use) ([]key, error) {
	r.mu.RLock()
	keys := r.keys[u]
	r.mu.RUnlock()
	if keys != nil {
		return keys, nil
	}
	keys, err := r.derive(u)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	if len(r.keys) < mostUses {
		r.keys[u] = keys
	}
	r.mu.Unlock()
	return keys, nil
}

func (r *ring) derive(u use) ([]key, error) {
	keys := make([]key, len(r.secrets))
	for i, s := range r.secrets {
		derived, err := hkdf.Expand(sha256.New, s.root, u.info(), keySize)
		if err != nil {
			return nil, err
		}
		keys[i].id = s.id
		if u.form == signed {
			keys[i].protector = signer(derived)
			continue
		}
		if keys[i].protector, err = newSealer(derived); err != nil {
			return nil, err
		}
	}
	return keys, nil
}
