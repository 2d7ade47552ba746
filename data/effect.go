package data

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/pubsub"
)

// Effect is what has to happen exactly when a transaction commits: a broadcast, a job, a
// mail. It is named inside the transaction, with [Tx.Emit].
type Effect interface {
	// Enlist writes into the transaction what is needed for the effect to happen later.
	Enlist(ctx context.Context, tx Tx) error
}

// Emit enlists effects, in their order. If the transaction is rolled back, or the savepoint
// that it was called in, they do not happen.
func (t Tx) Emit(ctx context.Context, effects ...Effect) error {
	var letters []letter
	for _, e := range effects {
		if l, ok := e.(letter); ok { // these go in together
			letters = append(letters, l)
			continue
		}
		if err := post(ctx, t, letters); err != nil {
			return err
		}
		letters = nil
		if err := e.Enlist(ctx, t); err != nil {
			return err
		}
	}
	return post(ctx, t, letters)
}

// Publish is the effect of publishing v on a topic, which is among the Carriers of the
// repo's [Outbox] as [Topic]. v travels as JSON, so its exported fields count.
func Publish[T any](topic pubsub.Topic[T], v T) Effect {
	return letter{carrier: topicPrefix + string(topic), value: v}
}

// Carrier carries out effects of one kind. [Topic] and [Carry] make them.
type Carrier interface {
	name() string
	carry(ctx context.Context, body []byte) error
}

// topicPrefix keeps topics apart from the names of functions.
const topicPrefix = "topic:"

type topicCarrier[T any] struct{ topic pubsub.Topic[T] }

// Topic is the carrier of effects made with [Publish].
func Topic[T any](topic pubsub.Topic[T]) Carrier { return topicCarrier[T]{topic} }

func (c topicCarrier[T]) name() string { return topicPrefix + string(c.topic) }

func (c topicCarrier[T]) isTopic() {}

func (c topicCarrier[T]) carry(ctx context.Context, body []byte) error {
	v, err := decode[T](body)
	if err != nil {
		return err
	}
	err = pubsub.Publish(ctx, c.topic, v)
	if fault.Of(err) == fault.Conflict { // the topic has another type: it always will
		return fault.Invalid.Wrap(err, "the topic carries another type")
	}
	return err
}

// Outgoing is a function whose calls are effects. Make one with [Carry].
type Outgoing[T any] struct {
	called string
	fn     func(context.Context, T) error
}

// Carry has a function carry out effects. It is to be among the Carriers of the repo's
// [Outbox]. The name is stored with each effect, so it stays when the function is renamed.
//
//	var SendMail = data.Carry("send_mail", mails.Send)
//
//	tx.Emit(ctx, SendMail.Effect(mail))
//
// The calls of one function are made one after the other, each for at most a minute.
// An error is tried again, after 0.1 s at first and up to a minute later on, for as long as it
// takes, and what was emitted later waits for it. An error of kind fault.Invalid says that trying again
// makes no sense: see [Outbox]. Work that takes long or often fails is better a job.
func Carry[T any](name string, fn func(context.Context, T) error) Outgoing[T] {
	return Outgoing[T]{name, fn}
}

// Effect is the effect of calling the function with v, which travels as JSON.
func (o Outgoing[T]) Effect(v T) Effect { return letter{carrier: o.called, value: v} }

func (o Outgoing[T]) name() string { return o.called }

func (o Outgoing[T]) carry(ctx context.Context, body []byte) error {
	v, err := decode[T](body)
	if err != nil {
		return err
	}
	return o.fn(ctx, v)
}

func decode[T any](body []byte) (v T, err error) {
	if err := json.Unmarshal(body, &v); err != nil {
		return v, fault.Invalid.Wrap(err, "what was emitted cannot be read any more: did its type change?")
	}
	return v, nil
}

// letter is an effect that goes through the outbox.
type letter struct {
	carrier string
	value   any
}

// mostEffect is how many bytes of JSON an effect may have.
const mostEffect = 1 << 20

func (l letter) Enlist(ctx context.Context, tx Tx) error { return post(ctx, tx, []letter{l}) }

func (l letter) body() (string, error) {
	body, err := json.Marshal(l.value)
	switch {
	case err != nil:
		return "", fault.Internal.Wrap(err, "data: the effect for %q cannot be written as JSON", l.carrier)
	case len(body) > mostEffect:
		return "", fault.Invalid.Errorf("the effect for %q is too large: it has %d bytes of JSON, and at most %d go; store it, and emit its key", l.carrier, len(body), mostEffect)
	}
	return string(body), nil
}

// post puts letters into the outbox of the transaction's repo.
func post(ctx context.Context, tx Tx, letters []letter) error {
	if len(letters) == 0 {
		return nil
	}
	d := tx.f.repo.outbox.Load()
	if d == nil {
		return fault.Unavailable.Errorf("the repo has no outbox that runs: list a data.Outbox in the supervision tree after the repo, and before what uses it")
	}
	return d.post(ctx, tx, letters)
}

// effectID says which effect it is, in all programs and for ever.
type effectID struct{ owner, seq int64 }

type effectKey struct{}

// EffectID is, in the context of a function of [Carry],
// the name of the effect: the same when it is tried again, here or by another program.
// Who must not do something twice keeps it with what was done. Elsewhere it is "".
func EffectID(ctx context.Context) string {
	id, ok := ctx.Value(effectKey{}).(effectID)
	if !ok {
		return ""
	}
	return strconv.FormatInt(id.owner, 36) + "-" + strconv.FormatInt(id.seq, 36)
}
