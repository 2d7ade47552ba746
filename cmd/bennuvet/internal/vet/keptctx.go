package vet

import (
	"go/ast"
	"go/types"
)

const keptDoc = `find handlers that keep their context in the state

The context of a handler has the deadline of its message, and may end when the handler
returns. Each handler is given its own.`

func kept(p *pkg) {
	for c := range p.root.Preorder((*ast.AssignStmt)(nil)) {
		n := c.Node().(*ast.AssignStmt)
		if len(n.Lhs) != len(n.Rhs) {
			continue
		}
		s := p.within(c)
		if s == nil || s.constructor {
			continue
		}
		for i, l := range n.Lhs {
			field, ok := ast.Unparen(l).(*ast.SelectorExpr)
			if !ok {
				continue
			}
			id, ok := ast.Unparen(n.Rhs[i]).(*ast.Ident)
			if !ok {
				continue
			}
			sel := p.TypesInfo.Selections[field]
			v, _ := p.TypesInfo.Uses[id].(*types.Var)
			if sel != nil && v != nil && v == s.context && p.stateOf(sel.Recv()) == s.of {
				p.complainf(n.Pos(), "the context of this handler is kept in the state, but has the deadline of one message, and may end with it; use the context that each handler is given")
			}
		}
	}
}
