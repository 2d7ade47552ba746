package token

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

// MaxSize is the most bytes a token has as text: as many as browsers give a whole cookie.
// That is 3,031 bytes of data if it is signed and 3,023 if it is encrypted. What is longer
// is refused unread.
const MaxSize = 4096

// A token is a header (form, id of the secret, milliseconds since 1970 in 6 bytes, big end
// first), and what a protector makes of the data.
const (
	headerSize = 1 + idSize + timeSize
	timeSize   = 6
)

// encoding refuses bits that are set beyond the last byte, so that one token is one text.
var encoding = base64.RawURLEncoding.Strict()

func (f form) overhead() int {
	if f == signed {
		return headerSize + macSize
	}
	return headerSize + nonceSize + tagSize
}

func (f form) mostData() int { return encoding.DecodedLen(MaxSize) - f.overhead() }

// header begins a token, with room for what follows.
func header(f form, id [idSize]byte, now time.Time, data int) []byte {
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(max(now.UnixMilli(), 0)))
	h := append(make([]byte, 0, f.overhead()+data), byte(f))
	h = append(h, id[:]...)
	return append(h, at[8-timeSize:]...)
}

func idOf(raw []byte) [idSize]byte { return [idSize]byte(raw[1:]) }

func timeOf(raw []byte) int64 {
	var at [8]byte
	copy(at[8-timeSize:], raw[1+idSize:headerSize])
	return int64(binary.BigEndian.Uint64(at[:]))
}

// decode gives the bytes of a text that may be a token of that form.
func decode(f form, text string) ([]byte, bool) {
	if len(text) > MaxSize || strings.ContainsAny(text, "\r\n") { // which package base64 skips
		return nil, false
	}
	raw, err := encoding.DecodeString(text)
	return raw, err == nil && len(raw) >= f.overhead() && raw[0] == byte(f)
}
