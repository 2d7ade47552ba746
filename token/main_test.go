package token_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	oldSecret = "an old secret, which has 32 bytes"
	newSecret = "the new secret, which has 32 bytes"
)

// clock is a time that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// day is when the tests' tokens are made.
func day() *clock { return &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func keysOf(t testing.TB, secrets ...string) *token.Keys {
	t.Helper()
	var all []fault.Secret
	for _, s := range secrets {
		all = append(all, fault.NewSecret(s))
	}
	keys, err := token.NewKeys(all...)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// way is one of the two forms of tokens of bytes.
type way struct {
	name string
	make func(k *token.Keys, purpose string, data []byte) (string, error)
	read func(k *token.Keys, purpose, text string, maxAge ...token.MaxAge) ([]byte, error)
	most int
}

func ways() []way {
	return []way{
		{"signed", (*token.Keys).Sign, (*token.Keys).Verify, 3031},
		{"sealed", (*token.Keys).Seal, (*token.Keys).Open, 3023},
	}
}

func (w way) must(t testing.TB, k *token.Keys, purpose, data string) string {
	t.Helper()
	text, err := w.make(k, purpose, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
