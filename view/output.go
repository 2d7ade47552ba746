package view

import (
	"context"
	"fmt"
)

const (
	maxKept  = 1 << 20 // bytes: a buffer that has grown larger is not kept
	checked  = 4 << 10 // bytes between two looks at the context
	maxDepth = 100     // components in components, views in views
)

// mark is what the functions of components return. It arrives unchanged where text may
// stand, and html/template escapes it in an attribute, a script or a style.
const mark = "<component>"

func errPlace(what string) error {
	return fmt.Errorf("view: the %s is in the wrong place: component, slot and endcomponent stand where tags may stand, "+
		"not within a tag, a script, a style, a title or a textarea, nor in a pipeline or a variable", what)
}

// output is where a page is written before anybody sees it.
type output struct {
	ctx    context.Context
	bytes  []byte
	next   int    // look at the context when there is this much
	marked string // what returned the mark that comes next, or ""
}

func (o *output) Write(p []byte) (int, error) {
	if what := o.marked; what != "" {
		o.marked = ""
		if string(p) != mark {
			return 0, errPlace(what)
		}
		return len(p), nil
	}
	if len(o.bytes) >= o.next {
		o.next = len(o.bytes) + checked
		if err := o.ctx.Err(); err != nil {
			return 0, fmt.Errorf("view: rendering was stopped: %w", err)
		}
	}
	o.bytes = append(o.bytes, p...)
	return len(p), nil
}

// cut takes away what was written since start, and returns it.
func (o *output) cut(start int) string {
	s := string(o.bytes[start:])
	o.bytes = o.bytes[:start]
	o.next = min(o.next, start+checked)
	return s
}

func (o *output) reset() { *o = output{bytes: o.bytes[:0]} }
