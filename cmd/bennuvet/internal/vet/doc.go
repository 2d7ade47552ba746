// Package vet has the analyzers of bennuvet.
//
// What they share is in processes: which types of a package are the state of a process,
// and which functions run in one. A type is a state if it is the S of anything of bennu's
// (process.Name[S], supervisor.Process[S], (*S).method given to a verb), or if it has
// process.Terminator's method. In its process run
//
//   - its methods with the shape of a handler, and those given to a verb;
//   - functions and literals given to a verb, whose first parameter is the state;
//   - its constructors;
//   - methods of the state that one of these calls.
//
// Bennu's functions are known by their signatures and not from a list (library.go): a
// parameter func(*S, context.Context, …) takes a method, func(context.Context, …) (*S,
// error) a constructor, a type with a type parameter S is an address, and a function that
// gives back a func() to stop it has a callback. So new verbs are covered.
//
// Everything is seen from one package, without facts about others: a type whose name and
// tree are elsewhere is not known to be a process there. The analyzers rather miss a
// mistake than report one that is none.
package vet
