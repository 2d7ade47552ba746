// Package fault is the one vocabulary of errors, and the one redaction of what is
// printed about them.
//
// Every door of a program (a process call, an HTTP route, a channel event, a
// job) has to answer the same question about an error: whose trouble is it, and
// what should the other side do? A [Kind] is that answer. Each door translates
// it into its own terms: an HTTP status, a channel's error reply, a retry or a
// discard.
//
//	| kind            | it says                                   | HTTP |
//	|-----------------|-------------------------------------------|------|
//	| Invalid         | the input can never be right; change it   | 400  |
//	| Unauthenticated | say who you are                           | 401  |
//	| Forbidden       | you may not                               | 403  |
//	| NotFound        | there is no such thing                    | 404  |
//	| Conflict        | it clashes with what is there             | 409  |
//	| Exhausted       | a limit is reached; come back later       | 429  |
//	| Canceled        | the asker went away                       | 499  |
//	| Internal        | our mistake; details are in the log       | 500  |
//	| Unavailable     | it is down just now; try again            | 503  |
//	| Timeout         | it took too long; it may still happen     | 504  |
//
// # Usage
//
// A kind is itself an error, and makes errors:
//
//	return fault.NotFound
//	return fault.Invalid.Errorf("lat must be between -90 and 90, got %v", lat)
//	return fault.Unavailable.Wrap(err, "the position could not be stored")
//
// and is asked for with [errors.Is] or [Of]:
//
//	if errors.Is(err, fault.NotFound) { … }
//	switch fault.Of(err) { … }
//
// # What the other side may read
//
// [Detail] is the text for whoever asked. It is what the program wrote for them,
// never the wrapped cause, and an error that is of no kind, or Internal, gives
// only "internal error": what went wrong inside belongs in the log.
//
// # What the log may show
//
// Crash reports, traces and dashboards show the arguments and the state of a program as
// [Inspect] prints them: as data, on one line, without secrets. A [Secret] keeps a text
// out of everything that prints, whoever prints it:
//
//	type Login struct {
//		User     string       `json:"user"`
//		Password fault.Secret `json:"password"` // is read from JSON, and never written
//		Answer   string       `json:"answer" bennu:"secret"`
//	}
//
//	fault.Inspect(login) // web.Login{User: "bob", Password: [secret], Answer: [secret]}
//
// The tag speaks to Inspect only; fmt, slog and encoding/json do not know it. Use a
// Secret for what must not be printed by anybody.
//
// [Inspect] shows "[secret]" in place of
//
//   - a [Secret];
//   - a field with the tag bennu:"secret" (or secret:"true", as package config has it);
//   - what a secret name has: a field (by its name in Go or in JSON), a key of a map, and
//     a type of strings or bytes, such as type AccessToken string;
//   - in any text, the value of name=value and of "name": "value" where the name is
//     secret, and the password in scheme://user:password@host. This finds what is plain
//     to see, in query strings and the texts of drivers' errors; do not build on it.
//
// A name is secret if, without regard to case and separators, it contains password,
// passwd, passphrase, pwd, secret, token, authorization, bearer, cookie, session,
// credential, signature, jwt, csrf, xsrf, api key, access key, private key, signing key,
// encryption key or master key, or if it is pass, pw, auth, sid, pin, otp, totp, cvv or
// cvc. So TokenCount is left out too: rather too much than too little. A secret in a
// place without such a name (a string called note, the key of a map) is shown.
//
// It shows
//
//   - every field, the unexported ones too, and what pointers lead to;
//   - types where the reader could not know them; maps by sorted keys; no addresses;
//   - bytes as text if they are one and short, otherwise as "[1024 bytes]"; a
//     [encoding/json.RawMessage] of up to 4,096 bytes as what it says;
//   - functions, channels and contexts by their type; "[cycle]" for what contains itself
//     (or is behind more than eight pointers in a row);
//   - a struct that holds a lock or an atomic (a field from package sync or sync/atomic)
//     by its type alone, as in sql.DB{…}: others may be writing it. Likewise structs of
//     crypto, reflect and the runtime.
//
// A value is asked for its own words by LogValue, Error or MarshalText, in this order
// (so a [time.Time] is a text), and by String if it is a number, a string or bytes: the
// String of a struct would tell what is left out of its fields. A method that panics is
// passed over. These methods run where Inspect is called. None of a struct that holds a
// lock is called; one that takes a lock from elsewhere can wait for it, and Inspect with
// it; one that inspects its own value never ends. A struct type that has something to
// hide hides it by a LogValue; if it is not yours to change, tag the field that holds it.
//
//	| limit                                | it is       | beyond it               |
//	|--------------------------------------|-------------|-------------------------|
//	| the whole                            | 4,096 bytes | it ends in …            |
//	| containers in containers             | 8           | Type{…}                 |
//	| elements of a list, entries of a map | 32          | …+968                   |
//	| entries of a map that are sorted     | 256         | some of them, by chance |
//	| a text                               | 256 bytes   | "abc"…                  |
//	| bytes as text                        | 64 bytes    | [1024 bytes]            |
//
// [Data] gives the same, within the same limits, for encoding/json and templates.
package fault
