package form

import (
	"cmp"
	"encoding/json"
	"strconv"

	"github.com/bennu-go/bennu/changeset"
)

// constrain has the browser check what the changeset checks, where it refuses nothing
// that the changeset would accept.
func constrain(all *attrs, kind string, field changeset.Field, prompted bool) {
	c := field.Constraints
	required := field.Required
	switch kind {
	case "text", "search", "url", "tel", "email", "password":
		limit(all, c)
		all.maybe("pattern", pattern(c.Pattern))
	case "textarea":
		limit(all, c)
	case "number":
		bound(all, c)
		all.set("step", "any")
	case "range":
		bound(all, c)
		all.set("step", "any")
		required = false // there is always a value
	case "select":
		required = required && (prompted || all.has("multiple"))
	case "date", "datetime-local", "time", "file", "radio":
	default:
		required = false
	}
	if required {
		all.flag("required", true)
	}
}

// limit passes on the least length. Browsers count UTF-16 units, of which a character has
// one or more: what is too short for them is so for everybody. What is too long is not.
func limit(all *attrs, c changeset.Constraints) {
	if c.MinLength != nil && *c.MinLength > 1 {
		all.set("minlength", strconv.Itoa(*c.MinLength))
	}
}

// bound passes on limits of numbers. Browsers have no exclusive ones.
func bound(all *attrs, c changeset.Constraints) {
	if c.OmitEmpty {
		return // zero passes always
	}
	all.maybe("min", number(cmp.Or(c.Minimum, c.ExclusiveMinimum)))
	all.maybe("max", number(cmp.Or(c.Maximum, c.ExclusiveMaximum)))
}

func number(n json.Number) string {
	if _, err := n.Float64(); err != nil {
		return ""
	}
	return n.String()
}
