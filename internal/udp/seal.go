package udp

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
)

// key signs with HMAC-SHA256.
type key [32]byte

const (
	macBytes = 16 // of the HMAC's 32 that travel
	padBytes = 64 // a block of SHA-256
)

// sum is the HMAC of what follows the first padBytes of room; those are scratch. This
// way it is two hashes of what lies there already, and allocates nothing.
func (k *key) sum(room []byte) [sha256.Size]byte {
	var outer [padBytes + sha256.Size]byte
	for i := range padBytes {
		room[i], outer[i] = 0x36, 0x5c
	}
	for i, b := range k {
		room[i] ^= b
		outer[i] ^= b
	}
	inner := sha256.Sum256(room)
	copy(outer[padBytes:], inner[:])
	return sha256.Sum256(outer[:])
}

// packet is a datagram with the scratch room that signing it takes.
type packet struct {
	room [padBytes + MaxDatagramBytes + 1]byte // one more, to see that one is too long
}

// bytes are for a datagram to be read into.
func (p *packet) bytes() []byte { return p.room[padBytes:] }

// empty is for a datagram to be appended to.
func (p *packet) empty() []byte { return p.room[padBytes:padBytes:len(p.room)] }

// seal gives the datagram, the first n bytes, with its signature.
func (p *packet) seal(k *key, n int) []byte {
	mac := k.sum(p.room[:padBytes+n])
	copy(p.room[padBytes+n:], mac[:macBytes])
	return p.room[padBytes : padBytes+n+macBytes]
}

// sealed reports whether the datagram of n bytes ends in its signature.
func (p *packet) sealed(k *key, n int) bool {
	if n < macBytes {
		return false
	}
	end := padBytes + n - macBytes
	mac := k.sum(p.room[:end])
	return subtle.ConstantTimeCompare(mac[:macBytes], p.room[end:end+macBytes]) == 1
}

// The purposes of keys: no signature of one is good for another.
const (
	forOpen    = "bennu udp 1 open"
	forSession = "bennu udp 1 session"
	forReset   = "bennu udp 1 reset"
)

// derive makes key material of a secret.
func derive(secret, salt []byte, purpose string, n int) []byte {
	out, err := hkdf.Key(sha256.New, secret, salt, purpose, n)
	if err != nil {
		panic("udp: " + err.Error()) // lengths are ours, and right
	}
	return out
}

func openKey(device []byte, n *nonce) key {
	return key(derive(device, n[:], forOpen, len(key{})))
}

// sessionKeys are what both ends make of the device's key and the two nonces.
type sessionKeys struct {
	up, down key              // from the client, from the server
	mask     [tokenBytes]byte // hides the reset token in the welcome
}

func deriveSession(device []byte, client, server *nonce) (k sessionKeys) {
	salt := append(client[:len(client):len(client)], server[:]...)
	out := derive(device, salt, forSession, len(k.up)+len(k.down)+len(k.mask))
	copy(k.up[:], out)
	copy(k.down[:], out[len(k.up):])
	copy(k.mask[:], out[len(k.up)+len(k.down):])
	return k
}
