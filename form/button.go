package form

import (
	"cmp"
	"context"
	"io"
)

// Button is a button: a view, and a value.
type Button struct {
	label string
	row   bool
	extra extra
}

// Submit is the button that sends the form.
func Submit(label string) Button { return Button{label: label} }

// Attr sets an attribute of the button, such as name and value.
func (b Button) Attr(name, value string) Button {
	b.extra = b.extra.with(name, value)
	return b
}

// Flag sets an attribute without a value, such as formnovalidate.
func (b Button) Flag(name string, on bool) Button {
	b.extra = b.extra.flagged(name, on)
	return b
}

// Render writes the button.
func (b Button) Render(ctx context.Context, w io.Writer) error {
	m, all := new(markup), list("type", "submit")
	if err := b.extra.onto(&all); err != nil {
		return err
	}
	if b.row {
		around(ctx).rows = true
	}
	m.whole("button", all, cmp.Or(b.label, say(ctx, "Save")))
	_, err := io.WriteString(w, m.String())
	return err
}
