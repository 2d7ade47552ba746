package vet

import (
	"go/ast"
	"go/types"
)

const literalDoc = `find closures that are given where a method is meant

A message is a method and its argument: data, which a trace can show, a test can name and
another node can run. A closure is none of this. In tests closures are allowed.`

func literal(p *pkg) {
	closures := p.localClosures()
	for c := range p.root.Preorder((*ast.CallExpr)(nil)) {
		call := c.Node().(*ast.CallExpr)
		if p.inTest(call.Pos()) {
			continue
		}
		fn, name := p.callee(call)
		if fn == nil {
			continue
		}
		s := shapeOf(fn)
		if s == nil {
			continue
		}
		for i, arg := range call.Args {
			param := s.param(i)
			state, ok := types.Unalias(p.typeArg(name, param.state)).(*types.Named)
			if param.role != method || !ok { // no state: generic code, which wraps the methods of others
				continue
			}
			arg = ast.Unparen(arg)
			_, closure := arg.(*ast.FuncLit)
			if id, ok := arg.(*ast.Ident); ok {
				v, _ := p.TypesInfo.Uses[id].(*types.Var)
				closure = closures[v] != nil
			}
			if closure {
				state := state.Obj().Name()
				why := "cannot be traced, nor sent to another node"
				if s.own >= 0 {
					why = "has no name that a trace could show"
				}
				p.complain(arg.Pos(), "a closure given to "+shortName(fn)+" "+why+"; make it a method of "+state+", name it (*"+state+
					").…, and give what it captures as its argument, or keep it in the state", call.Pos())
			}
		}
	}
}
