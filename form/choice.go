package form

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/bennu-go/bennu/changeset"
)

// Option is one of the choices of [Select], [Radios] or [Checkboxes].
type Option struct {
	Value    string
	Label    string // default: made of the value, as labels are of names
	Group    string // of a select: options next to each other with the same one are under it
	Disabled bool
}

// Options are options whose labels are made of the values: "In progress" of in_progress.
func Options(values ...string) []Option {
	all := make([]Option, len(values))
	for i, value := range values {
		all[i].Value = value
	}
	return all
}

// OptionMap are the options of a map from values to labels, sorted by label.
func OptionMap(labels map[string]string) []Option {
	all := make([]Option, 0, len(labels))
	for value, label := range labels {
		all = append(all, Option{Value: value, Label: label})
	}
	slices.SortFunc(all, func(a, b Option) int {
		return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Value, b.Value))
	})
	return all
}

// Select is a choice from a list that opens; of several if the field is a list, or with
// Flag("multiple", true). Without options they are those that the changeset allows, by
// Inclusion, Subset or the tag oneof.
func Select(f changeset.Form, name string, options ...Option) Input {
	return choose("select", f, name, options)
}

// Radios is a choice of one from options that are all seen. Without options they are as
// of [Select].
func Radios(f changeset.Form, name string, options ...Option) Input {
	return choose("radio", f, name, options)
}

// Checkboxes is a choice of several, for a field that is a list. Without options they
// are as of [Select].
func Checkboxes(f changeset.Form, name string, options ...Option) Input {
	return choose("checkboxes", f, name, options)
}

func choose(kind string, f changeset.Form, name string, options []Option) Input {
	in := input(kind, f, name)
	in.options = options
	return in
}

// Prompt is the text of a first option of a select without a value, as in "Choose…".
func (in Input) Prompt(text string) Input {
	in.prompt = text
	return in
}

// choices are the options with their labels.
func (d *drawing) choices() []Option {
	all := slices.Clone(d.options)
	if len(all) == 0 {
		all = Options(d.field.Constraints.Enum...)
	}
	for i := range all {
		if all[i].Label == "" {
			all[i].Label = say(d.ctx, human(all[i].Value))
		}
	}
	return all
}

// isMany reports whether the field is a list, which its name tells.
func (d *drawing) isMany() bool {
	return strings.HasSuffix(d.field.Name, "[]")
}

func (d *drawing) isChosen(o Option) bool {
	if d.field.Values != nil || d.isMany() {
		return slices.Contains(d.field.Values, o.Value)
	}
	return o.Value == d.field.Value
}

// otherwise is what is sent where nothing is chosen, so that this is known, too.
func (d *drawing) otherwise(of attrs, value string) {
	all := list("type", "hidden", "name", of.get("name"), "value", value)
	all.maybe("form", of.get("form"))
	all.flag("disabled", d.extra.set.has("disabled"))
	d.open("input", all)
}

func (d *drawing) drawSelect() error {
	all := list("id", d.id, "name", d.field.Name)
	all.flag("multiple", d.isMany())
	all, err := d.finish(all)
	if all.has("multiple") {
		if !d.isMany() {
			all.set("name", d.field.Name+"[]")
		}
		d.otherwise(all, "")
	}
	options := d.choices()
	d.open("select", all)
	d.drawPrompt(options, all.has("multiple"))
	group := ""
	for _, o := range options {
		if o.Group != group {
			if group != "" {
				d.close("optgroup")
			}
			if o.Group != "" {
				d.open("optgroup", list("label", o.Group))
			}
			group = o.Group
		}
		one := list("value", o.Value)
		one.flag("selected", d.isChosen(o))
		one.flag("disabled", o.Disabled)
		d.whole("option", one, o.Label)
	}
	if group != "" {
		d.close("optgroup")
	}
	d.close("select")
	return err
}

// drawPrompt writes the first option, also where a value is none of the options: the
// browser would choose one that nobody chose.
func (d *drawing) drawPrompt(options []Option, many bool) {
	known := slices.ContainsFunc(options, d.isChosen)
	switch {
	case many:
	case d.prompt != "":
		d.whole("option", list("value", ""), d.prompt)
	case !known && d.field.Value != "":
		one := list("value", "")
		one.flag("selected", true)
		d.whole("option", one, "")
	}
}

// drawGroup writes boxes in a fieldset. The first has the id of the field, for links.
func (d *drawing) drawGroup() error {
	around := list("class", "form-field")
	kind, name := "checkbox", d.field.Name
	if d.kind == "radio" {
		kind = "radio"
		around.set("role", "radiogroup")
		if len(d.field.Errors) > 0 {
			around.set("aria-invalid", "true")
		}
	} else if !d.isMany() {
		name += "[]"
	}
	around.maybe("aria-describedby", d.notes())
	d.open("fieldset", around)
	if d.title != "" {
		d.whole("legend", nil, d.title)
	}
	for i, o := range d.choices() {
		if err := d.drawBox(i, o, list("type", kind, "id", d.boxID(i), "name", name, "value", o.Value)); err != nil {
			return err
		}
	}
	d.drawNotes()
	d.close("fieldset")
	return nil
}

func (d *drawing) drawBox(i int, o Option, all attrs) error {
	all.flag("checked", d.isChosen(o))
	all.flag("disabled", o.Disabled)
	if d.kind == "radio" {
		constrain(&all, "radio", d.field, false)
	} else if len(d.field.Errors) > 0 {
		all.set("aria-invalid", "true")
	}
	err := d.extra.onto(&all)
	all.set("id", d.boxID(i))
	if i > 0 {
		all.drop("autofocus")
	} else if d.kind != "radio" {
		d.otherwise(all, "")
	}
	d.choice(all, o.Label)
	return err
}

func (d *drawing) boxID(i int) string {
	if i == 0 {
		return d.id
	}
	return d.id + "_" + strconv.Itoa(i)
}
