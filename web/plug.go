package web

import (
	"fmt"
	"net/http"
)

// Plug is a step on the way to a handler: it is given the next one, and gives one
// that acts before it, after it or in its place. It is an alias, so every Go
// middleware is a plug.
type Plug = func(http.Handler) http.Handler

// Chain puts plugs before a handler. The first plug is the outermost: it sees the
// request first and the answer last. It panics on a nil handler or plug.
func Chain(h http.Handler, plugs ...Plug) http.Handler {
	if h == nil {
		panic("web: the handler is nil")
	}
	for i := len(plugs) - 1; i >= 0; i-- {
		if plugs[i] == nil {
			panic(fmt.Sprintf("web: plug %d of %d is nil", i+1, len(plugs)))
		}
		if h = plugs[i](h); h == nil {
			panic(fmt.Sprintf("web: plug %d of %d gave no handler", i+1, len(plugs)))
		}
	}
	return h
}
