package webtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// JSON decodes the body into v, or ends the test.
func (r *Response) JSON(v any) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.Body), v); err != nil {
		r.fatalf("the answer (status %d) is not JSON for a %T: %v", r.Status, v, err)
	}
}

// At gives what stands at a path of a JSON answer, as in "user.tags.0"; "" is all of
// it. A name may hold dots itself: "errors.address.city" finds {"errors":
// {"address.city": …}}. It ends the test if nothing is there, or no T.
func At[T any](r *Response, path string) T {
	r.t.Helper()
	var v T
	raw := r.at(path)
	if err := json.Unmarshal(raw, &v); err != nil {
		r.fatalf("%s is not for a %T: %v", named(path), v, err)
	}
	return v
}

// Equal asserts that what stands at a path of a JSON answer, as [At] has it, is what
// want is in JSON. The order of names and the way a number is written do not matter.
func (r *Response) Equal(path string, want any) *Response {
	r.t.Helper()
	raw := r.at(path)
	text, err := json.Marshal(want)
	if err != nil {
		r.t.Fatalf("webtest: what is wanted: %v", err)
	}
	if !same(tree(raw), tree(text)) {
		r.fatalf("%s is %s, want %s", named(path), cut(string(raw), 1<<10), cut(string(text), 1<<10))
	}
	return r
}

func (r *Response) at(path string) json.RawMessage {
	r.t.Helper()
	if !json.Valid([]byte(r.Body)) {
		r.fatalf("the answer is not JSON")
	}
	raw, lost := walk(json.RawMessage(r.Body), path, "")
	if lost != "" {
		r.fatalf("nothing is at %q: %s", path, lost)
	}
	return raw
}

// walk follows a path, or tells how far it came.
func walk(raw json.RawMessage, path, done string) (found json.RawMessage, lost string) {
	if path == "" {
		return raw, ""
	}
	var object map[string]json.RawMessage
	var array []json.RawMessage
	switch raw = bytes.TrimSpace(raw); {
	case raw[0] == '{' && json.Unmarshal(raw, &object) == nil:
		return walkObject(object, path, done)
	case raw[0] == '[' && json.Unmarshal(raw, &array) == nil:
		step, rest, _ := strings.Cut(path, ".")
		i, err := strconv.Atoi(step)
		if err != nil || i < 0 || i >= len(array) {
			return nil, fmt.Sprintf("%s is a list of %d", named(done), len(array))
		}
		return walk(array[i], rest, join(done, step))
	}
	return nil, fmt.Sprintf("%s is %s", named(done), cut(string(raw), 200))
}

// walkObject takes the longest name that leads on.
func walkObject(object map[string]json.RawMessage, path, done string) (found json.RawMessage, lost string) {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') {
		value, ok := object[path[:end]]
		if !ok {
			continue
		}
		found, why := walk(value, strings.TrimPrefix(path[end:], "."), join(done, path[:end]))
		if why == "" {
			return found, ""
		}
		if lost == "" {
			lost = why
		}
	}
	if lost == "" {
		lost = fmt.Sprintf("%s has %q", named(done), slices.Sorted(maps.Keys(object)))
	}
	return nil, lost
}

func join(done, step string) string { return strings.TrimPrefix(done+"."+step, ".") }

func named(path string) string {
	if path == "" {
		return "the answer"
	}
	return strconv.Quote(path)
}

// tree decodes valid JSON, with numbers as they are written.
func tree(raw json.RawMessage) (v any) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	_ = d.Decode(&v)
	return v
}

func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, same)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	case json.Number:
		b, ok := b.(json.Number)
		return ok && sameNumber(string(a), string(b))
	}
	return a == b
}

// sameNumber compares whole numbers digit by digit, however big they are.
func sameNumber(a, b string) bool {
	if a == b || !strings.ContainsAny(a+b, ".eE") {
		return a == b
	}
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return errX == nil && errY == nil && x == y
}
