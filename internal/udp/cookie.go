package udp

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"net/netip"
	"time"
)

// cookieAge is for how long a cookie is good, and up to twice as long.
const cookieAge = 30 * time.Second

// baker makes values that prove that who sends them has received them at an address,
// and keeps none of them.
type baker struct{ secret key }

func newBaker() *baker { return &baker{randomKey()} }

func randomKey() (k key) {
	_, _ = rand.Read(k[:]) // never fails
	return k
}

func epochOf(now time.Duration) uint64 { return uint64(now / cookieAge) }

// cookie is the value for an address at a time, and for a handshake or a session.
func (b *baker) cookie(addr netip.AddrPort, kind byte, subject [16]byte, epoch uint64) [cookieBytes]byte {
	var room [padBytes + 8 + 1 + 16 + 16 + 2]byte
	binary.BigEndian.PutUint64(room[padBytes:], epoch)
	room[padBytes+8] = kind
	copy(room[padBytes+9:], subject[:])
	ip := addr.Addr().As16()
	copy(room[padBytes+25:], ip[:])
	binary.BigEndian.PutUint16(room[padBytes+41:], addr.Port())
	sum := b.secret.sum(room[:])
	return [cookieBytes]byte(sum[:cookieBytes])
}

// good reports whether a cookie is one of this time or of the one before.
func (b *baker) good(got []byte, addr netip.AddrPort, kind byte, subject [16]byte, now time.Duration) bool {
	epoch := epochOf(now)
	for _, e := range [2]uint64{epoch, epoch - 1} {
		want := b.cookie(addr, kind, subject, e)
		if subtle.ConstantTimeCompare(got, want[:]) == 1 {
			return true
		}
	}
	return false
}
