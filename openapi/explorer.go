package openapi

import (
	"embed"
	"html"
	"io/fs"
	"net/http"
	"strings"

	"github.com/bennu-go/bennu/web"
)

//go:embed explorer
var explorer embed.FS

// Explorer is a page to read the document at an address, and to try the operations with
// what the browser is logged in as. Mount it:
//
//	router.Mount("/docs", openapi.Explorer("/openapi.json"))
//
// A relative address, as in "../openapi.json", is taken from the page. The page is whole:
// it loads its script and its style from below itself, and works under the policy
// "default-src 'self'". An API on another origin has to be let in by connect-src.
func Explorer(document string) http.Handler {
	tree, err := fs.Sub(explorer, "explorer")
	if err != nil {
		panic("openapi: " + err.Error()) // the tree is in the binary
	}
	assets := web.Static(tree)
	text, err := fs.ReadFile(tree, "index.html")
	if err != nil {
		panic("openapi: " + err.Error())
	}
	page := makeOf([]byte(strings.NewReplacer(
		"{document}", html.EscapeString(document),
		"{style}", strings.TrimPrefix(assets.URL("", "explorer.css"), "/"),
		"{script}", strings.TrimPrefix(assets.URL("", "explorer.js"), "/"),
	).Replace(string(text))))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" || r.URL.Path == "" {
			page.serve(w, r, "text/html; charset=utf-8")
			return
		}
		assets.ServeHTTP(w, r)
	})
}
