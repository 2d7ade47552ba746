package vet

import (
	"go/ast"
	"go/token"
)

const bareDoc = `find go statements in a process

Nobody owns such a goroutine, and if it panics, the whole program ends. process.Go starts
one that belongs to the process: its panic is a crash of the process, which waits for it
before it ends. In tests goroutines are allowed.`

func bare(p *pkg) {
	for c := range p.root.Preorder((*ast.GoStmt)(nil), (*ast.CallExpr)(nil)) {
		pos := token.NoPos
		switch n := c.Node().(type) {
		case *ast.GoStmt:
			pos = n.Pos()
		case *ast.CallExpr: // (*sync.WaitGroup).Go
			fn, name := p.callee(n)
			if fn != nil && fn.Pkg() != nil && fn.Pkg().Path() == "sync" && shortName(fn) == "WaitGroup.Go" {
				pos = name.Pos()
			}
		}
		if s := p.within(c); pos.IsValid() && s != nil && !p.inTest(pos) {
			p.complainf(pos, "a bare goroutine in a process of %s: if it panics, the whole program ends; start it with process.Go(ctx, func(ctx context.Context) error { … })", s.of.Name())
		}
	}
}
