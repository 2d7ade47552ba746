package form

import (
	"embed"
	"io/fs"
)

//go:embed form.css
var style embed.FS

// Style is a tree of one file, form.css: a stylesheet to begin with, for web.Static. It
// is about what is in the class "form", follows the page's color-scheme, and gives way to
// any rule of the page's own.
func Style() fs.FS { return style }
