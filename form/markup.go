package form

import (
	"html/template"
	"slices"
	"strings"

	"github.com/bennu-go/bennu/fault"
)

// attr is an attribute. One without a value is bare: required.
type attr struct {
	name, value string
	bare        bool
}

// attrs are the attributes of a tag, in the order in which they were set first.
type attrs []attr

func (a attrs) find(name string) int {
	return slices.IndexFunc(a, func(have attr) bool { return have.name == name })
}

func (a attrs) get(name string) string {
	if i := a.find(name); i >= 0 {
		return a[i].value
	}
	return ""
}

func (a attrs) has(name string) bool { return a.find(name) >= 0 }

func (a *attrs) put(one attr) {
	if i := a.find(one.name); i >= 0 {
		(*a)[i] = one
		return
	}
	*a = append(*a, one)
}

func (a *attrs) set(name, value string) { a.put(attr{name: name, value: value}) }

// maybe sets an attribute that has a value.
func (a *attrs) maybe(name, value string) {
	if value != "" {
		a.set(name, value)
	}
}

func (a *attrs) flag(name string, on bool) {
	if on {
		a.put(attr{name: name, bare: true})
		return
	}
	a.drop(name)
}

func (a *attrs) drop(name string) {
	*a = slices.DeleteFunc(*a, func(have attr) bool { return have.name == name })
}

// extra is what a user has set on a tag. Its values are never written into.
type extra struct {
	set  attrs
	gone []string
}

func (e extra) with(name, value string) extra {
	name = strings.ToLower(name)
	e.set = slices.Clone(e.set)
	e.set.set(name, value)
	return e
}

func (e extra) flagged(name string, on bool) extra {
	name = strings.ToLower(name)
	e.set = slices.Clone(e.set)
	e.set.flag(name, on)
	e.gone = slices.DeleteFunc(slices.Clone(e.gone), func(have string) bool { return have == name })
	if !on {
		e.gone = append(e.gone, name)
	}
	return e
}

// onto has the user's attributes win.
func (e extra) onto(a *attrs) error {
	for _, name := range e.gone {
		a.drop(name)
	}
	for _, one := range e.set {
		if err := check(one); err != nil {
			return err
		}
		switch {
		case one.name == "class" && a.has("class"):
			one.value = a.get("class") + " " + one.value
		case one.name == "aria-describedby" && a.has(one.name):
			one.value = one.value + " " + a.get(one.name)
		}
		a.put(one)
	}
	return nil
}

// check refuses what could run a script, or break out of the tag.
func check(one attr) error {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("-_:.@", r)
	}
	switch {
	case one.name == "" || strings.ContainsFunc(one.name, odd):
		return fault.Internal.Errorf("form: %q is no name of an attribute", one.name)
	case strings.HasPrefix(one.name, "on"), one.name == "srcdoc":
		return fault.Internal.Errorf("form: the attribute %s runs scripts; listen to events in a script of the page", one.name)
	case one.name == "formaction", one.name == "action":
		_, err := target(one.value)
		return err
	}
	return nil
}

// markup writes HTML.
type markup struct{ strings.Builder }

func (m *markup) open(tag string, all attrs) {
	m.WriteString("<" + tag)
	for _, a := range all {
		m.WriteString(" " + a.name)
		if !a.bare {
			m.WriteString(`="` + escape(a.value) + `"`)
		}
	}
	m.WriteString(">")
}

func (m *markup) close(tag string) { m.WriteString("</" + tag + ">") }

func (m *markup) text(text string) { m.WriteString(escape(text)) }

func (m *markup) whole(tag string, all attrs, text string) {
	m.open(tag, all)
	m.text(text)
	m.close(tag)
}

func list(pairs ...string) (all attrs) {
	for i := 0; i < len(pairs); i += 2 {
		all.set(pairs[i], pairs[i+1])
	}
	return all
}

// escape is for texts and for values in quotation marks. A NUL, which HTML cannot have,
// becomes U+FFFD, and a carriage return is kept, which parsers would drop.
func escape(text string) string {
	text = template.HTMLEscapeString(strings.ToValidUTF8(text, "\uFFFD"))
	return strings.ReplaceAll(text, "\r", "&#13;")
}
