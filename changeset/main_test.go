package changeset_test

import (
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func says(t *testing.T, what string, got fault.Fields, want string) {
	t.Helper()
	if got.String() != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if text := fmt.Sprint(recover()); !strings.Contains(text, want) {
			t.Errorf("panics with %q, want %q", text, want)
		}
	}()
	f()
}
