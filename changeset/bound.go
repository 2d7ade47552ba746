package changeset

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// Bound is a limit of [Changeset.Length] or [Changeset.Number]. A bound that its field
// cannot have, such as 1.5 for a whole number, panics there; one of a [time.Duration] is a
// time.Duration.
type Bound struct{ word, arg string }

type number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// digits is a number as a tag has it. A type's own String may be a name.
func digits[N number](n N) string {
	v := reflect.ValueOf(n)
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		return time.Duration(v.Int()).String()
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10)
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10)
	}
	return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits())
}

// Min is at least n.
func Min[N number](n N) Bound { return Bound{"min", digits(n)} }

// Max is at most n.
func Max[N number](n N) Bound { return Bound{"max", digits(n)} }

// Above is greater than n, for numbers.
func Above[N number](n N) Bound { return Bound{"gt", digits(n)} }

// Below is less than n, for numbers.
func Below[N number](n N) Bound { return Bound{"lt", digits(n)} }

// Is is exactly n, for lengths.
func Is(n int) Bound { return Bound{"len", strconv.Itoa(n)} }

// MinBytes is at least n bytes, for texts.
func MinBytes(n int) Bound { return Bound{"minbytes", strconv.Itoa(n)} }

// MaxBytes is at most n bytes, for texts: what is stored may have less room than what is
// read has characters.
func MaxBytes(n int) Bound { return Bound{"maxbytes", strconv.Itoa(n)} }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
