package web

import (
	"net/http"
	"strings"

	"github.com/jinzhu/inflection"
)

// Resource is the usual routes of one kind of thing. What is nil has no route.
//
//	| field  | route                       |
//	|--------|-----------------------------|
//	| Index  | GET /users                  |
//	| New    | GET /users/new              |
//	| Create | POST /users                 |
//	| Show   | GET /users/{id}             |
//	| Edit   | GET /users/{id}/edit        |
//	| Update | PATCH and PUT /users/{id}   |
//	| Delete | DELETE /users/{id}          |
type Resource struct {
	Index, New, Create, Show, Edit, Update, Delete http.Handler
}

// Resources wires a resource below prefix, as in "/users". It gives the scope of what
// belongs to one of them, with its id under the name in singular:
//
//	users := router.Resources("/users", web.Resource{Index: …, Show: …})
//	users.Resources("/posts", web.Resource{Show: …}) // GET /users/{user_id}/posts/{id}
func (rt *Router) Resources(prefix string, of Resource, plugs ...Plug) *Router {
	all := rt.Scope(prefix, plugs...)
	for _, r := range []struct {
		pattern string
		h       http.Handler
	}{
		{"GET", of.Index},
		{"GET /new", of.New},
		{"POST", of.Create},
		{"GET /{id}", of.Show},
		{"GET /{id}/edit", of.Edit},
		{"PATCH /{id}", of.Update},
		{"PUT /{id}", of.Update},
		{"DELETE /{id}", of.Delete},
	} {
		if r.h != nil {
			all.Handle(r.pattern, r.h)
		}
	}
	name := prefix[strings.LastIndexByte(prefix, '/')+1:]
	return all.Scope("/{" + strings.ReplaceAll(inflection.Singular(name), "-", "_") + "_id}")
}
