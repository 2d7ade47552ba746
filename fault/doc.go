// Package fault is the one vocabulary of errors.
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
package fault
