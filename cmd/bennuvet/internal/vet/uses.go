package vet

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/ast/edge"
	"golang.org/x/tools/go/ast/inspector"
)

// use is a place where what a process may change is read or changed.
type use struct {
	pos  token.Pos
	what string // as in "r.log"
}

// search looks for uses of the state that variables lead to, also in the methods and
// functions of the package that these are given to.
type search struct {
	*pkg
	through map[*types.Var][]use // by the parameter; also while it is being looked at
}

// usesIn gives the uses in a body through variables that are a state, in order.
func (s search) usesIn(body inspector.Cursor, state func(*types.Var) bool) (found []use) {
	for c := range body.Preorder((*ast.Ident)(nil)) {
		id := c.Node().(*ast.Ident)
		v, ok := s.TypesInfo.Uses[id].(*types.Var)
		if !ok || !state(v) {
			continue
		}
		if s.isLock(c, v) {
			return nil // it is shared on purpose
		}
		if what := s.use(c, id); what != "" {
			found = append(found, use{id.Pos(), what})
		}
	}
	return found
}

// isLock reports whether the variable at c is locked there: v.mu.Lock().
func (s search) isLock(c inspector.Cursor, v *types.Var) bool {
	field := c.Parent()
	call := field.Parent()
	if e, ok := call.Node().(*ast.SelectorExpr); ok && strings.HasSuffix(e.Sel.Name, "Lock") {
		t := s.TypesInfo.TypeOf(e.X)
		if ptr, ok := types.Unalias(t).(*types.Pointer); ok {
			t = ptr.Elem()
		}
		return isSync(t)
	}
	e, ok := field.Node().(*ast.SelectorExpr) // of an embedded one
	return ok && strings.HasSuffix(e.Sel.Name, "Lock") && s.stateOf(v.Type()) != nil && s.decls[s.methodOf(e)] == nil
}

func (s search) methodOf(e *ast.SelectorExpr) *types.Func {
	fn, ok := s.TypesInfo.Uses[e.Sel].(*types.Func)
	if !ok {
		return nil
	}
	return fn.Origin()
}

// use is what of the state is used at c, or "" where nothing is that changes.
func (s search) use(c inspector.Cursor, id *ast.Ident) string {
	for {
		if at, _ := c.ParentEdge(); at != edge.ParenExpr_X {
			break
		}
		c = c.Parent()
	}
	at, i := c.ParentEdge()
	switch parent := c.Parent().Node().(type) {
	case *ast.SelectorExpr:
		if sel := s.TypesInfo.Selections[parent]; sel != nil {
			return s.selected(id, parent, sel)
		}
	case *ast.BinaryExpr:
		if parent.Op == token.EQL || parent.Op == token.NEQ {
			return "" // the pointer alone
		}
	case *ast.AssignStmt:
		if at == edge.AssignStmt_Rhs && len(parent.Lhs) == len(parent.Rhs) && isBlank(parent.Lhs[i]) {
			return ""
		}
	case *ast.CallExpr:
		if fn, _ := s.callee(parent); at == edge.CallExpr_Args && fn != nil && s.decls[fn] != nil {
			if param := s.paramAt(parent, fn, i); param != nil {
				return s.via(id.Name, s.throughParam(fn, param))
			}
		}
	}
	return id.Name
}

// paramAt is the parameter that takes argument i of a call, or nil where that is one of
// many.
func (s search) paramAt(call *ast.CallExpr, fn *types.Func, i int) *types.Var {
	sig := fn.Signature()
	if e, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
		if sel := s.TypesInfo.Selections[e]; sel != nil && sel.Kind() == types.MethodExpr {
			if i == 0 {
				return sig.Recv()
			}
			i--
		}
	}
	last := sig.Params().Len() - 1
	if i > last || i == last && sig.Variadic() {
		return nil
	}
	return sig.Params().At(i)
}

func isBlank(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "_"
}

func (s search) selected(id *ast.Ident, e *ast.SelectorExpr, sel *types.Selection) string {
	root, _ := rootField(sel)
	what := id.Name + "." + e.Sel.Name
	if root != nil { // a field, or a method of one that is embedded
		if s.changes(s.stateOf(sel.Recv()), root) {
			return what
		}
		return ""
	}
	fn := s.methodOf(e)
	if s.decls[fn] == nil {
		return what
	}
	if _, ptr := types.Unalias(fn.Signature().Recv().Type()).(*types.Pointer); !ptr {
		return what // which copies all of it
	}
	return s.via(what, s.throughParam(fn, fn.Signature().Recv()))
}

// changes reports whether a field changes after the constructor, and is not made to be
// changed from anywhere.
func (p *pkg) changes(of *types.TypeName, f *types.Var) bool {
	return !isSync(f.Type()) && (p.fields[f] || p.whole[of])
}

// throughParam gives the uses that a function makes of a state that it is given.
func (s search) throughParam(fn *types.Func, param *types.Var) []use {
	if known, ok := s.through[param]; ok {
		return known
	}
	s.through[param] = nil
	if body, ok := s.root.FindNode(s.decls[fn].Body); ok {
		s.through[param] = s.usesIn(body, func(v *types.Var) bool { return v == param })
	}
	return s.through[param]
}

func (s search) via(what string, uses []use) string {
	if len(uses) == 0 {
		return ""
	}
	deep := uses[0].what
	if _, deeper, ok := strings.Cut(deep, " (which uses "); ok {
		deep = strings.TrimSuffix(deeper, ")")
	}
	return what + " (which uses " + deep + ")"
}

// isSync is for what several goroutines may use: the types of sync and its atomic, and
// structs with a lock of their own.
func isSync(t types.Type) bool {
	if n, ok := types.Unalias(t).(*types.Named); ok && n.Obj().Pkg() != nil {
		switch n.Obj().Pkg().Path() {
		case "sync", "sync/atomic":
			return true
		}
	}
	st, ok := t.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for f := range st.Fields() {
		if isNamed(f.Type(), "sync", "Mutex") || isNamed(f.Type(), "sync", "RWMutex") {
			return true
		}
	}
	return false
}
