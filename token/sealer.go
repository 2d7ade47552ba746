package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"slices"
)

const (
	saltSize  = 12            // chooses the key of a token
	nonceSize = saltSize + 12 // the others are AES-GCM's own
	tagSize   = 16
)

// sealer is a key of XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM with a key of its
// own for each token. With one key for all, a random nonce would be at risk of coming
// again after 2³² tokens; here it is 2⁸⁰.
type sealer struct {
	block  cipher.Block
	subkey [aes.BlockSize]byte // CMAC's first
}

func newSealer(key []byte) (*sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	s := &sealer{block: block}
	block.Encrypt(s.subkey[:], s.subkey[:])
	var carry byte
	for i, b := range slices.Backward(s.subkey[:]) { // doubled in GF(2¹²⁸)
		s.subkey[i] = b<<1 | carry
		carry = b >> 7
	}
	s.subkey[aes.BlockSize-1] ^= carry * 0x87
	return s, nil
}

func (s *sealer) protect(header, data []byte) ([]byte, error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	aead, err := s.forSalt(salt)
	if err != nil {
		return nil, err
	}
	return aead.Seal(append(header, salt...), nil, data, header), nil
}

func (s *sealer) reveal(header, rest []byte) ([]byte, bool) {
	aead, err := s.forSalt(rest[:saltSize])
	if err != nil {
		return nil, false
	}
	data, err := aead.Open(nil, nil, rest[saltSize:], header)
	return data, err == nil
}

// forSalt derives the key that a salt chooses. Its AEAD makes the rest of the nonce itself
// and puts it before what it seals.
func (s *sealer) forSalt(salt []byte) (cipher.AEAD, error) {
	key := make([]byte, 0, keySize)
	for counter := range byte(2) {
		part := append([]byte{0, counter + 1, 'X', 0}, salt...)
		for i := range part {
			part[i] ^= s.subkey[i]
		}
		s.block.Encrypt(part, part)
		key = append(key, part...)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
