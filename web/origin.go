package web

import (
	"fmt"
	"net/http"

	"github.com/bennu-go/bennu/fault"
)

// CrossOrigin makes a plug that refuses with 403 what a page of another origin makes
// a browser send, if its method may change something (all but GET, HEAD and
// OPTIONS). It needs no tokens: browsers say in Sec-Fetch-Site or Origin where a
// request comes from, and programs that are no browsers say nothing and pass. Pages
// of the trusted origins, as in "https://admin.example.com", may send anything. See
// [http.CrossOriginProtection].
func CrossOrigin(trusted ...string) Plug {
	check := protection("CrossOrigin", trusted)
	return guard(func(r *http.Request) bool { return check.Check(r) == nil })
}

// SameSite makes a plug like [CrossOrigin] for doors where a GET changes something,
// as a websocket upgrade does: it refuses whatever the browser says to be
// cross-site, with any method, also links from other sites. Browsers that say no
// more than an Origin are held to it.
func SameSite(trusted ...string) Plug {
	check := protection("SameSite", trusted)
	return guard(func(r *http.Request) bool {
		switch r.Header.Get("Sec-Fetch-Site") {
		case "cross-site", "":
			unsafe := *r
			unsafe.Method = http.MethodPost
			r = &unsafe
		}
		return check.Check(r) == nil
	})
}

func protection(plug string, trusted []string) *http.CrossOriginProtection {
	check := http.NewCrossOriginProtection()
	for _, origin := range trusted {
		if err := check.AddTrustedOrigin(origin); err != nil {
			panic(fmt.Sprintf("web: %s: %v", plug, err))
		}
	}
	return check
}

var errForeignPage = fault.Forbidden.Errorf("a page of another site may not do this")

func guard(pass func(*http.Request) bool) Plug {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !pass(r) {
				Problem(w, r, errForeignPage)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}
