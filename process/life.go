package process

import "context"

// Life is one incarnation of a process: what a package keeps for a process goes with it.
// It can be compared.
type Life struct{ inc *incarnation }

// LifeOf gives the life of the process whose context is given. It fails with ErrNotHere for
// a context that is no process's, and with ErrDead after the end.
func LifeOf(ctx context.Context) (Life, error) {
	f := frameOf(ctx)
	switch {
	case f == nil:
		return Life{}, ErrNotHere
	case f.inc.dead.Load():
		return Life{}, ErrDead
	}
	return Life{f.inc}, nil
}

// OnEnd makes do run when the life has ended, unless release is called before. It fails
// with ErrDead where it has ended already.
func (l Life) OnEnd(do func()) (release func(), err error) {
	if l.inc == nil {
		return nil, ErrNotHere
	}
	return l.inc.hold(do)
}
