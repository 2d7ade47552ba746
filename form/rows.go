package form

import (
	"slices"
	"strconv"
	"strings"

	"github.com/bennu-go/bennu/changeset"
)

// The names of the buttons that add and remove rows.
const (
	addName    = "_add"
	removeName = "_remove"
)

// AddRow is a button that adds a row to a list of a form: it sends the form, and [Rows]
// sees what is wanted.
func AddRow(f changeset.Form, name, label string) Button {
	return rowButton(label, addName, f.Name(name))
}

// RemoveRow is a button that removes a row, one of the forms of changeset.Form.Each.
func RemoveRow(row changeset.Form, label string) Button {
	return rowButton(label, removeName, strings.TrimSuffix(row.Name("-"), "[-]"))
}

func rowButton(label, name, value string) Button {
	b := Button{label: label, row: true}.Attr("name", name).Attr("value", value)
	return b.Flag("formnovalidate", true)
}

// Rows does to the params of a whole form what the buttons of [AddRow] and [RemoveRow] ask
// for, and reports whether one was pressed: the form is then shown again, and not saved.
//
//	params, err := c.Params() // of a web.Conn
//	rows := form.Rows(params)
//	cs := change(order, params.Sub("order"))
//	if rows {
//		return c.Render(edit(cs.Form("order")))
//	}
//
// The changeset's own limits hold for what was added.
func Rows(params changeset.Params) bool {
	add, _ := params[addName].(string)
	remove, _ := params[removeName].(string)
	if add != "" {
		at, name := owner(params, add)
		if all, ok := at[name].([]any); at != nil && (ok || at[name] == nil) {
			at[name] = append(all, map[string]any{})
		}
	}
	if remove != "" {
		list, index, _ := cutLast(remove)
		at, name := owner(params, list)
		all, ok := at[name].([]any)
		if i, err := strconv.Atoi(index); ok && err == nil && i >= 0 && i < len(all) {
			at[name] = slices.Delete(slices.Clone(all), i, i+1)
		}
	}
	return add != "" || remove != ""
}

// cutLast takes "2" off "order[items][2]".
func cutLast(name string) (before, last string, ok bool) {
	i := strings.LastIndexByte(name, '[')
	if i < 0 || !strings.HasSuffix(name, "]") {
		return "", name, false
	}
	return name[:i], name[i+1 : len(name)-1], true
}

// owner finds what has the last part of a name. It makes what is not there yet, as of a
// form without any rows.
func owner(params changeset.Params, name string) (at map[string]any, last string) {
	before, last, nested := cutLast(name)
	if !nested {
		return params, last
	}
	outer, key := owner(params, before)
	if outer == nil {
		return nil, last
	}
	return child(outer, key), last
}

func child(outer map[string]any, key string) map[string]any {
	switch inner := outer[key].(type) {
	case map[string]any:
		return inner
	case changeset.Params:
		return inner
	case nil:
		made := make(map[string]any)
		outer[key] = made
		return made
	}
	return nil
}
