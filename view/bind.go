package view

import (
	"html/template"
	"reflect"
	"text/template/parse"
)

// html/template binds functions to a template, not to a rendering, and cloning templates
// for each request is slow. So a template that calls a function with a context, or calls
// one that does, is rewritten when it is compiled:
//
//	{{csrf}} {{.Name}} {{template "row" .}}
//
// becomes, in a syntax that has names which nobody can write,
//
//	{{run := .Run}} {{data := bennuData .}}
//	{{csrf run}} {{data.Name}} {{template "row" (bennuScope run data)}}
//
// A template that needs none of it stays as it is.

// scope is the dot of a rewritten template. Data is a reflect.Value, so that what could be
// addressed still can.
type scope struct {
	Run  *run
	Data reflect.Value
}

const (
	runVar  = "run" // a template's own variables begin with $
	dataVar = ""    // so that errors tell of .Name as it was written
)

var hidden = []string{"bennuScope", "bennuData"}

var scopeFuncs = template.FuncMap{
	"bennuScope": func(r *run, data reflect.Value) scope { return scope{r, data} },
	"bennuData":  func(s scope) reflect.Value { return s.Data },
}

// scopes are the templates that need the rendering.
func scopes(trees map[string]*parse.Tree, bound map[string]bool) map[string]bool {
	scoped := make(map[string]bool)
	for again := true; again; {
		again = false
		for name, tree := range trees {
			if !scoped[name] && needs(tree, scoped, bound) {
				scoped[name], again = true, true
			}
		}
	}
	return scoped
}

func needs(tree *parse.Tree, scoped, bound map[string]bool) (yes bool) {
	each(tree.Root, func(node parse.Node) {
		switch n := node.(type) {
		case *parse.IdentifierNode:
			yes = yes || bound[n.Ident]
		case *parse.TemplateNode:
			yes = yes || scoped[n.Name]
		}
	})
	return yes
}

type binder struct{ scoped, bound map[string]bool }

func bind(tree *parse.Tree, scoped, bound map[string]bool) *parse.Tree {
	tree = tree.Copy()
	b := binder{scoped, bound}
	b.list(tree.Root, true)
	tree.Root.Nodes = append([]parse.Node{
		declare(runVar, &parse.FieldNode{NodeType: parse.NodeField, Ident: []string{"Run"}}),
		declare(dataVar, parse.NewIdentifier("bennuData"), &parse.DotNode{NodeType: parse.NodeDot}),
	}, tree.Root.Nodes...)
	return tree
}

// list rewrites a list. In the outer one, and not in a with or a range, the dot is the
// template's data.
func (b binder) list(l *parse.ListNode, outer bool) {
	if l == nil {
		return
	}
	for _, node := range l.Nodes {
		switch n := node.(type) {
		case *parse.ActionNode:
			b.pipe(n.Pipe, outer)
		case *parse.IfNode:
			b.branch(&n.BranchNode, outer, outer)
		case *parse.WithNode:
			b.branch(&n.BranchNode, outer, false)
		case *parse.RangeNode:
			b.branch(&n.BranchNode, outer, false)
		case *parse.TemplateNode:
			b.pipe(n.Pipe, outer)
			if b.scoped[n.Name] {
				n.Pipe = scopePipe(n)
			}
		}
	}
}

func (b binder) branch(n *parse.BranchNode, outer, inner bool) {
	b.pipe(n.Pipe, outer)
	b.list(n.List, inner)
	b.list(n.ElseList, outer)
}

func (b binder) pipe(p *parse.PipeNode, outer bool) {
	if p == nil {
		return
	}
	for _, cmd := range p.Cmds {
		for i, arg := range cmd.Args {
			cmd.Args[i] = b.arg(arg, i == 0, outer)
		}
		if id, ok := cmd.Args[0].(*parse.IdentifierNode); ok && b.bound[id.Ident] {
			cmd.Args = append([]parse.Node{id, variable(id.Pos, runVar)}, cmd.Args[1:]...)
		}
	}
}

func (b binder) arg(node parse.Node, first, outer bool) parse.Node {
	switch n := node.(type) {
	case *parse.DotNode:
		if outer {
			return variable(n.Pos, dataVar)
		}
	case *parse.FieldNode:
		if outer {
			return variable(n.Pos, append([]string{dataVar}, n.Ident...)...)
		}
	case *parse.VariableNode:
		if n.Ident[0] == "$" {
			return variable(n.Pos, append([]string{dataVar}, n.Ident[1:]...)...)
		}
	case *parse.PipeNode:
		b.pipe(n, outer)
	case *parse.ChainNode:
		n.Node = b.arg(n.Node.Copy(), false, outer) // its own Copy leaves it shared
	case *parse.IdentifierNode:
		if !first && b.bound[n.Ident] {
			return pipe(n.Pos, n, variable(n.Pos, runVar))
		}
	}
	return node
}

func scopePipe(n *parse.TemplateNode) *parse.PipeNode {
	var data parse.Node = n.Pipe
	if n.Pipe == nil {
		data = &parse.NilNode{NodeType: parse.NodeNil, Pos: n.Pos}
	}
	return pipe(n.Pos, parse.NewIdentifier("bennuScope").SetPos(n.Pos), variable(n.Pos, runVar), data)
}

func variable(pos parse.Pos, ident ...string) *parse.VariableNode {
	return &parse.VariableNode{NodeType: parse.NodeVariable, Pos: pos, Ident: ident}
}

func pipe(pos parse.Pos, args ...parse.Node) *parse.PipeNode {
	return &parse.PipeNode{NodeType: parse.NodePipe, Pos: pos,
		Cmds: []*parse.CommandNode{{NodeType: parse.NodeCommand, Pos: pos, Args: args}}}
}

func declare(name string, args ...parse.Node) *parse.ActionNode {
	p := pipe(0, args...)
	p.Decl = []*parse.VariableNode{variable(0, name)}
	return &parse.ActionNode{NodeType: parse.NodeAction, Pipe: p}
}
