package main

import (
	"context"
	"errors"
)

func openBennu(ctx context.Context, m one, did func(work)) (side, error) {
	return nil, errors.New("not yet")
}
