package form

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/bennu-go/bennu/changeset"
)

// collector learns of what is rendered inside of a form.
type collector struct {
	files bool
	rows  bool // there are buttons that do not save
	wrong []wrong
}

type wrong struct {
	of, id, title string // id is "" if nobody can go there
	errors        []string
}

type collectorKey struct{}

// around is the collector of the form around, or one that nobody asks.
func around(ctx context.Context) *collector {
	if c, ok := ctx.Value(collectorKey{}).(*collector); ok {
		return c
	}
	return new(collector)
}

func (c *collector) learn(d *drawing) {
	c.files = c.files || d.kind == "file"
	if len(d.field.Errors) == 0 {
		return
	}
	one := wrong{d.field.ID, d.id, cmp.Or(d.title, d.extra.set.get("aria-label"), say(d.ctx, human(d.name))), d.field.Errors}
	if d.kind == "hidden" {
		one.id = ""
	}
	c.wrong = append(c.wrong, one)
}

// learnRest adds the errors of fields that have no input in the form.
func (c *collector) learnRest(ctx context.Context, all []changeset.Field) {
	for _, field := range all {
		known := func(one wrong) bool { return one.of == field.ID }
		if !slices.ContainsFunc(c.wrong, known) {
			name := strings.Trim(field.Name[strings.LastIndexByte(field.Name, '[')+1:], "]")
			c.wrong = append(c.wrong, wrong{of: field.ID, title: say(ctx, human(name)), errors: field.Errors})
		}
	}
}

// summary says all that is wrong, with links to where it is.
func (c *collector) summary(ctx context.Context, m *markup, whole []string) {
	if len(whole) == 0 && len(c.wrong) == 0 {
		return
	}
	box := list("class", "form-errors", "role", "alert", "tabindex", "-1")
	box.flag("autofocus", true)
	m.open("div", box)
	m.whole("p", nil, say(ctx, "There is a problem"))
	m.open("ul", nil)
	for _, text := range whole {
		m.whole("li", nil, text)
	}
	for _, one := range c.wrong {
		for _, text := range one.errors {
			m.open("li", nil)
			if one.id == "" {
				m.text(one.title)
			} else {
				m.whole("a", list("href", (&url.URL{Fragment: one.id}).String()), one.title)
			}
			m.text(" " + text)
			m.close("li")
		}
	}
	m.close("ul")
	m.close("div")
}
