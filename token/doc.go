// Package token makes texts that come back unchanged or not at all: what a client keeps
// for the server, in a cookie, a link or a header, signed or encrypted.
//
// # Usage
//
// A kind of token is a constant with a name and the type that it carries:
//
//	type Invitation struct {
//		Team  int64  `json:"team"`
//		Email string `json:"email"`
//	}
//
//	const Invite token.Kind[Invitation] = "invite"
//
//	text, err := Invite.Sign(keys, Invitation{Team: 7, Email: "ann@example.com"})
//	…
//	invitation, err := Invite.Verify(keys, text, token.MaxAge(72*time.Hour))
//
// Who holds a signed token can read it: put ids into it, not secrets. [Kind.Encrypt] and
// [Kind.Decrypt] are for what its holder must not know.
//
// The keys come from the configuration. Make a secret once, with [Generate] or with
// "openssl rand -base64 32", and keep it out of the repository:
//
//	type options struct {
//		Keys token.Keys `env:"FLEET_SECRETS" secret:"true" help:"signs cookies and links; newest first"`
//	}
//
// Without a setting these Keys are empty, and every use of them fails with Internal. Or
// make them of one or more [fault.Secret] with [NewKeys].
//
// Below the kinds, [Keys.Sign], [Keys.Verify], [Keys.Seal] and [Keys.Open] do the same
// with bytes and a purpose. Kinds and bytes of the same name do not take each other's
// tokens. A library puts its own name before its purposes, as in "bennu.session".
//
// # Age
//
// A token has the time it was made, in milliseconds, and who reads it says how old it may
// be. Without a [MaxAge] that is 24 hours. [Forever] is possible, but then only taking the
// secret away stops a token that was stolen. One from more than 5 minutes ahead of the
// reader's clock is refused.
//
// # Rotation
//
// Put a new secret before the old one, "new,old": new tokens are made with it, and those
// of the old one are still good. Take the old one out when the longest age is over. Where
// several machines share the secrets, first give all of them "old,new", so that none meets
// a token it cannot read. Each token says in two bytes which secret made it, so old secrets
// cost nothing.
//
// # Guarantees
//
//   - A token that was changed in any way, also in its text alone, is refused.
//   - A token of one name is never taken for another, nor a signed one for an encrypted
//     one: the keys differ. They are derived from the secret by HKDF-SHA256.
//   - Signatures are HMAC-SHA256, compared in constant time. Encryption is XAES-256-GCM,
//     AES-256-GCM with a key for each token: random nonces do not run out.
//   - A token is letters, digits, "-" and "_", and so fits into a URL, a cookie and a header.
//
// Not guaranteed: that a token is used once (keep what was used in a database), and that an
// encrypted one hides its time and its length.
//
// # Limits
//
//	| limit                | it is                | beyond it                        |
//	|----------------------|----------------------|----------------------------------|
//	| a token              | 4,096 bytes of text  | ErrInvalid                       |
//	| data, signed         | 3,031 bytes          | making it fails with Internal    |
//	| data, encrypted      | 3,023 bytes          | making it fails with Internal    |
//	| a secret             | 32 bytes at least    | NewKeys fails with Invalid       |
//	| age                  | 24 hours, by default | ErrExpired                       |
//	| ahead of the clock   | 5 minutes            | ErrInvalid                       |
//	| derived keys at hand | 256 uses             | derived again, some µs each time |
//
// A purpose is a constant of the program. Do not make it of input; put that into the data.
//
// # Failure
//
// A token that is not good is [ErrExpired] or [ErrInvalid], both of kind Unauthenticated.
// Neither tells more; ErrExpired is given only for what was a good token. What the program
// got wrong (no secret, no purpose, too much data) is of kind Internal. A value that changed
// its shape after the token was made is ErrInvalid, and the error's cause says so: add
// fields freely, but give a new name to a new meaning. A [fault.Secret] in a value is
// refused when it is read, because its JSON is "[secret]": encrypt its Reveal.
//
// # Testing
//
// NewKeys(Generate()) makes keys for a test. Time is [time.Now], which testing/synctest
// moves; elsewhere [Keys.WithClock] takes another clock.
package token
