// Package js holds bennu's browser client: one ES module without dependencies, which a
// program serves from its own binary.
//
//	router.Handle("GET /bennu.js", web.Static(js.Files()))
package js

import (
	"embed"
	"io/fs"
)

//go:embed bennu.js
var files embed.FS

// Files is a tree of one file, bennu.js.
func Files() fs.FS { return files }
