package form

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/bennu-go/bennu/changeset"
)

// Input is one input of a form with its label, its hint and its errors: a view, and a
// value. Its methods give back another one.
type Input struct {
	kind    string // of <input>, or the element's name
	form    changeset.Form
	name    string
	label   *string
	hint    string
	prompt  string
	options []Option
	extra   extra
}

func input(kind string, f changeset.Form, name string) Input {
	return Input{kind: kind, form: f, name: name}
}

// Text is a line of text.
func Text(f changeset.Form, name string) Input { return input("text", f, name) }

// Email is an e-mail address. Browsers have their own idea of what that is, a little
// narrower than a changeset's: not ä@example.org.
func Email(f changeset.Form, name string) Input { return input("email", f, name) }

// Password is a secret that nobody sees. It is never filled in again.
func Password(f changeset.Form, name string) Input { return input("password", f, name) }

// Number is a number, whole or not; Attr("step", "1") has browsers refuse fractions.
func Number(f changeset.Form, name string) Input { return input("number", f, name) }

// Date is a day, without a time.
func Date(f changeset.Form, name string) Input { return input("date", f, name) }

// DateTime is a day with a time. What a browser sends has no zone: changesets take it for
// UTC, and so it is shown.
func DateTime(f changeset.Form, name string) Input { return input("datetime-local", f, name) }

// Time is a time of the day, for a field that is a text: "15:04".
func Time(f changeset.Form, name string) Input { return input("time", f, name) }

// Tel is a telephone number.
func Tel(f changeset.Form, name string) Input { return input("tel", f, name) }

// URL is an address with its scheme.
func URL(f changeset.Form, name string) Input { return input("url", f, name) }

// Search is a text to search for.
func Search(f changeset.Form, name string) Input { return input("search", f, name) }

// Color is a color, as in "#ff8800".
func Color(f changeset.Form, name string) Input { return input("color", f, name) }

// Range is a number by a slider, from 0 to 100 if the changeset knows no bounds.
func Range(f changeset.Form, name string) Input { return input("range", f, name) }

// File is a file from the visitor's computer. A [Form] around it sends files; read them
// with web.Upload.
func File(f changeset.Form, name string) Input { return input("file", f, name) }

// Hidden is an input that nobody sees, without a label.
func Hidden(f changeset.Form, name string) Input { return input("hidden", f, name) }

// Textarea is a text of some lines.
func Textarea(f changeset.Form, name string) Input { return input("textarea", f, name) }

// Checkbox is yes or no. It sends "true" or "false", for a hidden input speaks for the box
// that is not ticked.
func Checkbox(f changeset.Form, name string) Input { return input("checkbox", f, name) }

// Label is the text of the label, as it is. Without it the label is made of the field's
// name: "First name" of first_name. "" is none; set aria-label then.
func (in Input) Label(text string) Input {
	in.label = &text
	return in
}

// Hint is a help below the input.
func (in Input) Hint(text string) Input {
	in.hint = text
	return in
}

// Attr sets an attribute of the input, also one that it has by itself, such as id or
// value. A class is added to others. With several boxes, as of [Radios], it is an
// attribute of each of them. A name that is none, or that of an event handler, is an
// error of Render.
func (in Input) Attr(name, value string) Input {
	in.extra = in.extra.with(name, value)
	return in
}

// Flag sets an attribute without a value, such as disabled or autofocus, or takes one
// away that the input would have, such as required.
func (in Input) Flag(name string, on bool) Input {
	in.extra = in.extra.flagged(name, on)
	return in
}

// drawing is an input while it is rendered.
type drawing struct {
	markup
	Input
	ctx   context.Context
	field changeset.Field
	id    string
	title string // the label, also if it is not seen
}

// Render writes the input. A [Form] around it learns of its errors.
func (in Input) Render(ctx context.Context, w io.Writer) error {
	d := &drawing{Input: in, ctx: ctx, field: in.form.Field(in.name)}
	d.id = id(d.field.ID)
	if own := in.extra.set.get("id"); own != "" {
		d.id = id(own)
	}
	if in.label != nil {
		d.title = *in.label
	} else {
		d.title = say(ctx, human(in.name))
	}
	if err := d.draw(); err != nil {
		return err
	}
	around(ctx).learn(d)
	_, err := io.WriteString(w, d.String())
	return err
}

// id is a text without spaces, which would make it two in aria-describedby.
func id(text string) string { return strings.Join(strings.Fields(text), "_") }

func (d *drawing) draw() error {
	switch d.kind {
	case "hidden":
		all := list("type", "hidden", "id", d.id, "name", d.field.Name, "value", d.field.Value)
		err := d.extra.onto(&all)
		d.open("input", all)
		return err
	case "radio", "checkboxes":
		return d.drawGroup()
	}
	d.open("div", list("class", "form-field"))
	err := d.drawControl()
	d.drawNotes()
	d.close("div")
	return err
}

func (d *drawing) drawControl() error {
	if d.kind == "checkbox" {
		return d.drawCheckbox()
	}
	d.drawLabel()
	switch d.kind {
	case "textarea":
		return d.drawTextarea()
	case "select":
		return d.drawSelect()
	}
	all := list("type", d.kind, "id", d.id, "name", d.field.Name)
	if value := d.value(); d.kind != "file" && (value != "" || d.extra.set.get("type") == "hidden") {
		all.set("value", value)
	}
	all, err := d.finish(all)
	if strings.EqualFold(all.get("type"), "password") {
		all.drop("value")
	}
	d.open("input", all)
	return err
}

// drawLabel writes the label of the one control that there is.
func (d *drawing) drawLabel() {
	if d.title != "" {
		d.whole("label", list("for", d.id), d.title)
	}
}

func (d *drawing) drawTextarea() error {
	all, err := d.finish(list("id", d.id, "name", d.field.Name))
	text := d.field.Value
	if all.has("value") {
		text = all.get("value")
		all.drop("value")
	}
	d.open("textarea", all)
	d.WriteString("\n") // the first one is not the text's
	d.text(text)
	d.close("textarea")
	return err
}

func (d *drawing) drawCheckbox() error {
	all := list("type", "checkbox", "id", d.id, "name", d.field.Name, "value", "true")
	all.flag("checked", d.field.Checked)
	all, err := d.finish(all)
	d.otherwise(all, "false")
	d.choice(all, d.title)
	return err
}

// choice is a box with its text.
func (d *drawing) choice(all attrs, text string) {
	if text == "" {
		d.open("input", all)
		return
	}
	d.open("label", list("class", "form-choice"))
	d.open("input", all)
	d.whole("span", nil, text)
	d.close("label")
}

// finish adds what every control has, and the user's attributes.
func (d *drawing) finish(all attrs) (attrs, error) {
	constrain(&all, d.kind, d.field, d.prompt != "")
	if len(d.field.Errors) > 0 {
		all.set("aria-invalid", "true")
	}
	all.maybe("aria-describedby", d.notes())
	err := d.extra.onto(&all)
	if all.has("id") {
		all.set("id", d.id)
	}
	return all, err
}

// notes are the ids of what is said about the input.
func (d *drawing) notes() string {
	var ids []string
	if len(d.field.Errors) > 0 {
		ids = append(ids, d.id+"_error")
	}
	if d.hint != "" {
		ids = append(ids, d.id+"_hint")
	}
	return strings.Join(ids, " ")
}

func (d *drawing) drawNotes() {
	if len(d.field.Errors) > 0 {
		d.open("div", list("class", "form-error", "id", d.id+"_error"))
		for _, text := range d.field.Errors {
			d.whole("p", nil, text)
		}
		d.close("div")
	}
	if d.hint != "" {
		d.whole("p", list("class", "form-hint", "id", d.id+"_hint"), d.hint)
	}
}

// value is the field's, in the way that browsers want it.
func (d *drawing) value() string {
	layout := ""
	switch d.kind {
	case "date":
		layout = time.DateOnly
	case "datetime-local":
		layout = "2006-01-02T15:04:05.999"
	default:
		return d.field.Value
	}
	t, err := time.Parse(time.RFC3339, d.field.Value)
	if err != nil {
		return d.field.Value
	}
	t = t.UTC()
	if t.Second() == 0 && t.Nanosecond() < 1e6 && d.kind == "datetime-local" {
		layout = "2006-01-02T15:04"
	}
	return t.Format(layout)
}
