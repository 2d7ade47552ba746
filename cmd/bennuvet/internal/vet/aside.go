package vet

import (
	"go/ast"
	"go/types"
	"strings"

	"golang.org/x/tools/go/ast/edge"
	"golang.org/x/tools/go/ast/inspector"
)

// aside says what runs a function literal or a method value outside of the goroutine that
// makes it, or "".
func (p *pkg) aside(c inspector.Cursor) string {
	if lit, ok := c.Node().(*ast.FuncLit); ok && isHTTPHandler(p.TypesInfo.TypeOf(lit)) {
		return "an http handler"
	}
	packed := false // into another value
	for ; ; c = c.Parent() {
		switch at, i := c.ParentEdge(); at {
		case edge.ParenExpr_X:
		case edge.CompositeLit_Elts, edge.KeyValueExpr_Value, edge.UnaryExpr_X:
			packed = true
		case edge.SendStmt_Value:
			return "whoever receives it"
		case edge.CallExpr_Fun:
			if kind, _ := c.Parent().ParentEdge(); kind == edge.GoStmt_Call {
				return "a go statement"
			}
			return ""
		case edge.CallExpr_Args:
			call := c.Parent().Node().(*ast.CallExpr)
			if kind, _ := c.Parent().ParentEdge(); kind == edge.GoStmt_Call {
				return "a go statement"
			}
			if t := p.TypesInfo.Types[call.Fun]; t.IsType() {
				if name := kindOfService(t.Type); name != "" {
					return name
				}
				continue // a conversion
			}
			return p.asideArg(call, i, packed)
		default:
			return ""
		}
	}
}

func (p *pkg) asideArg(call *ast.CallExpr, i int, packed bool) string {
	fn, _ := p.callee(call)
	if fn == nil {
		return ""
	}
	switch fullName(fn) {
	case "time.AfterFunc", "context.AfterFunc":
		return shortName(fn)
	}
	s := shapeOf(fn)
	if s == nil {
		return ""
	}
	switch s.param(i).role {
	case helper:
		if !packed {
			return shortName(fn)
		}
	case cargo:
		return "whoever gets it from " + shortName(fn)
	}
	return ""
}

// kindOfService is for a type of bennu's that is a function of a context.
func kindOfService(t types.Type) string {
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil {
		return ""
	}
	if isNamed(t, "net/http", "HandlerFunc") {
		return "an http handler"
	}
	sig, ok := n.Underlying().(*types.Signature)
	if ok && ours(n.Obj().Pkg()) && sig.Params().Len() == 1 && isContext(sig.Params().At(0).Type()) {
		return n.Obj().Pkg().Name() + "." + n.Obj().Name()
	}
	return ""
}

func isHTTPHandler(t types.Type) bool {
	sig, ok := t.(*types.Signature)
	if !ok || sig.Params().Len() != 2 || sig.Results().Len() != 0 {
		return false
	}
	r, ok := types.Unalias(sig.Params().At(1).Type()).(*types.Pointer)
	return ok && isNamed(sig.Params().At(0).Type(), "net/http", "ResponseWriter") && isNamed(r.Elem(), "net/http", "Request")
}

// shortName is as in "process.Go", or "Reply.Send" for a method.
func shortName(fn *types.Func) string {
	if recv := fn.Signature().Recv(); recv != nil {
		t := types.TypeString(recv.Type(), func(*types.Package) string { return "" })
		t, _, _ = strings.Cut(strings.TrimPrefix(t, "*"), "[")
		return t + "." + fn.Name()
	}
	return fn.Pkg().Name() + "." + fn.Name()
}
