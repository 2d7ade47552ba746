package vet

import (
	"go/ast"
	"go/types"
)

const strangerDoc = `find methods of another type given to what acts for the running process

process.After, Every, Monitor and Bind, pubsub.Subscribe and their like act for the
process whose context they are given, and take one of its own methods. With a method of
another type they fail with process.ErrNotHere, and process.Self is empty. Tests are left alone: what is wrong in them, shows.`

func stranger(p *pkg) {
	for c := range p.root.Preorder((*ast.CallExpr)(nil)) {
		call := c.Node().(*ast.CallExpr)
		fn, name := p.callee(call)
		if fn == nil || len(call.Args) == 0 || p.inTest(call.Pos()) {
			continue
		}
		s := shapeOf(fn)
		if s == nil || s.own < 0 {
			continue
		}
		given, ok := types.Unalias(p.typeArg(name, s.own)).(*types.Named)
		here := p.ownerOf(call.Args[0])
		if !ok || here == nil || given.Obj() == here {
			continue
		}
		state := types.TypeString(given, types.RelativeTo(p.Pkg))
		at := call.Args[0].Pos()
		for i, arg := range call.Args {
			if s.param(i).role == method {
				at = arg.Pos()
			}
		}
		if at == call.Args[0].Pos() {
			p.complain(at, shortName(fn)+"["+state+"] is empty here, in a process of "+here.Name()+"; give that process's address on to where it is needed", call.Pos())
			continue
		}
		p.complain(at, shortName(fn)+" is for this process, one of "+here.Name()+", and fails with process.ErrNotHere for a method of "+state+
			"; name a method of "+here.Name()+", or send the other process a message and let it ask for itself", call.Pos())
	}
}
