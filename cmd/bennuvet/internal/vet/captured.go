package vet

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ast/inspector"
)

const capturedDoc = `find state of a process that is used outside of it

What runs beside a process, as in process.Go, a go statement, time.AfterFunc or an http
handler, must not touch the process's state: that is a data race. Fields that only the
constructor sets, locks, and what is done under one, are left alone.`

func captured(p *pkg) {
	s := search{p, make(map[*types.Var][]use)}
	closures := p.localClosures()
	said := make(map[token.Pos]bool)
	for c := range p.root.Preorder((*ast.FuncDecl)(nil), (*ast.FuncLit)(nil)) {
		in := p.scopes[c.Node()]
		if in == nil {
			continue
		}
		leak := func(from ast.Node, by string, uses []use) {
			if by != "" {
				p.leak(said, from, in.of.Name(), by, uses)
			}
		}
		c.Inspect([]ast.Node{(*ast.FuncLit)(nil), (*ast.SelectorExpr)(nil), (*ast.Ident)(nil), (*ast.GoStmt)(nil)}, func(at inspector.Cursor) bool {
			switch n := at.Node().(type) {
			case *ast.FuncLit:
				if n != c.Node() && p.scopes[n] != nil {
					return false // it comes by itself
				}
				if n != c.Node() {
					leak(n, p.aside(at), s.captures(at, n, in.of))
				}
			case *ast.SelectorExpr:
				leak(n, p.aside(at), s.methodValue(n, in.of))
			case *ast.Ident:
				v, _ := p.TypesInfo.Uses[n].(*types.Var)
				if lit := closures[v]; lit != nil {
					if body, ok := p.root.FindNode(lit); ok {
						leak(lit, p.aside(at), s.captures(body, lit, in.of))
					}
				}
			case *ast.GoStmt:
				for _, arg := range n.Call.Args {
					if at, ok := at.FindNode(arg); ok {
						leak(n, "a go statement", s.argument(at, arg, in.of))
					}
				}
			}
			return true
		})
	}
}

// captures gives the uses of a state that a function literal makes through variables from
// outside of it.
func (s search) captures(body inspector.Cursor, lit *ast.FuncLit, of *types.TypeName) []use {
	return s.usesIn(body, func(v *types.Var) bool {
		inside := lit.Pos() <= v.Pos() && v.Pos() < lit.End()
		return !inside && !v.IsField() && v.Parent() != s.Pkg.Scope() && s.stateOf(v.Type()) == of
	})
}

// methodValue gives the use of a state that a method value makes when it is called.
func (s search) methodValue(e *ast.SelectorExpr, of *types.TypeName) []use {
	id, v := s.stateVar(e.X, of)
	sel := s.TypesInfo.Selections[e]
	if v == nil || sel == nil || sel.Kind() != types.MethodVal {
		return nil
	}
	if what := s.selected(id, e, sel); what != "" {
		return []use{{id.Pos(), what}}
	}
	return nil
}

// argument gives the use of a state that a function makes of it as an argument.
func (s search) argument(c inspector.Cursor, arg ast.Expr, of *types.TypeName) []use {
	id, v := s.stateVar(arg, of)
	if v == nil {
		return nil
	}
	if what := s.use(c, id); what != "" {
		return []use{{id.Pos(), what}}
	}
	return nil
}

func (p *pkg) stateVar(e ast.Expr, of *types.TypeName) (*ast.Ident, *types.Var) {
	if id, ok := ast.Unparen(e).(*ast.Ident); ok {
		if v, ok := p.TypesInfo.Uses[id].(*types.Var); ok && p.stateOf(v.Type()) == of {
			return id, v
		}
	}
	return nil, nil
}

// localClosures are the variables that are declared with a function literal.
func (p *pkg) localClosures() map[*types.Var]*ast.FuncLit {
	found := make(map[*types.Var]*ast.FuncLit)
	for c := range p.root.Preorder((*ast.AssignStmt)(nil)) {
		n := c.Node().(*ast.AssignStmt)
		for i, l := range n.Lhs {
			id, ok := l.(*ast.Ident)
			if !ok || len(n.Lhs) != len(n.Rhs) {
				continue
			}
			if lit, ok := ast.Unparen(n.Rhs[i]).(*ast.FuncLit); ok {
				if v, ok := p.TypesInfo.Defs[id].(*types.Var); ok {
					found[v] = lit
				}
			}
		}
	}
	return found
}

// leak reports each thing that is used once.
func (p *pkg) leak(said map[token.Pos]bool, from ast.Node, state, by string, uses []use) {
	known := make(map[string]bool)
	for _, u := range uses {
		if known[u.what] || said[u.pos] {
			continue
		}
		known[u.what], said[u.pos] = true, true
		p.complain(u.pos, u.what+" is state of the process and is used outside of it, by "+by+
			": a data race; copy what is needed into a local variable before, and send what comes of it with process.Cast(ctx, process.Self["+
			state+"](ctx), (*"+state+").…, …)", from.Pos())
	}
}
