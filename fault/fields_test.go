package fault_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/bennu-go/bennu/fault"
)

func TestFields(t *testing.T) {
	fields := make(fault.Fields)
	if fields.String() != "" || fault.Fields(nil).String() != "" {
		t.Errorf("nothing is %q", fields)
	}
	fields.Add("name", "is short")
	fields.Add("items.0.name", "is long")
	fields.Add("name", "is odd")
	fields.Add("", "too much")
	if want := "too much; items.0.name is long; name is short; name is odd"; fields.String() != want {
		t.Errorf("%q, want %q", fields, want)
	}
}

func TestRefuse(t *testing.T) {
	if fault.Refuse(nil) != nil || fault.Refuse(fault.Fields{}) != nil {
		t.Error("nothing is refused")
	}
	fields := fault.Fields{"name": {"is short"}}
	err := fault.Refuse(fields)
	if !errors.Is(err, fault.Invalid) || err.Error() != "name is short" || fault.Detail(err) != "name is short" {
		t.Errorf("it is %v", err)
	}
	for what, wrapped := range map[string]error{
		"itself":   err,
		"by fmt":   fmt.Errorf("save: %w", err),
		"by kinds": fault.Invalid.Wrap(fault.Conflict.Wrap(err, "b"), "a"),
		"joined":   errors.Join(errors.New("x"), err),
	} {
		if got := fault.FieldsOf(wrapped); !reflect.DeepEqual(got, fields) {
			t.Errorf("%s: %v", what, got)
		}
	}
	for what, other := range map[string]error{
		"nil": nil, "plain": errors.New("x"), "a kind": fault.Invalid, "no fields": fault.Invalid.Errorf("x"), "a cause": fault.Invalid.Wrap(errors.New("x"), "y"),
	} {
		if got := fault.FieldsOf(other); got != nil {
			t.Errorf("%s: %v", what, got)
		}
	}
}
