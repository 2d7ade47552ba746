package webtest

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// filler goes over the controls of a form, and notes what of a user's input has found
// a place.
type filler struct {
	given   url.Values
	left    map[string][]string // of given
	files   []File              // that are left
	open    map[string]bool     // names that a user can fill
	known   []string            // the fields, for who has misspelled one
	entries []entry
}

// fill gives what the form sends, in the order of the page.
func (f form) fill(values url.Values, files []File) []entry {
	f.page.t.Helper()
	in := &filler{given: values, left: make(map[string][]string), files: slices.Clone(files), open: make(map[string]bool)}
	for name, list := range values {
		in.left[name] = slices.Clone(list)
	}
	for _, c := range f.controls {
		name, _ := attr(c, "name")
		switch {
		case isSubmit(c):
			if c == f.pressed && name != "" {
				value, _ := attr(c, "value")
				in.add(name, value)
			}
		case name != "" && c.DataAtom != atom.Button:
			in.control(c, name)
		}
	}
	if wrong := in.wrong(); wrong != "" {
		f.page.fatalf("%s %s; it has:%s", f.selector, wrong, listed(in.known))
	}
	return in.entries
}

// wrong tells what could not be filled in.
func (in *filler) wrong() string {
	for _, name := range slices.Sorted(maps.Keys(in.given)) {
		if !in.open[name] {
			return fmt.Sprintf("has no field %q that a user can fill", name)
		}
		if left := in.left[name]; len(left) > 0 {
			return fmt.Sprintf("has no place for %q in %q", left, name)
		}
	}
	for _, file := range in.files {
		return fmt.Sprintf("has no place for the file %q in %q", file.Name, file.Field)
	}
	return ""
}

func (in *filler) add(name, value string) {
	in.entries = append(in.entries, entry{name: name, value: value})
}

func (in *filler) control(c *html.Node, name string) {
	kind := kindOf(c)
	switch {
	case disabled(c):
		in.known = append(in.known, name+" (disabled)")
	case c.DataAtom == atom.Select:
		in.choose(c, name)
	case c.DataAtom == atom.Input && (kind == "checkbox" || kind == "radio"):
		in.tick(c, name)
	case c.DataAtom == atom.Input && kind == "file":
		in.attach(c, name)
	case c.DataAtom == atom.Input && (kind == "button" || kind == "reset"):
	case c.DataAtom == atom.Input && kind == "hidden":
		in.known = append(in.known, name+" (hidden)")
		value, _ := attr(c, "value")
		in.add(name, value)
	default:
		in.write(c, name)
	}
}

func (in *filler) write(c *html.Node, name string) {
	value, _ := attr(c, "value")
	if c.DataAtom == atom.Textarea {
		var text strings.Builder
		for t := range c.ChildNodes() {
			text.WriteString(t.Data)
		}
		value = text.String()
	}
	if has(c, "readonly") {
		in.known = append(in.known, name+" (read-only)")
		in.add(name, value)
		return
	}
	in.open[name] = true
	in.known = append(in.known, name)
	if left := in.left[name]; len(left) > 0 {
		value, in.left[name] = left[0], left[1:]
	}
	in.add(name, value)
}

func (in *filler) tick(c *html.Node, name string) {
	value, ok := attr(c, "value")
	if !ok {
		value = "on"
	}
	in.open[name] = true
	in.known = append(in.known, name+"="+value)
	if in.picked(name, value, has(c, "checked")) {
		in.add(name, value)
	}
}

// picked tells whether a choice is taken: because the user says so, or by default if
// the user says nothing about that name.
func (in *filler) picked(name, value string, byDefault bool) bool {
	if _, given := in.given[name]; !given {
		return byDefault
	}
	i := slices.Index(in.left[name], value)
	if i >= 0 {
		in.left[name] = slices.Delete(in.left[name], i, i+1)
	}
	return i >= 0
}

func (in *filler) choose(c *html.Node, name string) {
	in.open[name] = true
	var first, chosen []string
	for o := range c.Descendants() {
		if o.DataAtom != atom.Option || has(o, "disabled") || o.Parent.DataAtom == atom.Optgroup && has(o.Parent, "disabled") {
			continue
		}
		value, ok := attr(o, "value")
		if !ok {
			value = textOf(o)
		}
		in.known = append(in.known, name+"="+value)
		if first == nil {
			first = []string{value}
		}
		if in.picked(name, value, has(o, "selected")) {
			chosen = append(chosen, value)
		}
	}
	if !has(c, "multiple") {
		if len(chosen) == 0 && !has(c, "size") {
			chosen = first
		}
		if _, given := in.given[name]; given && len(chosen) > 1 {
			in.left[name] = append(in.left[name], chosen[1:]...)
		}
		chosen = chosen[max(0, len(chosen)-1):] // as in browsers, the last one
	}
	for _, value := range chosen {
		in.add(name, value)
	}
}

func (in *filler) attach(c *html.Node, name string) {
	in.known = append(in.known, name+" (file)")
	found := false
	in.files = slices.DeleteFunc(in.files, func(file File) bool {
		if file.Field != name || found && !has(c, "multiple") {
			return false
		}
		found = true
		in.entries = append(in.entries, entry{name: name, file: &file})
		return true
	})
	if !found { // browsers send an empty one
		in.entries = append(in.entries, entry{name: name, file: new(File)})
	}
}
