// Package js holds bennu's browser client: one ES module without dependencies, which a
// program serves from its own binary. It works in Node and Deno as well.
//
//	router.Handle("GET /bennu.js", web.Static(js.Files()))
//
// Its types are beside it in bennu.d.ts, for those who write TypeScript.
package js

import (
	"embed"
	"io/fs"
)

//go:embed bennu.js bennu.d.ts
var files embed.FS

// Files is a tree of two files, bennu.js and bennu.d.ts.
func Files() fs.FS { return files }
