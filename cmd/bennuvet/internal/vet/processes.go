package vet

import (
	"go/ast"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
)

// processes is which types are the state of a process, and what runs in one.
type processes struct {
	root     inspector.Cursor
	states   map[*types.TypeName]bool
	decls    map[*types.Func]*ast.FuncDecl
	scopes   map[ast.Node]*scope // by *ast.FuncDecl or *ast.FuncLit
	contexts contexts
}

// scope is a function that runs in a process.
type scope struct {
	of          *types.TypeName // the process's state
	body        *ast.BlockStmt
	constructor bool
	context     *types.Var // or nil
}

func (p *pkg) findProcesses() {
	p.processes = &processes{
		root:   p.ResultOf[inspect.Analyzer].(*inspector.Inspector).Root(),
		states: make(map[*types.TypeName]bool),
		decls:  make(map[*types.Func]*ast.FuncDecl),
		scopes: make(map[ast.Node]*scope),
	}
	for c := range p.root.Preorder((*ast.FuncDecl)(nil)) {
		d := c.Node().(*ast.FuncDecl)
		if fn, ok := p.TypesInfo.Defs[d.Name].(*types.Func); ok && d.Body != nil {
			p.decls[fn] = d
		}
	}
	p.findStates()
	p.findScopes()
	p.findContexts()
}

func (p *pkg) findStates() {
	add := func(t types.Type) {
		if n, ok := types.Unalias(t).(*types.Named); ok && n.Obj().Pkg() == p.Pkg {
			p.states[n.Obj()] = true
		}
	}
	for id, instance := range p.TypesInfo.Instances {
		switch obj := p.TypesInfo.Uses[id].(type) {
		case *types.TypeName:
			if i := stateParam(obj); i >= 0 {
				add(instance.TypeArgs.At(i))
			}
		case *types.Func:
			s := shapeOf(obj.Origin())
			if s == nil {
				continue
			}
			for _, param := range s.params {
				add(p.typeArg(id, param.state))
			}
			add(p.typeArg(id, s.own))
		}
	}
	if !slices.ContainsFunc(p.Pkg.Imports(), func(i *types.Package) bool { return pathOf(i) == process }) {
		return
	}
	for fn := range p.decls {
		in, out := fn.Signature().Params(), fn.Signature().Results()
		if fn.Name() == "Terminate" && fn.Signature().Recv() != nil && in.Len() == 2 && out.Len() == 0 &&
			isContext(in.At(0).Type()) && isError(in.At(1).Type()) { // a process.Reason is an error
			if ptr, ok := types.Unalias(fn.Signature().Recv().Type()).(*types.Pointer); ok {
				add(ptr.Elem())
			}
		}
	}
}

// stateOf is the state that a pointer type leads to, or nil.
func (p *pkg) stateOf(t types.Type) *types.TypeName {
	if ptr, ok := types.Unalias(t).(*types.Pointer); ok {
		if n, ok := types.Unalias(ptr.Elem()).(*types.Named); ok && p.states[n.Obj()] {
			return n.Obj()
		}
	}
	return nil
}

func (p *pkg) findScopes() {
	for fn, d := range p.decls {
		sig := fn.Signature()
		switch {
		case sig.Recv() != nil && isHandler(fn):
			p.addScope(d, p.stateOf(sig.Recv().Type()), false)
		case sig.Recv() == nil && sig.Params().Len() > 0 && isContext(sig.Params().At(0).Type()):
			p.addScope(d, p.opened(sig), true)
		}
	}
	for c := range p.root.Preorder((*ast.CallExpr)(nil), (*ast.FuncLit)(nil)) {
		switch n := c.Node().(type) {
		case *ast.FuncLit:
			if sig, ok := p.TypesInfo.TypeOf(n).(*types.Signature); ok && sig.Params().Len() == 1 && isContext(sig.Params().At(0).Type()) {
				p.addScope(n, p.opened(sig), true)
			}
		case *ast.CallExpr:
			fn, name := p.callee(n)
			if fn == nil {
				continue
			}
			s := shapeOf(fn)
			if s == nil {
				continue
			}
			for i, arg := range n.Args {
				param := s.param(i)
				if param.role != method && param.role != open {
					continue
				}
				state := p.typeArg(name, param.state)
				if state != nil {
					p.addGiven(arg, p.stateOf(types.NewPointer(state)), param.role == open)
				}
			}
		}
	}
	p.followCalls()
}

// addGiven makes a scope of a function that is given to a verb.
func (p *pkg) addGiven(e ast.Expr, of *types.TypeName, constructor bool) {
	if lit, ok := ast.Unparen(e).(*ast.FuncLit); ok {
		p.addScope(lit, of, constructor)
		return
	}
	if fn, _ := p.named(e); fn != nil && p.decls[fn] != nil {
		p.addScope(p.decls[fn], of, constructor)
	}
}

func (p *pkg) addScope(n ast.Node, of *types.TypeName, constructor bool) (added bool) {
	if of == nil || p.scopes[n] != nil {
		return false
	}
	s := &scope{of: of, constructor: constructor}
	var params *ast.FieldList
	switch n := n.(type) {
	case *ast.FuncDecl:
		s.body, params = n.Body, n.Type.Params
	case *ast.FuncLit:
		s.body, params = n.Body, n.Type.Params
	}
	for _, field := range params.List {
		for _, name := range field.Names {
			if v, ok := p.TypesInfo.Defs[name].(*types.Var); ok && s.context == nil && isContext(v.Type()) {
				s.context = v
			}
		}
	}
	p.scopes[n] = s
	return true
}

// opened is the state for a function that returns (*S, error).
func (p *pkg) opened(sig *types.Signature) *types.TypeName {
	if r := sig.Results(); r.Len() == 2 && isError(r.At(1).Type()) {
		return p.stateOf(r.At(0).Type())
	}
	return nil
}

// isHandler is for func(ctx, In) (Out, error), either left out, and Terminate. Serve is
// a supervisor.Service's, which runs outside of the process.
func isHandler(fn *types.Func) bool {
	in, out := fn.Signature().Params(), fn.Signature().Results()
	if in.Len() < 1 || in.Len() > 2 || !isContext(in.At(0).Type()) || fn.Name() == "Serve" {
		return false
	}
	switch out.Len() {
	case 0:
		return fn.Name() == "Terminate"
	case 1, 2:
		return isError(out.At(out.Len() - 1).Type())
	}
	return false
}

// followCalls adds the methods of the same state that what runs in a process calls.
func (p *pkg) followCalls() {
	var todo []*scope
	for _, s := range p.scopes {
		todo = append(todo, s)
	}
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		ast.Inspect(s.body, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if fn, _ := p.callee(call); fn != nil && fn.Signature().Recv() != nil && p.decls[fn] != nil &&
					p.stateOf(fn.Signature().Recv().Type()) == s.of && p.addScope(p.decls[fn], s.of, false) {
					todo = append(todo, p.scopes[p.decls[fn]])
				}
			}
			return true
		})
	}
}

// within is the innermost scope around a node, or nil.
func (p *pkg) within(c inspector.Cursor) *scope {
	for up := range c.Enclosing((*ast.FuncDecl)(nil), (*ast.FuncLit)(nil)) {
		if s := p.scopes[up.Node()]; s != nil {
			return s
		}
	}
	return nil
}
