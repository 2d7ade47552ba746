package token

import (
	"encoding/json"
	"fmt"

	"github.com/bennu-go/bennu/fault"
)

// Kind is the name of the tokens that carry a T for one purpose:
//
//	const Invite token.Kind[Invitation] = "invite"
//
// The T travels as JSON. A kind's tokens are good for no other kind, nor for the methods
// of [Keys], even by the same name: so keep a name as it is while its tokens are about.
type Kind[T any] string

// Sign makes a token that its holder can read, but not change. It fails with Internal if
// the value is no JSON or too large; see [MaxSize].
func (k Kind[T]) Sign(keys *Keys, value T) (string, error) {
	return write(keys, use{signed, typed, string(k)}, value)
}

// Verify gives what [Kind.Sign] put into a token, or [ErrExpired] or [ErrInvalid].
func (k Kind[T]) Verify(keys *Keys, text string, maxAge ...MaxAge) (T, error) {
	return parse[T](keys, use{signed, typed, string(k)}, text, maxAge)
}

// Encrypt makes a token that its holder can neither read nor change. It fails with
// Internal if the value is no JSON or too large; see [MaxSize].
func (k Kind[T]) Encrypt(keys *Keys, value T) (string, error) {
	return write(keys, use{sealed, typed, string(k)}, value)
}

// Decrypt gives what [Kind.Encrypt] put into a token, or [ErrExpired] or [ErrInvalid].
func (k Kind[T]) Decrypt(keys *Keys, text string, maxAge ...MaxAge) (T, error) {
	return parse[T](keys, use{sealed, typed, string(k)}, text, maxAge)
}

func write[T any](keys *Keys, u use, value T) (string, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return "", fault.Internal.Wrap(err, "token %q: its value cannot be written as JSON", u.purpose)
	}
	return keys.make(u, data)
}

func parse[T any](keys *Keys, u use, text string, maxAge []MaxAge) (T, error) {
	var value, zero T
	data, err := keys.read(u, text, maxAge)
	if err != nil {
		return zero, err
	}
	if json.Unmarshal(data, &value) != nil { // what it says may be secret
		cause := fmt.Errorf("token %q: its JSON is no %T: %w", u.purpose, zero, ErrInvalid)
		return zero, fault.Unauthenticated.Wrap(cause, "%s", fault.Detail(ErrInvalid))
	}
	return value, nil
}
