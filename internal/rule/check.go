package rule

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// Check is one thing that must hold of a value.
type Check struct {
	Holds   func(v reflect.Value) bool
	Message Message
	each    bool // of each element of a list, not of the list
}

// Constraints is what is checked of a field, as data.
type Constraints struct {
	Required  bool
	OmitEmpty bool // the rest is not checked of a zero value

	MinLength, MaxLength *int // characters
	MinItems, MaxItems   *int

	Minimum, Maximum                   json.Number // "" is none
	ExclusiveMinimum, ExclusiveMaximum json.Number

	// The following are of each element if the field is a list.
	Enum    []string
	Pattern string // a regular expression
	Format  string // "email", "uri" or "uuid"
}

var (
	secretType   = reflect.TypeFor[fault.Secret]()
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
)

const slugPattern = "^[a-z0-9]+(-[a-z0-9]+)*$"

// Make makes the check of one word of a tag, for values of a type that is not a pointer,
// and notes it among the constraints.
func Make(t reflect.Type, word, arg string, notes *Constraints) (Check, error) {
	switch word {
	case "min", "max", "len":
		switch {
		case isText(t):
			return characters(t, word, arg, notes)
		case t.Kind() == reflect.Slice || t.Kind() == reflect.Map:
			return items(word, arg, notes)
		case word != "len" && isNumber(t):
			return limit(t, map[string]string{"min": "gte", "max": "lte"}[word], arg, notes)
		}
	case "minbytes", "maxbytes":
		if isText(t) {
			return bytes(t, word, arg)
		}
	case "gt", "gte", "lt", "lte":
		if isNumber(t) {
			return limit(t, word, arg, notes)
		}
	case "oneof", "email", "url", "uuid", "slug", "pattern":
		if t.Kind() == reflect.Slice && !isText(t) {
			c, err := Make(t.Elem(), word, arg, notes)
			c.each = true
			return c, err
		}
		if isText(t) || word == "oneof" && (t.Kind() != reflect.Float32 && t.Kind() != reflect.Float64) && isNumber(t) {
			return worded(t, word, arg, notes)
		}
	default:
		return Check{}, fmt.Errorf("there is no rule %q", word)
	}
	return Check{}, fmt.Errorf("%s does not go with %v", word, t)
}

func isText(t reflect.Type) bool { return t.Kind() == reflect.String || t == secretType }

func isNumber(t reflect.Type) bool {
	k := t.Kind()
	return reflect.Int <= k && k <= reflect.Uint64 || k == reflect.Float32 || k == reflect.Float64
}

// textOf is the text of a string or a [fault.Secret].
func textOf(v reflect.Value) string {
	if v.Kind() == reflect.String {
		return v.String()
	}
	return v.Interface().(fault.Secret).Reveal()
}

func size(arg string) (int, error) {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a size", arg)
	}
	return n, nil
}

func characters(_ reflect.Type, word, arg string, notes *Constraints) (Check, error) {
	n, err := size(arg)
	switch word {
	case "min":
		notes.MinLength = &n
		return Check{
			Holds:   func(v reflect.Value) bool { return Characters(textOf(v), n) >= n },
			Message: counted("must be at least", "character", "characters", n),
		}, err
	case "max":
		notes.MaxLength = &n
		return Check{
			Holds:   func(v reflect.Value) bool { return Characters(textOf(v), n) <= n },
			Message: counted("must be at most", "character", "characters", n),
		}, err
	}
	notes.MinLength, notes.MaxLength = &n, &n
	return Check{
		Holds:   func(v reflect.Value) bool { return Characters(textOf(v), n) == n },
		Message: counted("must be", "character", "characters", n),
	}, err
}

func bytes(_ reflect.Type, word, arg string) (Check, error) {
	n, err := size(arg)
	if word == "minbytes" {
		return Check{
			Holds:   func(v reflect.Value) bool { return len(textOf(v)) >= n },
			Message: counted("must be at least", "byte", "bytes", n),
		}, err
	}
	return Check{
		Holds:   func(v reflect.Value) bool { return len(textOf(v)) <= n },
		Message: counted("must be at most", "byte", "bytes", n),
	}, err
}

func items(word, arg string, notes *Constraints) (Check, error) {
	n, err := size(arg)
	switch word {
	case "min":
		notes.MinItems = &n
		return Check{
			Holds:   func(v reflect.Value) bool { return v.Len() >= n },
			Message: counted("must have at least", "item", "items", n),
		}, err
	case "max":
		notes.MaxItems = &n
		return Check{
			Holds:   func(v reflect.Value) bool { return v.Len() <= n },
			Message: counted("must have at most", "item", "items", n),
		}, err
	}
	notes.MinItems, notes.MaxItems = &n, &n
	return Check{
		Holds:   func(v reflect.Value) bool { return v.Len() == n },
		Message: counted("must have", "item", "items", n),
	}, err
}

// limit compares a number. A limit that the type cannot hold is a mistake.
func limit(t reflect.Type, word, arg string, notes *Constraints) (Check, error) {
	compare, number, err := comparison(t, arg)
	if err != nil {
		return Check{}, err
	}
	var text string
	var holds func(int) bool
	switch word {
	case "gt":
		text, holds, notes.ExclusiveMinimum = "must be greater than {limit}", func(c int) bool { return c > 0 }, number
	case "gte":
		text, holds, notes.Minimum = "must be at least {limit}", func(c int) bool { return c >= 0 }, number
	case "lt":
		text, holds, notes.ExclusiveMaximum = "must be less than {limit}", func(c int) bool { return c < 0 }, number
	case "lte":
		text, holds, notes.Maximum = "must be at most {limit}", func(c int) bool { return c <= 0 }, number
	}
	return Check{
		Holds:   func(v reflect.Value) bool { return holds(compare(v)) },
		Message: with(text, "limit", arg),
	}, nil
}

// comparison compares values with one that is given as text. NaN is below everything.
func comparison(t reflect.Type, arg string) (compare func(reflect.Value) int, number json.Number, err error) {
	wrong := fmt.Errorf("%q is not a value of %v", arg, t)
	switch {
	case t == durationType:
		d, err := time.ParseDuration(arg)
		if err != nil {
			return nil, "", wrong
		}
		number = json.Number(strconv.FormatInt(int64(d), 10))
		return func(v reflect.Value) int { return cmp.Compare(v.Int(), int64(d)) }, number, nil
	case t.Kind() <= reflect.Int64:
		n, err := strconv.ParseInt(arg, 10, t.Bits())
		if err != nil {
			return nil, "", wrong
		}
		return func(v reflect.Value) int { return cmp.Compare(v.Int(), n) }, json.Number(strconv.FormatInt(n, 10)), nil
	case t.Kind() <= reflect.Uint64:
		n, err := strconv.ParseUint(arg, 10, t.Bits())
		if err != nil {
			return nil, "", wrong
		}
		return func(v reflect.Value) int { return cmp.Compare(v.Uint(), n) }, json.Number(strconv.FormatUint(n, 10)), nil
	}
	x, err := strconv.ParseFloat(arg, t.Bits())
	if err != nil || x-x != 0 { // infinite, or not a number
		return nil, "", wrong
	}
	return func(v reflect.Value) int { return cmp.Compare(v.Float(), x) }, json.Number(strconv.FormatFloat(x, 'g', -1, t.Bits())), nil
}

// worded makes the checks of a text.
func worded(t reflect.Type, word, arg string, notes *Constraints) (Check, error) {
	holds := func(f func(string) bool) func(reflect.Value) bool {
		return func(v reflect.Value) bool { return f(textOf(v)) }
	}
	switch word {
	case "oneof":
		all := strings.Fields(arg)
		if len(all) == 0 {
			return Check{}, fmt.Errorf("oneof has no values")
		}
		notes.Enum = all
		return among(t, all)
	case "email":
		notes.Format = "email"
		return Check{Holds: holds(isEmail), Message: Message{Text: "must be an e-mail address"}}, nil
	case "url":
		notes.Format = "uri"
		return Check{Holds: holds(isURL), Message: Message{Text: "must be a web address like https://example.com"}}, nil
	case "uuid":
		notes.Format = "uuid"
		return Check{Holds: holds(isUUID), Message: Message{Text: "must be a UUID"}}, nil
	case "slug":
		notes.Pattern = slugPattern
		return Check{Holds: holds(isSlug), Message: Message{Text: "must be lower-case letters, digits and single hyphens"}}, nil
	}
	pattern, err := regexp.Compile(arg)
	if err != nil || arg == "" {
		return Check{}, fmt.Errorf("the pattern %q is not a regular expression", arg)
	}
	notes.Pattern = arg
	return Check{Holds: holds(pattern.MatchString), Message: Message{Text: "has an invalid format"}}, nil
}

func among(t reflect.Type, all []string) (Check, error) {
	message := with("must be one of {values}", "values", strings.Join(all, ", "))
	if isText(t) {
		return Check{Holds: func(v reflect.Value) bool { return slices.Contains(all, textOf(v)) }, Message: message}, nil
	}
	var equal []func(reflect.Value) int
	for _, one := range all {
		compare, _, err := comparison(t, one)
		if err != nil {
			return Check{}, err
		}
		equal = append(equal, compare)
	}
	return Check{Holds: func(v reflect.Value) bool {
		return slices.ContainsFunc(equal, func(compare func(reflect.Value) int) bool { return compare(v) == 0 })
	}, Message: message}, nil
}
