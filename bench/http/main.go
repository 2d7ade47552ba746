// Http serves the same five routes with net/http, chi, Echo or Gin, for bench/http.sh to
// compare them.
package main

import (
	"flag"
	"log"
	"net/http"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:4201", "where to listen")
	name := flag.String("server", "net", "net, chi, echo or gin")
	flag.Parse()

	servers := map[string]func() http.Handler{"net": bare, "chi": withChi, "echo": withEcho, "gin": withGin}
	handler, ok := servers[*name]
	if !ok {
		log.Fatalf("there is no server %q; there are net, chi, echo and gin", *name)
	}
	srv := &http.Server{ // the defaults of bennu's web.Endpoint
		Addr:              *addr,
		Handler:           handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	log.Fatal(srv.ListenAndServe())
}
