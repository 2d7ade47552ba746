package token

import (
	"crypto/hmac"
	"crypto/sha256"
)

const macSize = sha256.Size

// signer is a key of HMAC-SHA256: the data is followed by the code of header and data.
type signer []byte

func (s signer) protect(header, data []byte) ([]byte, error) {
	raw := append(header, data...)
	return s.sum(raw, raw), nil
}

func (s signer) reveal(header, rest []byte) ([]byte, bool) {
	data, code := rest[:len(rest)-macSize], rest[len(rest)-macSize:]
	var expected [macSize]byte
	return data, hmac.Equal(code, s.sum(expected[:0], header, data))
}

func (s signer) sum(to []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, s)
	for _, part := range parts {
		_, _ = mac.Write(part) // never fails
	}
	return mac.Sum(to)
}
