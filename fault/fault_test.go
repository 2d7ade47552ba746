package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/bennu-go/bennu/fault"
)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		err    error
		kind   fault.Kind
		detail string
	}{
		{fault.NotFound, fault.NotFound, "not found"},
		{fault.Invalid.Errorf("lat is %d", 91), fault.Invalid, "lat is 91"},
		{fmt.Errorf("outer: %w", fault.Conflict.Errorf("taken")), fault.Conflict, "taken"},
		{fmt.Errorf("outer: %w", fault.Forbidden), fault.Forbidden, "forbidden"},
		{fault.Unavailable.Wrap(io.ErrUnexpectedEOF, "no store"), fault.Unavailable, "no store"},
		{fault.Unavailable.Wrap(fault.NotFound, "outermost wins"), fault.Unavailable, "outermost wins"},
		{context.DeadlineExceeded, fault.Timeout, "timeout"},
		{context.Canceled, fault.Canceled, "canceled"},
		{io.EOF, fault.Internal, "internal error"},
		{fault.Internal.Errorf("the password is hunter2"), fault.Internal, "internal error"},
		{fault.Kind(200), fault.Kind(200), "internal error"},
	} {
		if got := fault.Of(c.err); got != c.kind {
			t.Errorf("Of(%v) = %v, want %v", c.err, got, c.kind)
		}
		if got := fault.Detail(c.err); got != c.detail {
			t.Errorf("Detail(%v) = %q, want %q", c.err, got, c.detail)
		}
	}
}

func TestWrapKeepsBoth(t *testing.T) {
	err := fault.Unavailable.Wrap(io.ErrUnexpectedEOF, "no store")
	if !errors.Is(err, fault.Unavailable) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v should be both its kind and its cause", err)
	}
	if errors.Is(err, fault.NotFound) {
		t.Errorf("%v is not NotFound", err)
	}
	if got, want := err.Error(), "no store: unexpected EOF"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}

func ExampleKind_Errorf() {
	err := fault.Invalid.Errorf("lat must be between -90 and 90, got %v", 120)
	fmt.Println(fault.Of(err), "–", fault.Detail(err))
	// Output: invalid – lat must be between -90 and 90, got 120
}
