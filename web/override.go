package web

import (
	"net/http"
	"strings"

	"github.com/bennu-go/bennu/fault"
)

// MethodOverride is a plug that lets forms, which know GET and POST only, send PUT, PATCH
// and DELETE: by a field _method of the form, or in the query of its address, which is
// the only way where files are sent. It is for the router's own plugs, for it must come
// before the route is chosen.
func MethodOverride(next http.Handler) http.Handler {
	return within(func(_ *exchange, w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		method := r.URL.Query().Get("_method")
		if method == "" {
			form, err := postForm(r)
			if err != nil {
				Problem(w, r, err)
				return
			}
			method = form.Get("_method")
		}
		switch method = strings.ToUpper(method); method {
		case "", http.MethodPost:
		case http.MethodPut, http.MethodPatch, http.MethodDelete:
			own := *r
			own.Method = method
			r = &own
		default:
			Problem(w, r, fault.Invalid.Errorf("_method must be PUT, PATCH or DELETE"))
			return
		}
		next.ServeHTTP(w, r)
	})
}
