package changeset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"unicode/utf8"

	"github.com/bennu-go/bennu/fault"
)

// Params is decoded input: what a form, JSON or a channel's event says. Its values are
// string, bool, nil, numbers ([encoding/json.Number] or Go's), []any of such values, and
// map[string]any or Params. It is printed without what has a secret name.
type Params map[string]any

// Sub is what is nested under a name. It is empty if there is nothing or no object, and
// nil if p is.
func (p Params) Sub(name string) Params {
	if p == nil {
		return nil
	}
	if inner, ok := asParams(p[name]); ok {
		return inner
	}
	return Params{}
}

func asParams(x any) (Params, bool) {
	switch x := x.(type) {
	case Params:
		return x, x != nil
	case map[string]any:
		return x, x != nil
	}
	return nil, false
}

// FromJSON decodes a JSON object. What is not one, has more after it or is not UTF-8, is
// refused with [fault.Invalid]. Limit the size before.
func FromJSON(raw []byte) (Params, error) {
	if !utf8.Valid(raw) {
		return nil, fault.Invalid.Errorf("the body is not UTF-8")
	}
	var p Params
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	err := d.Decode(&p)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, fault.Invalid.Wrap(err, "the body is not JSON: it goes wrong after %d bytes", syntax.Offset)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fault.Invalid.Wrap(err, "the body is not JSON: it ends after %d bytes", len(raw))
	case err != nil, p == nil:
		return nil, fault.Invalid.Wrap(err, "the body must be an object")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fault.Invalid.Errorf("the body must be one object, and there is more after it")
	}
	return p, nil
}

// String is [fault.Inspect]'s.
func (p Params) String() string { return fault.Inspect(map[string]any(p)) }

// Format writes String, whatever the verb.
func (p Params) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

// LogValue is String.
func (p Params) LogValue() slog.Value { return slog.StringValue(p.String()) }
