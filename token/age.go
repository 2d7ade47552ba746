package token

import (
	"math"
	"slices"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// MaxAge is how old a token may be; one of that very age is still good. Of several the
// shortest counts, and of none [DefaultMaxAge]. Zero or less takes no token at all.
type MaxAge time.Duration

const (
	// DefaultMaxAge is one day.
	DefaultMaxAge = MaxAge(24 * time.Hour)
	// Forever takes a token of any age. What it lets in can be stopped only by taking
	// the secret away.
	Forever MaxAge = math.MaxInt64
)

// maxSkew is how far the clock that made a token may be ahead of the one that reads it.
const maxSkew = 5 * time.Minute

// What is wrong with a token. Both are of kind Unauthenticated.
var (
	// ErrExpired is returned for a token that was good, and is older than it may be.
	ErrExpired = fault.Unauthenticated.Errorf("the token has expired; ask for a new one")
	// ErrInvalid is returned for whatever is no token of this kind by one of these
	// secrets. It does not tell why.
	ErrInvalid = fault.Unauthenticated.Errorf("the token is not valid")
)

// tooOld is the error of a token made at a time in milliseconds, or nil.
func tooOld(at int64, now time.Time, maxAge []MaxAge) error {
	most := DefaultMaxAge
	if len(maxAge) > 0 {
		most = slices.Min(maxAge)
	}
	age := now.UnixMilli() - at
	switch {
	case age < -maxSkew.Milliseconds():
		return ErrInvalid
	case most <= 0 || age > time.Duration(most).Milliseconds():
		return ErrExpired
	}
	return nil
}
