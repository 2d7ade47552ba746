package locale

import (
	"context"

	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

// Real is any kind of number.
type Real interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 |
		~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr |
		~float32 | ~float64
}

// Number is a number as the context's language writes it, with at most 3 places after
// the point: 1,234.5 in English, 1.234,5 in German.
func Number[N Real](ctx context.Context, n N) string {
	v, _ := numeral(n)
	return placeOf(ctx).number(v)
}

// Decimal is a number with exactly that many places, from 0 to 20, as in 1,234.50.
// A tie goes to the even digit.
func Decimal(ctx context.Context, x float64, places int) string {
	return placeOf(ctx).print(number.Decimal(x, number.Scale(clamp(places))))
}

// Percent is a share of 1 in percent, with exactly that many places, from 0 to 20:
// Percent(ctx, 0.256, 1) is 25.6% in English, and "25,6 %" in German.
func Percent(ctx context.Context, x float64, places int) string {
	return placeOf(ctx).print(number.Percent(x, number.Scale(clamp(places))))
}

func clamp(places int) int { return min(max(places, 0), 20) }

func (t *tongue) number(v any) string { return t.print(number.Decimal(v)) }

func (t *tongue) print(f number.Formatter) string {
	p := t.printer
	if p == nil {
		p = message.NewPrinter(t.tag)
	}
	return p.Sprint(f)
}
