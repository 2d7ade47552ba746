package view

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"maps"
	"reflect"
	"slices"
	"text/template/parse"
)

// set is a page in its layout with the components that they use, compiled and escaped.
type set struct {
	library *library
	entry   string
	html    *template.Template
	trees   map[string]*parse.Tree // as they were written; those that are used
	scoped  map[string]bool        // those that need the rendering; see bind.go
}

func (l *library) compile(page *file, layout Layout) (*set, error) {
	all := maps.Clone(l.shared)
	s := &set{library: l, entry: content, trees: make(map[string]*parse.Tree)}
	if f := l.layouts[layout]; f != nil {
		s.entry = f.path
		all[f.path] = f.body
		maps.Copy(all, f.defs)
	}
	maps.Copy(all, page.defs)
	roots := map[string]bool{s.entry: true}
	if err := s.reach(s.entry, all, roots); err != nil {
		return nil, err
	}
	s.scoped = scopes(s.trees, l.funcs.bound)
	s.html = template.New("").Funcs(l.funcs.all).Funcs(scopeFuncs)
	for name, tree := range s.trees {
		if s.scoped[name] {
			tree = bind(tree, s.scoped, l.funcs.bound)
		} else {
			tree = tree.Copy()
		}
		if _, err := s.html.AddParseTree(name, tree); err != nil {
			return nil, l.explain(err, tree.ParseName)
		}
	}
	return s, s.escape(roots)
}

// reach collects the templates that name leads to, and in roots those that are executed
// by themselves.
func (s *set) reach(name string, all map[string]*parse.Tree, roots map[string]bool) (err error) {
	tree := all[name]
	s.trees[name] = tree
	follow := func(node parse.Node, next string) {
		if err == nil && all[next] == nil {
			err = s.library.at(tree, node, "there is no template %s: it is neither in %s nor defined by the page or its layout",
				next, components)
		}
		if err == nil && s.trees[next] == nil {
			err = s.reach(next, all, roots)
		}
	}
	each(tree.Root, func(node parse.Node) {
		switch n := node.(type) {
		case *parse.TemplateNode:
			follow(n, n.Name)
		case *parse.CommandNode:
			if id, ok := n.Args[0].(*parse.IdentifierNode); !ok || id.Ident != "component" {
				return
			}
			if len(n.Args) > 1 {
				if text, ok := n.Args[1].(*parse.StringNode); ok {
					roots[text.Text] = true
					follow(n, text.Text)
					return
				}
			}
			if err == nil {
				err = s.library.at(tree, n, `the name of a component is a text, as in {{component "card" .}}`)
			}
		}
	})
	return err
}

// escape has html/template escape all templates, which it does not before they are
// executed: by executing some that do nothing.
func (s *set) escape(roots map[string]bool) error {
	names := slices.Sorted(maps.Keys(roots))
	for i, name := range names {
		if _, err := s.html.New(checkName(i)).Parse(fmt.Sprintf(`{{if false}}{{template %q}}{{end}}`, name)); err != nil {
			return err
		}
	}
	for i, name := range names {
		if err := s.html.ExecuteTemplate(io.Discard, checkName(i), nil); err != nil {
			return s.library.explain(err, s.trees[name].ParseName)
		}
	}
	return nil
}

func checkName(i int) string { return fmt.Sprint(" ", i) }

// execute runs the page in its layout.
func (s *set) execute(ctx context.Context, out *output, data any, depth int) error {
	r := &run{Context: ctx, set: s, out: out, depth: depth}
	if err := s.call(r, s.entry, reflect.ValueOf(data)); err != nil {
		return err
	}
	return r.closed()
}

func (s *set) call(r *run, name string, data reflect.Value) error {
	var in any = data
	if s.scoped[name] {
		in = scope{Run: r, Data: data}
	}
	if err := s.html.ExecuteTemplate(r.out, name, in); err != nil {
		return s.library.explain(err, s.trees[name].ParseName)
	}
	return nil
}

// each visits a node and all below it.
func each(node parse.Node, visit func(parse.Node)) {
	if reflect.ValueOf(node).IsNil() {
		return
	}
	visit(node)
	switch n := node.(type) {
	case *parse.ListNode:
		for _, child := range n.Nodes {
			each(child, visit)
		}
	case *parse.ActionNode:
		each(n.Pipe, visit)
	case *parse.IfNode:
		eachBranch(&n.BranchNode, visit)
	case *parse.WithNode:
		eachBranch(&n.BranchNode, visit)
	case *parse.RangeNode:
		eachBranch(&n.BranchNode, visit)
	case *parse.TemplateNode:
		each(n.Pipe, visit)
	case *parse.PipeNode:
		for _, cmd := range n.Cmds {
			each(cmd, visit)
		}
	case *parse.CommandNode:
		for _, arg := range n.Args {
			each(arg, visit)
		}
	case *parse.ChainNode:
		each(n.Node, visit)
	}
}

func eachBranch(n *parse.BranchNode, visit func(parse.Node)) {
	each(n.Pipe, visit)
	each(n.List, visit)
	each(n.ElseList, visit)
}
