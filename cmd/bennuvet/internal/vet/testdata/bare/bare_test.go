package bare

import (
	"context"
	"testing"

	"github.com/bennu-go/bennu/process"
)

func TestRoom(t *testing.T) {
	_ = process.Run(t.Context(), Lobby, func(*Room, context.Context) error {
		go work() // a test may
		return nil
	})
}
