package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/bennu-go/bennu/fault"
)

// BasicAuth makes a plug that wants a name and a password, which browsers ask for in a
// window of their own. Check says whether they fit: compare in a time that tells nothing,
// as [crypto/subtle.ConstantTimeCompare] and password hashes do. It may put who it is
// under a [Key]. Use it with HTTPS only.
func BasicAuth(realm string, check func(ctx context.Context, user string, password fault.Secret) error) Plug {
	if check == nil || strings.ContainsAny(realm, "\"\\\r\n") {
		panic(fmt.Sprintf("web: BasicAuth: want a check, and a realm without quotes, not %q", realm))
	}
	return func(next http.Handler) http.Handler {
		return within(func(_ *exchange, w http.ResponseWriter, r *http.Request) {
			user, password, ok := r.BasicAuth()
			err := fault.Unauthenticated.Errorf("this address wants a name and a password")
			if ok {
				err = check(r.Context(), user, fault.NewSecret(password))
			}
			if err != nil {
				if fault.Of(err) == fault.Unauthenticated {
					w.Header().Set("WWW-Authenticate", `Basic realm="`+realm+`", charset="UTF-8"`)
				}
				Problem(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}
