package main

import (
	"embed"
	"io/fs"
	"net/http"

	js "github.com/bennu-go/bennu/client/js"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/web"
)

//go:embed page
var pageFiles embed.FS

func routes(socket *channel.Socket) http.Handler {
	router := web.NewRouter(web.SecureHeaders("default-src 'self'; img-src 'self' data:"))
	router.Mount("/socket", socket)
	router.Handle("GET /socket.d.ts", channel.TypeScript(socket))
	router.Handle("GET /bennu.js", web.Static(js.Files()))
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // it is in the binary
	}
	router.Handle("GET /{$}", web.Static(files))
	router.Handle("GET /{file}", web.Static(files))
	return router
}
