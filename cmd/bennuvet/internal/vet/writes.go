package vet

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ast/inspector"
)

// writes is which fields of states change after the constructor. The others may be read
// from anywhere.
type writes struct {
	fields map[*types.Var]bool
	whole  map[*types.TypeName]bool // all its fields
	fresh  map[*types.Var]bool      // local variables that hold what was just made
}

func (p *pkg) findWrites() {
	p.writes = &writes{make(map[*types.Var]bool), make(map[*types.TypeName]bool), make(map[*types.Var]bool)}
	p.findFresh()
	nodes := []ast.Node{(*ast.AssignStmt)(nil), (*ast.IncDecStmt)(nil), (*ast.RangeStmt)(nil), (*ast.UnaryExpr)(nil), (*ast.CallExpr)(nil)}
	for c := range p.root.Preorder(nodes...) {
		switch n := c.Node().(type) {
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				p.addWrite(c, l)
			}
		case *ast.IncDecStmt:
			p.addWrite(c, n.X)
		case *ast.RangeStmt:
			p.addWrite(c, n.Key)
			p.addWrite(c, n.Value)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				p.addWrite(c, n.X)
			}
		case *ast.CallExpr:
			p.addCall(c, n)
		}
	}
}

func (p *pkg) findFresh() {
	made := func(e ast.Expr) bool {
		e = ast.Unparen(e)
		if and, ok := e.(*ast.UnaryExpr); ok && and.Op == token.AND {
			e = ast.Unparen(and.X)
		}
		switch e := e.(type) {
		case *ast.CompositeLit:
			return true
		case *ast.CallExpr:
			id, ok := ast.Unparen(e.Fun).(*ast.Ident)
			return ok && p.TypesInfo.Uses[id] == types.Universe.Lookup("new")
		}
		return false
	}
	for c := range p.root.Preorder((*ast.AssignStmt)(nil), (*ast.ValueSpec)(nil)) {
		switch n := c.Node().(type) {
		case *ast.AssignStmt:
			for i, l := range n.Lhs {
				if id, ok := l.(*ast.Ident); ok && len(n.Lhs) == len(n.Rhs) && made(n.Rhs[i]) {
					if v, ok := p.TypesInfo.Defs[id].(*types.Var); ok {
						p.fresh[v] = true
					}
				}
			}
		case *ast.ValueSpec:
			for i, id := range n.Names {
				v, ok := p.TypesInfo.Defs[id].(*types.Var)
				if ok && v.Parent() != p.Pkg.Scope() && (len(n.Values) == 0 || len(n.Values) == len(n.Names) && made(n.Values[i])) {
					p.fresh[v] = true
				}
			}
		}
	}
}

// addCall is for what a call may change: the map of delete, and a value that has its
// address taken for a method.
func (p *pkg) addCall(c inspector.Cursor, call *ast.CallExpr) {
	if id, ok := ast.Unparen(call.Fun).(*ast.Ident); ok {
		if _, ok := p.TypesInfo.Uses[id].(*types.Builtin); ok && len(call.Args) > 0 && slices.Contains([]string{"clear", "copy", "delete"}, id.Name) {
			p.addWrite(c, call.Args[0])
		}
		return
	}
	e, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return
	}
	s := p.TypesInfo.Selections[e]
	if s == nil || s.Kind() != types.MethodVal {
		return
	}
	fn := s.Obj().(*types.Func)
	if _, ptr := types.Unalias(fn.Signature().Recv().Type()).(*types.Pointer); !ptr {
		return
	}
	if of := p.stateOf(s.Recv()); of != nil {
		if f, direct := rootField(s); f != nil && direct && !p.outsideConstructor(c, e.X) {
			p.fields[f] = true
		}
		return
	}
	if _, ptr := types.Unalias(s.Recv()).(*types.Pointer); !ptr {
		p.addWrite(c, e.X)
	}
}

// addWrite notes that the expression, if it is of a state, is changed at c.
func (p *pkg) addWrite(c inspector.Cursor, e ast.Expr) {
	for e != nil {
		switch x := ast.Unparen(e).(type) {
		case *ast.IndexExpr:
			if _, ptr := types.Unalias(p.TypesInfo.TypeOf(x.X)).(*types.Pointer); ptr {
				return
			}
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			if of := p.stateOf(p.TypesInfo.TypeOf(x.X)); of != nil && !p.outsideConstructor(c, x.X) {
				p.whole[of] = true
			}
			return
		case *ast.SelectorExpr:
			s := p.TypesInfo.Selections[x]
			if s == nil || s.Kind() != types.FieldVal {
				return
			}
			if p.isState(s.Recv()) {
				if f, direct := rootField(s); direct && !p.outsideConstructor(c, x.X) {
					p.fields[f] = true
				}
				return
			}
			if _, ptr := types.Unalias(s.Recv()).(*types.Pointer); ptr {
				return // of what the state points to
			}
			e = x.X
		default:
			return
		}
	}
}

func (p *pkg) isState(t types.Type) bool {
	return p.stateOf(t) != nil || p.stateOf(types.NewPointer(t)) != nil
}

// rootField is the state's own field that a selection goes through, and whether what is
// selected lies in the state itself and not behind a pointer. It is nil for a method of
// the state itself.
func rootField(s *types.Selection) (root *types.Var, direct bool) {
	t := s.Recv()
	if ptr, ok := types.Unalias(t).(*types.Pointer); ok {
		t = ptr.Elem()
	}
	path := s.Index()
	if s.Kind() != types.FieldVal {
		path = path[:len(path)-1]
	}
	for _, index := range path {
		st, ok := t.Underlying().(*types.Struct)
		if !ok {
			return root, false
		}
		f := st.Field(index)
		if root == nil {
			root = f.Origin()
		}
		t = f.Type()
	}
	if s.Kind() != types.FieldVal {
		_, ptr := t.Underlying().(*types.Pointer)
		return root, !ptr
	}
	return root, true
}

// outsideConstructor reports whether a write at c through base comes before anybody else
// can see the state: in a constructor, or to a value that was just made, or is a copy.
func (p *pkg) outsideConstructor(c inspector.Cursor, base ast.Expr) bool {
	for up := range c.Enclosing((*ast.FuncDecl)(nil), (*ast.FuncLit)(nil)) {
		if s := p.scopes[up.Node()]; s != nil {
			if s.constructor {
				return true
			}
			break
		}
		if _, ok := up.Node().(*ast.FuncLit); ok && p.aside(up) != "" {
			break
		}
	}
	id, ok := ast.Unparen(base).(*ast.Ident)
	if !ok {
		return false
	}
	v, ok := p.TypesInfo.Uses[id].(*types.Var)
	return ok && (p.fresh[v] || p.stateOf(v.Type()) == nil && v.Parent() != p.Pkg.Scope()) // not a pointer: a copy
}
