// Bennuvet finds mistakes that the compiler cannot: a bare goroutine in a process, state
// that is used outside of it, a method of somebody else's, a closure where a method is
// meant, a context that is kept.
//
// Add it to a module, and run it as a part of go vet:
//
//	go get -tool github.com/bennu-go/bennu/cmd/bennuvet
//	go vet -vettool=$(go tool -n bennuvet) ./...
//
// It also runs by itself, as go tool bennuvet ./..., and go tool bennuvet help lists what
// it finds. The guide docs/guides/vet.md has an example of each. A finding can be switched
// off, as with -literal=false, and a line be excused with a comment that says why:
//
//	go warm(cache) //bennu:ok it recovers from its panics, and ends by itself
package main
