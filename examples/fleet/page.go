package main

import (
	"context"
	"crypto/subtle"
	"embed"
	"html/template"
	"io/fs"
	"net/http"

	js "github.com/bennu-go/bennu/client/js"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web"
)

var (
	//go:embed page/*.js page/*.css
	pageFiles embed.FS
	//go:embed page/index.html
	indexFile string
)

// routes are the doors of HTTP.
func routes(opts options, store Store, socket *channel.Socket, replay *Replay, door keyed) http.Handler {
	router := web.NewRouter(web.SecureHeaders("default-src 'self'; img-src 'self' data:"))

	osm := router.Scope("/osmand", web.Quiet, web.SameSite(), web.MaxBody(64<<10), door.plug)
	osm.HandleFunc("GET", osmand)
	osm.HandleFunc("POST", osmand)

	api := router.Scope("/api")
	api.Handle("GET /health", web.JSON(health), web.Quiet)
	api.Handle("GET /units", web.JSON(allUnits), door.plug)
	api.Handle("GET /units/{id}", web.JSON(oneUnit), door.plug)
	api.Handle("GET /units/{id}/track", web.JSON(track(store)), door.plug)
	api.Handle("GET /units/{id}/restarts", web.JSON(restarts), door.plug)
	api.Handle("GET /agencies", web.JSON(agencies), door.plug)
	api.Handle("GET /map", replay.streets(), door.plug)

	router.Mount("/socket", socket)
	router.Handle("GET /socket.d.ts", channel.TypeScript(socket))
	router.Handle("GET /bennu.js", web.Static(js.Files()))
	router.HandleFunc("GET /{$}", page(opts, replay, door))
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // it is in the binary
	}
	router.Handle("GET /{file}", web.Static(files))
	return router
}

// page renders the dispatcher's page. The key goes into it only as it came in the
// address.
func page(opts options, replay *Replay, door keyed) http.HandlerFunc {
	index := template.Must(template.New("index").Parse(indexFile))
	return func(w http.ResponseWriter, r *http.Request) {
		key, agency := r.URL.Query().Get("key"), r.URL.Query().Get("agency")
		if !door.fits(key) {
			web.Problem(w, r, fault.Forbidden.Errorf("this fleet wants a key: open /?key=…"))
			return
		}
		switch {
		case agency == "" && replay.name != "none":
			agency = replay.name
		case agency == "":
			agency = defaultAgency
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		err := index.Execute(w, map[string]any{"Demo": opts.demo(), "Agency": agency, "Key": key})
		if err != nil {
			telemetry.Log(r.Context()).Debug("the page could not be sent", "error", err)
		}
	}
}

// keyed is what a door asks for; "" asks for nothing.
type keyed string

// fits compares in a time that tells nothing about the key.
func (k keyed) fits(given string) bool {
	return k == "" || subtle.ConstantTimeCompare([]byte(k), []byte(given)) == 1
}

// connect is for the socket. Who comes by UDP has signed with the key.
func (k keyed) connect(_ context.Context, p *channel.Peer) error {
	if p.Transport == "udp" {
		return nil
	}
	return k.check(p.Params.Get("key"))
}

const minKey = 16

// deviceKey gives devices' keys, which are all the same; nil if there is none.
func (k keyed) deviceKey() func(context.Context, string) ([]byte, error) {
	if k == "" {
		return nil
	}
	return func(context.Context, string) ([]byte, error) { return []byte(k), nil }
}

func (k keyed) check(given string) error {
	if !k.fits(given) {
		return fault.Forbidden.Errorf("the key is missing or wrong; send it as key=…")
	}
	return nil
}

// plug reads the query and the form, and asks for the key in either.
func (k keyed) plug(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			telemetry.Count(r.Context(), "fleet.forms.refused", 1)
			web.Problem(w, r, fault.Invalid.Wrap(err, "the query or the form cannot be read"))
			return
		}
		if err := k.check(r.Form.Get("key")); err != nil {
			telemetry.Count(r.Context(), "fleet.keys.refused", 1)
			web.Problem(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}
