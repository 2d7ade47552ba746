package view

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Funcs are functions for the templates, by name. One whose first parameter is a
// [context.Context] is given that of the rendering, and the template does not mention
// it:
//
//	view.Funcs{"csrf": func(ctx context.Context) string { … }} // {{csrf}}
//
// A function returns a value, or a value and an error, which ends the rendering.
type Funcs map[string]any

// funcs are all functions of one tree.
type funcs struct {
	all   template.FuncMap
	bound map[string]bool // those that get the context
}

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

func newFuncs(all []Funcs) *funcs {
	f := &funcs{all: make(template.FuncMap), bound: make(map[string]bool)}
	f.add(own)
	for _, some := range all {
		f.add(some)
	}
	return f
}

func (f *funcs) add(some Funcs) {
	for _, name := range slices.Sorted(maps.Keys(some)) {
		if f.all[name] != nil || slices.Contains(hidden, name) {
			panic(fmt.Sprintf("view: the function %s is given twice, or is one of view's own", name))
		}
		typ := reflect.TypeOf(some[name])
		if !usable(name, typ) {
			panic(fmt.Sprintf("view: %s is no function for templates: it has a Go name, "+
				"and returns a value, or a value and an error; it is %v", name, typ))
		}
		f.all[name] = some[name]
		f.bound[name] = typ.NumIn() > 0 && (typ.In(0) == contextType || typ.In(0) == runType)
	}
}

func usable(name string, typ reflect.Type) bool {
	word := func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	if name == "" || strings.ContainsFunc(name, word) || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	if typ == nil || typ.Kind() != reflect.Func {
		return false
	}
	return typ.NumOut() == 1 || typ.NumOut() == 2 && typ.Out(1) == errorType
}

// own are the functions that all templates have.
var own = Funcs{
	"component":    (*run).component,
	"slot":         (*run).slot,
	"endcomponent": (*run).endComponent,
	"renderSlot":   (*run).renderSlot,
	"render":       render,
}

// render puts a view, such as a templ component, into a template.
func render(ctx context.Context, v interface {
	Render(ctx context.Context, w io.Writer) error
}) (template.HTML, error) {
	if v == nil {
		return "", nil
	}
	var b strings.Builder
	err := v.Render(ctx, &b)
	return template.HTML(b.String()), err
}
