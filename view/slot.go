package view

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"reflect"
	"strings"
)

// run is one rendering. It is the context that the functions get.
type run struct {
	context.Context
	set   *set
	out   *output
	depth int
	open  []*call           // components that are not closed yet, the innermost last
	slots map[string]string // of the component that is being executed
}

var runType = reflect.TypeFor[*run]()

// call is a component between {{component}} and {{endcomponent}}: what is written
// meanwhile is cut out of the output.
type call struct {
	component string
	data      reflect.Value
	slot      string
	start     int
	slots     map[string]string
}

type depthKey struct{}

func (r *run) Value(key any) any {
	if key == (depthKey{}) {
		return r.depth
	}
	return r.Context.Value(key)
}

func (r *run) mark(what, name string) template.HTML {
	r.out.marked = what + " " + name
	return mark
}

func (r *run) component(name string, data ...reflect.Value) (template.HTML, error) {
	c := &call{component: name, start: len(r.out.bytes), slots: make(map[string]string)}
	switch len(data) {
	case 0:
	case 1:
		c.data = data[0]
	default:
		return "", fmt.Errorf("a component has one value as its data, %s was given %d", name, len(data))
	}
	r.open = append(r.open, c)
	return r.mark("component", name), nil
}

func (r *run) slot(name string) (template.HTML, error) {
	if len(r.open) == 0 {
		return "", fmt.Errorf("slot %q is in no component: it stands between component and endcomponent; "+
			"a component itself uses renderSlot", name)
	}
	c := r.open[len(r.open)-1]
	r.take(c)
	c.slot = name
	return r.mark("slot", name), nil
}

// take ends a slot. One with nothing but space is as if it were not given; one that is
// given again, as in a range, goes on.
func (r *run) take(c *call) {
	c.slots[c.slot] += strings.TrimSpace(r.out.cut(c.start))
}

func (r *run) endComponent() (template.HTML, error) {
	if len(r.open) == 0 {
		return "", errors.New("endcomponent without a component")
	}
	c := r.open[len(r.open)-1]
	r.take(c)
	if r.depth >= maxDepth {
		return "", fmt.Errorf("component %s is inside itself, %d deep: let an {{if}} end it", c.component, maxDepth)
	}
	open, slots := r.open[:len(r.open)-1], r.slots
	r.open, r.slots = nil, c.slots
	r.depth++
	err := r.set.call(r, c.component, c.data)
	if err == nil {
		err = r.closed()
	}
	r.depth--
	r.open, r.slots = open, slots
	if err != nil {
		return "", err
	}
	return r.mark("endcomponent of", c.component), nil
}

// closed says whether all components are.
func (r *run) closed() error {
	if r.out.marked != "" {
		return errPlace(r.out.marked)
	}
	if len(r.open) > 0 {
		return fmt.Errorf("view: component %s has no endcomponent", r.open[len(r.open)-1].component)
	}
	return nil
}

// renderSlot is, in a component, what its user has put into the slot; without a name it is
// what is before the first named one.
func (r *run) renderSlot(name ...string) template.HTML {
	return template.HTML(r.slots[strings.Join(name, "")])
}
