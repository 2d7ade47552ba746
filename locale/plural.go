package locale

import (
	"reflect"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/number"
)

// forms is a pieces in each plural form, by [plural.Form].
type forms [6]pieces

var formNames = [6]string{plural.Other: "other", plural.Zero: "zero", plural.One: "one",
	plural.Two: "two", plural.Few: "few", plural.Many: "many"}

func formOf(name string) (plural.Form, bool) {
	for i, n := range formNames {
		if n == name {
			return plural.Form(i), true
		}
	}
	return 0, false
}

// pick gives the form for a count, which is other if it is no number.
func (f *forms) pick(tag language.Tag, count any) pieces {
	if m := f[formFor(tag, count)]; m != nil {
		return m
	}
	return f[plural.Other]
}

// formFor is the form of a number as it is shown: 1.0 is shown as 1, which is one.
func formFor(tag language.Tag, count any) plural.Form {
	n, ok := numeral(count)
	if !ok {
		return plural.Other
	}
	d := number.Decimal(n).Digits(nil, tag, -1)
	if d.NaN || d.Inf {
		return plural.Other
	}
	shown := d.NumFracDigits()
	whole, fraction := digits(d.Digits, 0, int(d.Exp)), digits(d.Digits, int(d.Exp), int(d.Exp)+shown)
	return plural.Cardinal.MatchPlural(tag, whole, shown, shown, fraction, fraction)
}

// digits is the number that some digits make, of which zeros at the end may be left out.
// No rule looks further than a million: a bigger one keeps its last six digits and is
// still bigger than a million. (MatchDigits would take 1,000,002 for 1,000,000.)
func digits(all []byte, from, to int) int {
	const million = 1_000_000
	n := 0
	for i := max(from, 0); i < to; i++ {
		if n *= 10; i < len(all) {
			n += int(all[i])
		}
		if n >= 10*million {
			n = million + n%million
		}
	}
	return n
}

// needed tells which forms a language has for whole numbers, and other, which is what
// fractions and everything else take.
func needed(tag language.Tag) (need [6]bool) {
	need[plural.Other] = true
	for n := range 200 {
		need[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)] = true
	}
	need[plural.Cardinal.MatchPlural(tag, 1_000_000, 0, 0, 0, 0)] = true
	return need
}

// hasPlurals tells whether a language has more than one form.
func hasPlurals(tag language.Tag) bool {
	need := needed(tag)
	need[plural.Other] = false
	return need != [6]bool{}
}

// lacking names the forms that a language needs and f has not.
func (f *forms) lacking(tag language.Tag) string {
	var names []string
	need := needed(tag)
	for _, form := range []plural.Form{plural.Zero, plural.One, plural.Two, plural.Few, plural.Many, plural.Other} {
		if need[form] && f[form] == nil {
			names = append(names, formNames[form])
		}
	}
	return strings.Join(names, ", ")
}

// numeral gives any kind of number as one of Go's own types.
func numeral(v any) (any, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int64, uint64, float64:
		return n, true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int(), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return r.Uint(), true
	case reflect.Float32:
		return float32(r.Float()), true // as it is: 0.1 is shown as 0.1
	case reflect.Float64:
		return r.Float(), true
	}
	return nil, false
}
