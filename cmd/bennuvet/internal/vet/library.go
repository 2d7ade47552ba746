package vet

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

const (
	bennu   = "github.com/bennu-go/bennu"
	process = bennu + "/process"
)

// role is what a parameter of one of bennu's functions is for.
type role uint8

const (
	other   role = iota
	method       // func(*S, context.Context, …): a method of a process
	open         // func(context.Context, …) (*S, error): a constructor
	helper       // a function that runs beside the process
	inline       // func(context.Context, …) (Out, error), whose Out is waited for
	cargo        // of a type parameter's own type: it travels
	address      // of an S
)

type param struct {
	role  role
	state int // which type parameter is S; -1: none
}

// shape is what a function of bennu's does with processes.
type shape struct {
	params   []param
	variadic bool
	own      int // which type parameter is the state of the process whose context is given; -1: none
}

func (s *shape) param(i int) param {
	if s.variadic {
		i = min(i, len(s.params)-1)
	}
	if i >= len(s.params) {
		return param{other, -1}
	}
	return s.params[i]
}

func (s *shape) has(r role) bool {
	return slices.ContainsFunc(s.params, func(p param) bool { return p.role == r })
}

// shapeOf gives nil where fn is none of bennu's.
func shapeOf(fn *types.Func) *shape {
	if fn.Pkg() == nil || !ours(fn.Pkg()) {
		return nil
	}
	sig := fn.Signature()
	in := sig.Params()
	s := &shape{variadic: sig.Variadic(), own: -1}
	for i := range in.Len() {
		t := in.At(i).Type()
		last := s.variadic && i == in.Len()-1
		if last {
			t = t.(*types.Slice).Elem()
		}
		p := paramOf(t)
		switch {
		case p.role == address && last:
			p.role = other // an option
		case p.role == helper || p.role == other:
			p.role = besideOr(p.role, fn, t)
		}
		s.params = append(s.params, p)
	}
	if in.Len() == 0 || !isContext(in.At(0).Type()) || s.has(address) {
		return s
	}
	for _, p := range s.params {
		if p.role == method {
			s.own = p.state
		}
	}
	if in.Len() == 1 && sig.Results().Len() > 0 { // Self
		s.own = stateOfAddress(sig.Results().At(0).Type())
	}
	return s
}

// besideOr tells what runs beside the process from what is called at once, for a
// parameter that is a function.
func besideOr(r role, fn *types.Func, t types.Type) role {
	sig, ok := t.Underlying().(*types.Signature)
	if !ok || fn.Signature().Recv() != nil {
		return other
	}
	out := fn.Signature().Results()
	if r == other { // a callback, until the function that is returned is called
		if out.Len() > 0 && types.Identical(out.At(0).Type(), types.NewSignatureType(nil, nil, nil, nil, nil, false)) {
			return helper
		}
		return other
	}
	for _, home := range []string{"/process", "/task", "/web"} {
		if pathOf(fn.Pkg()) != bennu+home {
			continue
		}
		for v := range sig.Results().Variables() {
			if _, ok := v.Type().(*types.TypeParam); ok && out.Len() > 0 && types.Identical(v.Type(), out.At(0).Type()) {
				return inline
			}
		}
		return helper
	}
	return other
}

func paramOf(t types.Type) param {
	if of := stateOfAddress(t); of >= 0 {
		return param{address, of}
	}
	if _, ok := t.(*types.TypeParam); ok {
		return param{cargo, -1}
	}
	sig, ok := t.Underlying().(*types.Signature)
	if !ok {
		return param{other, -1}
	}
	in, out := sig.Params(), sig.Results()
	if in.Len() >= 2 && isContext(in.At(1).Type()) {
		if of := pointedTo(in.At(0).Type()); of >= 0 {
			return param{method, of}
		}
	}
	if in.Len() >= 1 && isContext(in.At(0).Type()) {
		if out.Len() == 2 {
			if of := pointedTo(out.At(0).Type()); of >= 0 {
				return param{open, of}
			}
		}
		return param{helper, -1}
	}
	return param{other, -1}
}

// pointedTo is S for *S, a type parameter.
func pointedTo(t types.Type) int {
	if ptr, ok := types.Unalias(t).(*types.Pointer); ok {
		if tp, ok := types.Unalias(ptr.Elem()).(*types.TypeParam); ok {
			return tp.Index()
		}
	}
	return -1
}

// stateOfAddress is S for Ref[S], Name[S] and the like.
func stateOfAddress(t types.Type) int {
	n, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return -1
	}
	if i := stateParam(n.Obj()); i >= 0 && n.TypeArgs() != nil {
		if tp, ok := types.Unalias(n.TypeArgs().At(i)).(*types.TypeParam); ok {
			return tp.Index()
		}
	}
	return -1
}

// stateParam is which type parameter of a type of bennu's is a state; -1: none. All are
// called S, and nothing else is.
func stateParam(t *types.TypeName) int {
	n, ok := types.Unalias(t.Type()).(*types.Named)
	if !ok || t.Pkg() == nil || !ours(t.Pkg()) {
		return -1
	}
	for i := range n.TypeParams().Len() {
		if n.TypeParams().At(i).Obj().Name() == "S" {
			return i
		}
	}
	return -1
}

func isContext(t types.Type) bool { return isNamed(t, "context", "Context") }

func isNamed(t types.Type, path, name string) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Pkg() != nil && pathOf(n.Obj().Pkg()) == path && n.Obj().Name() == name
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }

func ours(p *types.Package) bool {
	rest, ok := strings.CutPrefix(pathOf(p), bennu)
	return ok && (rest == "" || rest[0] == '/')
}

// pathOf leaves out what go vet adds for a package that is compiled for a test.
func pathOf(p *types.Package) string {
	path, _, _ := strings.Cut(p.Path(), " ")
	return path
}

// fullName is as in "time.AfterFunc", or "" for a method.
func fullName(fn *types.Func) string {
	if fn.Pkg() == nil || fn.Signature().Recv() != nil {
		return ""
	}
	return pathOf(fn.Pkg()) + "." + fn.Name()
}

// callee is the function or method that is called by its name, not instantiated, with
// the name.
func (p *pkg) callee(call *ast.CallExpr) (*types.Func, *ast.Ident) { return p.named(call.Fun) }

// named is the function or method that an expression names.
func (p *pkg) named(e ast.Expr) (*types.Func, *ast.Ident) {
	e = ast.Unparen(e)
	switch i := e.(type) {
	case *ast.IndexExpr:
		e = i.X
	case *ast.IndexListExpr:
		e = i.X
	}
	var id *ast.Ident
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		id = e
	case *ast.SelectorExpr:
		id = e.Sel
	default:
		return nil, nil
	}
	fn, ok := p.TypesInfo.Uses[id].(*types.Func)
	if !ok {
		return nil, nil
	}
	return fn.Origin(), id
}

// typeArg is what a type parameter of the function that is called stands for.
func (p *pkg) typeArg(name *ast.Ident, i int) types.Type {
	if args := p.TypesInfo.Instances[name].TypeArgs; i >= 0 && args != nil && i < args.Len() {
		return args.At(i)
	}
	return nil
}
