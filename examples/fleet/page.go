package main

import (
	"context"
	"embed"
	"io/fs"
	"net/http"
	"time"

	js "github.com/bennu-go/bennu/client/js"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/view"
	"github.com/bennu-go/bennu/web"
)

var (
	//go:embed page/*.js page/*.css
	pageFiles embed.FS
	//go:embed page/*.html
	pages embed.FS
)

const (
	Index     view.Page[indexPage] = "index"
	LoginPage view.Page[loginPage] = "login"
)

type indexPage struct {
	Agency, User string
	Demo         bool
}

type loginPage struct{ Name, Wrong string }

// Site is what the page and the API stand on.
type Site struct {
	opts     options
	store    Store
	door     Door
	replay   *Replay
	sessions *web.Sessions
}

// routes are the doors of HTTP.
func (s *Site) routes(socket *channel.Socket) http.Handler {
	templates, files := folder(pages), folder(pageFiles)
	views, err := view.Load(templates)
	if err == nil {
		err = views.Check(Index, LoginPage)
	}
	if err != nil {
		panic(err) // they are in the binary
	}
	router := web.NewRouter(web.SecureHeaders("default-src 'self'; img-src 'self' data:"), web.CrossOrigin())
	router.Handle("GET /bennu.js", web.Static(js.Files()))
	router.Handle("GET /socket.d.ts", channel.TypeScript(socket))
	router.Handle("GET /{file}", web.Static(files))

	osm := router.Scope("/osmand", web.Quiet, web.SameSite(), web.MaxBody(64<<10), s.door.key.plug)
	osm.HandleFunc("GET", osmand)
	osm.HandleFunc("POST", osmand)

	// Here it matters who asks.
	people := router.Scope("", s.sessions.Plug, views.Plug)
	people.Mount("/socket", socket)
	people.Handle("GET /{$}", web.Page(s.index))
	people.Handle("GET /login", web.Page(loginForm))
	people.Handle("POST /logout", web.Page(logOut))
	guesses := web.RateLimit{Requests: 10, Per: time.Minute}
	people.Handle("POST /login", web.Page(s.logIn), guesses.Plug, (&web.Concurrency{Running: 2}).Plug)

	router.Handle("GET /api/health", web.JSON(health), web.Quiet)
	api := people.Scope("/api", s.door.plug)
	api.Handle("GET /units", web.JSON(allUnits))
	api.Handle("GET /units/{id}", web.JSON(oneUnit))
	api.Handle("GET /units/{id}/track", web.JSON(track(s.store)))
	api.Handle("GET /units/{id}/restarts", web.JSON(restarts))
	api.Handle("GET /reports/{id}", web.Action(s.store.reportFile))
	api.Handle("GET /agencies", web.JSON(agencies))
	api.Handle("GET /map", s.replay.streets())
	return router
}

func folder(files embed.FS) fs.FS {
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // it is in the binary
	}
	return page
}

type indexQuery struct {
	Agency string `query:"agency"`
}

// index is the dispatcher's page.
func (s *Site) index(ctx context.Context, q indexQuery) (web.View, error) {
	user, err := s.door.user(ctx)
	switch {
	case fault.Of(err) == fault.Unauthenticated:
		return web.RedirectTo("/login"), nil
	case err != nil:
		return nil, err
	case q.Agency == "" && s.replay.name != "none":
		q.Agency = s.replay.name
	case q.Agency == "":
		q.Agency = defaultAgency
	}
	return Index.View(indexPage{q.Agency, user, s.opts.demo()}), nil
}

func loginForm(context.Context, web.None) (web.View, error) { return LoginPage.View(loginPage{}), nil }

func (s *Site) logIn(ctx context.Context, c Credentials) (web.View, error) {
	u, err := s.store.LogIn(ctx, c)
	if fault.Of(err) == fault.Unauthenticated {
		return web.WithStatus(http.StatusUnprocessableEntity, LoginPage.View(loginPage{c.Name, fault.Detail(err)})), nil
	}
	if err != nil {
		return nil, err
	}
	if err := web.RenewSession(ctx); err != nil {
		return nil, err
	}
	return web.RedirectTo("/"), loggedIn.Put(ctx, Login{u.Name, u.Salt})
}

// logOut ends the session, and the connections of its user.
func logOut(ctx context.Context, _ web.None) (web.View, error) {
	login, ok := loggedIn.Get(ctx)
	if err := web.ClearSession(ctx); err != nil || !ok {
		return web.RedirectTo("/login"), err
	}
	return web.RedirectTo("/login"), channel.Disconnect(ctx, login.Name)
}
