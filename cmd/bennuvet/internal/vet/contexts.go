package vet

import (
	"go/ast"
	"go/types"
	"strings"
)

// contexts is which variables are the context of a process.
type contexts struct {
	params   map[*types.Var]*types.TypeName // by its state
	assigned map[*types.Var][]ast.Expr      // nil: by what cannot be followed
}

func (p *pkg) findContexts() {
	p.contexts = contexts{make(map[*types.Var]*types.TypeName), make(map[*types.Var][]ast.Expr)}
	for _, s := range p.scopes {
		if s.context != nil {
			p.contexts.params[s.context] = s.of
		}
	}
	for c := range p.root.Preorder((*ast.AssignStmt)(nil), (*ast.ValueSpec)(nil), (*ast.UnaryExpr)(nil)) {
		var left, right []ast.Expr
		switch n := c.Node().(type) {
		case *ast.AssignStmt:
			left, right = n.Lhs, n.Rhs
		case *ast.ValueSpec:
			for _, name := range n.Names {
				left = append(left, name)
			}
			right = n.Values
		case *ast.UnaryExpr: // the address may be taken
			left = []ast.Expr{n.X}
		}
		for i, l := range left {
			id, ok := ast.Unparen(l).(*ast.Ident)
			if !ok {
				continue
			}
			v, ok := p.TypesInfo.ObjectOf(id).(*types.Var)
			if !ok || !isContext(v.Type()) {
				continue
			}
			var from ast.Expr
			switch {
			case len(right) == len(left):
				from = right[i]
			case len(right) == 1 && i == 0: // ctx, cancel := context.WithTimeout(ctx, d)
				from = right[0]
			}
			p.contexts.assigned[v] = append(p.contexts.assigned[v], from)
		}
	}
	// A helper's context is of the same process. Outer calls come first.
	for c := range p.root.Preorder((*ast.CallExpr)(nil)) {
		call := c.Node().(*ast.CallExpr)
		fn, _ := p.callee(call)
		if fn == nil || fn.Pkg() == nil || pathOf(fn.Pkg()) != process || len(call.Args) == 0 {
			continue
		}
		of := p.ownerOf(call.Args[0])
		for i, arg := range call.Args {
			lit, ok := ast.Unparen(arg).(*ast.FuncLit)
			if r := shapeOf(fn).param(i).role; !ok || of == nil || r != helper && r != inline || len(lit.Type.Params.List) == 0 || len(lit.Type.Params.List[0].Names) == 0 {
				continue
			}
			if v, ok := p.TypesInfo.Defs[lit.Type.Params.List[0].Names[0]].(*types.Var); ok && isContext(v.Type()) {
				p.contexts.params[v] = of
			}
		}
	}
}

// ownerOf is the state of the process whose context an expression is for sure, or nil.
func (p *pkg) ownerOf(ctx ast.Expr) *types.TypeName {
	of, _ := p.owner(ctx, make(map[*types.Var]bool))
	return of
}

// owner is also loose for a variable that is being looked at already: it decides nothing.
func (p *pkg) owner(ctx ast.Expr, seen map[*types.Var]bool) (of *types.TypeName, loose bool) {
	switch e := ast.Unparen(ctx).(type) {
	case *ast.CallExpr:
		fn, _ := p.callee(e)
		if fn != nil && len(e.Args) > 0 && keepsProcess(fullName(fn)) {
			return p.owner(e.Args[0], seen)
		}
	case *ast.Ident:
		v, ok := p.TypesInfo.Uses[e].(*types.Var)
		if !ok || seen[v] {
			return nil, ok
		}
		seen[v] = true
		defer delete(seen, v)
		of := p.contexts.params[v]
		for _, from := range p.contexts.assigned[v] {
			if from == nil {
				return nil, false
			}
			next, loose := p.owner(from, seen)
			switch {
			case loose:
			case next == nil || of != nil && of != next:
				return nil, false
			default:
				of = next
			}
		}
		return of, false
	}
	return nil, false
}

// keepsProcess is for functions that derive a context of the same process.
func keepsProcess(name string) bool {
	return strings.HasPrefix(name, "context.With") || name == process+".NoWait"
}
