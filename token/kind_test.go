package token_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/token"
)

type invitation struct {
	Team  int64  `json:"team"`
	Email string `json:"email"`
}

const (
	invite  token.Kind[invitation]   = "invite"
	renamed token.Kind[invitation]   = "welcome"
	counter token.Kind[int]          = "invite" // what invite once was
	ratio   token.Kind[float64]      = "ratio"
	long    token.Kind[string]       = "long"
	login   token.Kind[fault.Secret] = "login"
	pointer token.Kind[*invitation]  = "invite"
	nothing token.Kind[invitation]   = ""
	dynamic token.Kind[[]any]        = "invite"
)

func TestKind(t *testing.T) {
	keys := keysOf(t, oldSecret)
	want := invitation{7, "ann@example.com"}
	signed, err := invite.Sign(keys, want)
	sealed, err2 := invite.Encrypt(keys, want)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	if got, err := invite.Verify(keys, signed); err != nil || got != want {
		t.Error(got, err)
	}
	if got, err := invite.Decrypt(keys, sealed); err != nil || got != want {
		t.Error(got, err)
	}
	if got, err := pointer.Verify(keys, signed); err != nil || *got != want {
		t.Error(got, err)
	}
	_, byForm := invite.Verify(keys, sealed)
	_, byForm2 := invite.Decrypt(keys, signed)
	_, byName := renamed.Verify(keys, signed)
	_, byBytes := keys.Verify("invite", signed)
	_, byAge := invite.Verify(keys, signed, 0)
	bytes, err := keys.Sign("invite", []byte(`{"team": 1}`))
	if err != nil {
		t.Fatal(err)
	}
	_, ofBytes := invite.Verify(keys, bytes)
	for i, err := range []error{byForm, byForm2, byName, byBytes, ofBytes} {
		if err != token.ErrInvalid {
			t.Error(i, err)
		}
	}
	if byAge != token.ErrExpired {
		t.Error(byAge)
	}
}

func TestKindChangedShape(t *testing.T) {
	keys := keysOf(t, oldSecret)
	text, err := invite.Encrypt(keys, invitation{7, "ann@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err = counter.Decrypt(keys, text)
		if !errors.Is(err, token.ErrInvalid) || fault.Of(err) != fault.Unauthenticated || fault.Detail(err) != "the token is not valid" {
			t.Errorf("%v: %s", err, fault.Detail(err))
		}
		if !strings.Contains(err.Error(), `token "invite": its JSON is no int`) || strings.Contains(err.Error(), "ann") {
			t.Error(err)
		}
	}
	if _, err = dynamic.Decrypt(keys, text); !errors.Is(err, token.ErrInvalid) {
		t.Error(err)
	}
}

func TestKindCannotWrite(t *testing.T) {
	keys := keysOf(t, oldSecret)
	_, notJSON := ratio.Sign(keys, math.NaN())
	_, notJSON2 := ratio.Encrypt(keys, math.Inf(1))
	_, unnamed := nothing.Sign(keys, invitation{})
	_, noKeys := invite.Sign(nil, invitation{})
	_, tooLong := long.Sign(keys, strings.Repeat("x", 3031-len(`""`)+1))
	_, tooLong2 := long.Encrypt(keys, strings.Repeat("x", 3023-len(`""`)+1))
	for i, err := range []error{notJSON, notJSON2, unnamed, noKeys, tooLong, tooLong2} {
		if err == nil || fault.Of(err) != fault.Internal {
			t.Error(i, err)
		}
	}
	_, fits := long.Sign(keys, strings.Repeat("x", 3031-len(`""`)))
	_, fits2 := long.Encrypt(keys, strings.Repeat("x", 3023-len(`""`)))
	if fits != nil || fits2 != nil {
		t.Error(fits, fits2)
	}
}

func TestKindOfSecret(t *testing.T) {
	keys := keysOf(t, oldSecret)
	text, err := login.Encrypt(keys, fault.NewSecret("hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := login.Decrypt(keys, text); !errors.Is(err, token.ErrInvalid) || got.Reveal() != "" {
		t.Error(fmt.Sprint(got), err)
	}
}
