package view

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"text/template/parse"
)

// AnyPage is a Page of any data.
type AnyPage interface {
	name() string
	data() reflect.Type
}

// Check is for the program's start, or a test: it finds pages that do not exist, and
// fields, methods and keys that their templates ask for and the type of their data has
// not, in the layout that each page is in by itself. What has an interface for its type,
// and what comes out of html/template's own functions, is not looked into.
func (t *Templates) Check(pages ...AnyPage) error {
	lib, err := t.current()
	if err != nil {
		return err
	}
	var wrong []error
	for _, p := range pages {
		s, err := lib.set(p.name(), lib.layoutOf(context.Background(), Filled{page: p.name()}))
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		c := checker{set: s, seen: make(map[visit]bool)}
		c.template(s.entry, known(p.data()))
		wrong = append(wrong, c.wrong...)
	}
	return errors.Join(wrong...)
}

type visit struct {
	template string
	dot      reflect.Type
}

// checker follows types through the templates of a set. A nil type is one that is not
// known, and has every field.
type checker struct {
	set   *set
	seen  map[visit]bool
	wrong []error
}

// place is where the checker is: vars are shared with what is around it, but for those
// that are declared further in.
type place struct {
	tree *parse.Tree
	dot  reflect.Type
	vars map[string]*reflect.Type
}

func (p place) with(dot reflect.Type) place {
	return place{p.tree, dot, maps.Clone(p.vars)}
}

func (c *checker) template(name string, dot reflect.Type) {
	if v := (visit{name, dot}); !c.seen[v] {
		c.seen[v] = true
		tree := c.set.trees[name]
		c.list(tree.Root, place{tree, dot, map[string]*reflect.Type{"$": &dot}})
	}
}

func (c *checker) list(l *parse.ListNode, p place) {
	if l == nil {
		return
	}
	for _, node := range l.Nodes {
		switch n := node.(type) {
		case *parse.ActionNode:
			c.pipe(n.Pipe, p)
		case *parse.TemplateNode:
			c.template(n.Name, c.pipe(n.Pipe, p))
		case *parse.IfNode:
			p := p.with(p.dot)
			c.pipe(n.Pipe, p)
			c.branches(&n.BranchNode, p, p.dot)
		case *parse.WithNode:
			p := p.with(p.dot)
			c.branches(&n.BranchNode, p, c.pipe(n.Pipe, p))
		case *parse.RangeNode:
			p := p.with(p.dot)
			key, elem := elements(c.pipe(n.Pipe, p))
			if d := n.Pipe.Decl; len(d) == 1 {
				p.vars[d[0].Ident[0]] = &elem
			} else if len(d) == 2 {
				p.vars[d[0].Ident[0]], p.vars[d[1].Ident[0]] = &key, &elem
			}
			c.branches(&n.BranchNode, p, elem)
		}
	}
}

func (c *checker) branches(n *parse.BranchNode, p place, inner reflect.Type) {
	c.list(n.List, p.with(inner))
	c.list(n.ElseList, p.with(p.dot))
}

func (c *checker) pipe(n *parse.PipeNode, p place) (typ reflect.Type) {
	if n == nil {
		return nil
	}
	for _, cmd := range n.Cmds {
		typ = c.command(cmd, p)
	}
	for _, v := range n.Decl {
		if n.IsAssign {
			if old := p.vars[v.Ident[0]]; old != nil && *old != typ {
				*old = nil
			}
		} else {
			p.vars[v.Ident[0]] = &typ
		}
	}
	return typ
}

func (c *checker) command(n *parse.CommandNode, p place) reflect.Type {
	types := make([]reflect.Type, len(n.Args))
	for i, arg := range n.Args {
		types[i] = c.arg(arg, p)
	}
	if id, ok := n.Args[0].(*parse.IdentifierNode); ok && id.Ident == "component" {
		types = append(types, nil)
		c.template(n.Args[1].(*parse.StringNode).Text, types[2])
	}
	return types[0]
}

func (c *checker) arg(node parse.Node, p place) reflect.Type {
	switch n := node.(type) {
	case *parse.DotNode:
		return p.dot
	case *parse.FieldNode:
		return c.fields(n, p, p.dot, n.Ident)
	case *parse.VariableNode:
		if v := p.vars[n.Ident[0]]; v != nil {
			return c.fields(n, p, *v, n.Ident[1:])
		}
	case *parse.ChainNode:
		return c.fields(n, p, c.arg(n.Node, p), n.Field)
	case *parse.PipeNode:
		return c.pipe(n, p)
	case *parse.IdentifierNode:
		if f := c.set.library.funcs.all[n.Ident]; f != nil {
			return known(reflect.TypeOf(f).Out(0))
		}
	}
	return nil
}

// fields goes along .A.B.C.
func (c *checker) fields(n parse.Node, p place, typ reflect.Type, names []string) reflect.Type {
	for _, name := range names {
		if typ == nil {
			return nil
		}
		next, ok := field(typ, name)
		if !ok {
			c.wrong = append(c.wrong, c.set.library.at(p.tree, n,
				"at <%s>: %v has no exported field or method %s", n, typ, name))
			return nil
		}
		typ = next
	}
	return typ
}

func field(typ reflect.Type, name string) (reflect.Type, bool) {
	if m, ok := typ.MethodByName(name); ok {
		return known(result(m.Type)), true
	}
	if m, ok := reflect.PointerTo(typ).MethodByName(name); ok {
		return known(result(m.Type)), true
	}
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch typ.Kind() {
	case reflect.Struct:
		f, ok := typ.FieldByName(name)
		return known(f.Type), ok && f.IsExported()
	case reflect.Map:
		return known(typ.Elem()), typ.Key().Kind() == reflect.String
	case reflect.Interface:
		return nil, true
	}
	return nil, false
}

// result is what a method gives; one that gives nothing cannot be called.
func result(method reflect.Type) reflect.Type {
	if method.NumOut() == 0 {
		return nil
	}
	return method.Out(0)
}

// elements are the types that a range gives.
func elements(typ reflect.Type) (key, elem reflect.Type) {
	if typ != nil && typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if typ == nil {
		return nil, nil
	}
	switch typ.Kind() {
	case reflect.Slice, reflect.Array, reflect.Chan:
		return nil, known(typ.Elem())
	case reflect.Map:
		return known(typ.Key()), known(typ.Elem())
	}
	return nil, nil
}

// known is nil for what may be anything.
func known(typ reflect.Type) reflect.Type {
	if typ == nil || typ.Kind() == reflect.Interface || typ == reflect.TypeFor[reflect.Value]() {
		return nil
	}
	return typ
}
