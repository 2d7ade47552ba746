package main

import (
	"context"
	"embed"
	"io/fs"
	"net/http"
	"time"

	"github.com/bennu-go/bennu/form"
	"github.com/bennu-go/bennu/locale"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/view"
	"github.com/bennu-go/bennu/web"
)

// The addresses that links lead to.
const (
	NoticesPath web.Path[listQuery] = "/notices"
	LivePath    web.Path[liveQuery] = "/notices/live"
	NoticePath  web.Path[int64]     = "/notices/{id}"
	EditPath    web.Path[int64]     = "/notices/{id}/edit"
	PhotoPath   web.Path[int64]     = "/notices/{id}/photo"
	RepliesPath web.Path[int64]     = "/notices/{id}/replies"
	ReplyPath   web.Path[replyRef]  = "/notices/{notice_id}/replies/{id}"
	LetterPath  web.Path[string]    = "/edit/{token}"
	ReportPath  web.Path[int]       = "/report/{year}"
	RemovePath  web.Path[int64]     = "/admin/notices/{id}"
)

var (
	//go:embed assets
	assetFiles embed.FS
	//go:embed templates
	templateFiles embed.FS
	//go:embed translations
	translationFiles embed.FS
)

// folder is where -dev finds the files that are embedded otherwise: run it at the root of
// the repository.
const folder = "examples/notices/"

// routes are the doors of the board.
func (s *Site) routes() http.Handler {
	catalogue := locale.MustLoad(translationFiles, locale.Config{})
	assets, templates := s.files()
	router := web.NewRouter(s.always(catalogue, assets)...)
	router.Mount("/assets", assets)

	// Whoever tries passwords must be slow, here and at the API together. Two at once are
	// hashed; the others wait.
	logins := web.RateLimit{Requests: 10, Per: time.Minute}
	careful := []web.Plug{logins.Plug, (&web.Concurrency{Running: 2}).Plug}

	// What is no page: browsers ask for it in other words than text/html.
	LivePath.Handle(router, "GET", web.Action(s.live))
	PhotoPath.Handle(router, "GET", web.Action(s.photo))
	router.Handle("GET /notices.csv", web.Action(s.export))

	// Pages.
	browser := []web.Plug{
		web.Accepts("html"), s.sessions().Plug, web.CSRF(), form.Translate(locale.Translator),
		templates.Plug, fromSession,
	}
	quick := web.Timeout(10 * time.Second) // not for streams and uploads
	pages := router.Scope("", browser...)
	pages.Handle("GET /{$}", web.Action(func(c *web.Conn) error { return c.Redirect("/notices") }))
	LetterPath.Handle(pages, "GET", web.Page(s.openLetter), quick)
	report := []web.Plug{quick, (&web.Concurrency{Running: 1, Waiting: 10}).Plug, new(web.Memory).Reserve(64 << 20)}
	ReportPath.Handle(pages, "GET", web.Page(s.report), report...)

	pages.Handle("GET /signup", web.Page(s.newUser))
	pages.Handle("POST /signup", web.Page(s.createUser), careful...)
	pages.Handle("GET /login", web.Page(s.newLogin))
	pages.Handle("POST /login", web.Page(s.createLogin), careful...)
	pages.Handle("DELETE /login", web.Page(s.deleteLogin))

	pages.Resources("/notices", web.Resource{Index: web.Page(s.listNotices), Show: web.Page(s.showNotice)}, quick)
	pages.Resources("/notices", web.Resource{
		Edit: web.Page(s.editNotice), Update: web.Action(s.updateNotice), Delete: web.Page(s.deleteNotice),
	}, invited)
	pages.Resources("/notices", web.Resource{New: web.Page(s.newNotice), Create: web.Action(s.createNotice)}, known).
		Resources("/replies", web.Resource{Create: web.Page(s.createReply), Delete: web.Page(s.deleteReply)})

	if s.opts.Admin.Reveal() != "" {
		admin := pages.Scope("/admin", web.BasicAuth("notices", s.isAdmin), quick)
		admin.Handle("GET", web.Page(s.admin))
		RemovePath.Handle(admin, "DELETE", web.Page(s.adminRemove))
	}
	API{s}.wire(router, careful)
	return router
}

// always are the plugs that every request passes.
func (s *Site) always(catalogue *locale.Catalogue, assets *web.Assets) []web.Plug {
	var plugs []web.Plug
	if s.opts.Proxy != "" {
		plugs = append(plugs, web.RealIP(s.opts.Proxy), web.HTTPS{}.Plug)
	}
	if s.opts.TLS {
		plugs = append(plugs, web.HTTPS{MaxAge: -1}.Plug) // browsers need not remember a certificate of its own
	}
	plugs = append(plugs,
		web.Observe(func(ctx context.Context, o web.Observation) { _ = process.Cast(ctx, Traffic, (*Meter).note, o) }),
		web.SecureHeaders("default-src 'self'; img-src 'self' data:; style-src 'self' 'nonce'; script-src 'self' 'nonce'"),
		web.Compress, web.ETag, web.MethodOverride,
		keepLanguage(catalogue), catalogue.Plug(locale.Query("lang"), locale.Cookie("lang")),
		put(pageAssets, assets), web.ErrorPages(errorPage),
	)
	if s.opts.Dev {
		plugs = append(plugs, web.Debug)
	}
	return plugs
}

// files are those of the binary, or with -dev those on the disk, as they are.
func (s *Site) files() (*web.Assets, *view.Templates) {
	if s.opts.Dev {
		return web.StaticDir(folder + "assets"), view.Reload(folder+"templates", inTemplates())
	}
	assets, _ := fs.Sub(assetFiles, "assets")
	pages, _ := fs.Sub(templateFiles, "templates") // both are in the binary
	templates, err := view.Load(pages, inTemplates())
	if err == nil {
		err = templates.Check(Report)
	}
	if err != nil {
		panic(err)
	}
	return web.Static(assets), templates
}

// pageAssets are where the layout finds its style and script.
const pageAssets web.Key[*web.Assets] = "assets"

// put makes a plug that puts a value under its key.
func put[T any](key web.Key[T], v T) web.Plug {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			key.Put(r.Context(), v)
			next.ServeHTTP(w, r)
		})
	}
}
