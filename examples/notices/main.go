package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/bennu-go/bennu"
	"github.com/bennu-go/bennu/config"
	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/token"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/cert"
)

const name = "notices"

type options struct {
	Addr     string       `flag:"addr" env:"NOTICES_ADDR" default:"127.0.0.1:4000" help:"where the board is served"`
	DB       string       `flag:"db" env:"NOTICES_DB" default:"sqlite:notices.db" help:"where notices are kept: sqlite:FILE, postgres://USER@HOST/DATABASE, or sqlite::memory:, which forgets them"`
	Photos   string       `flag:"photos" env:"NOTICES_PHOTOS" default:"notices-photos" help:"the folder of the photos"`
	Sessions string       `flag:"sessions" env:"NOTICES_SESSIONS" default:"cookie" help:"where sessions are kept: cookie, or db"`
	Keys     *token.Keys  `env:"NOTICES_SECRETS" secret:"true" help:"signs cookies and links, newest first; without, new ones at each start"`
	Admin    fault.Secret `flag:"admin-password" env:"NOTICES_ADMIN_PASSWORD" secret:"true" help:"of the user admin at /admin; without, there is no /admin"`
	App      string       `flag:"app" env:"NOTICES_APP" default:"http://localhost:5173" help:"the origin of the single-page app that may use the API"`
	Origin   string       `flag:"origin" env:"NOTICES_ORIGIN" help:"where the board is found from outside, as in https://board.example.com; default: at -addr"`
	Proxy    string       `flag:"proxy" env:"NOTICES_PROXY" help:"address or network of the proxy in front, which ends TLS"`
	TLS      bool         `flag:"tls" env:"NOTICES_TLS" help:"serve https, with a certificate of its own"`
	Dev      bool         `flag:"dev" env:"NOTICES_DEV" help:"for who develops, at the root of the repository: read styles and templates from the disk, explain errors"`
}

func main() {
	opts, err := config.Load[options](name, os.Args[1:], os.LookupEnv)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(context.Background(), opts)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, name+":", strings.TrimPrefix(err.Error(), name+": "))
		os.Exit(1)
	}
}

func run(ctx context.Context, opts options) error {
	site, err := open(opts)
	if err != nil {
		return err
	}
	defer site.photos.Close()
	if opts.Keys == nil {
		slog.Warn("there are no NOTICES_SECRETS: who logs in is logged out when this program ends")
	}
	endpoint := &web.Endpoint{Addr: opts.Addr, Handler: site.routes()}
	if opts.TLS {
		if endpoint.TLS, err = (cert.Self{}).TLS(ctx); err != nil {
			return err
		}
	}
	children := append(site.children(), supervisor.Child{Name: "web", Run: endpoint})
	return bennu.Run(ctx, bennu.App{Name: name, Children: children})
}

// Site is what the pages and the API stand on.
type Site struct {
	opts   options
	repo   *data.Repo
	store  Store
	keys   *token.Keys
	photos *os.Root
}

func open(opts options) (*Site, error) {
	if opts.Sessions != "cookie" && opts.Sessions != "db" {
		return nil, fault.Invalid.Errorf("-sessions %q: want cookie or db", opts.Sessions)
	}
	if _, err := os.Stat(folder); opts.Dev && err != nil {
		return nil, fault.Invalid.Wrap(err, "-dev reads %s: start it at the root of the repository", folder)
	}
	keys := opts.Keys
	if keys == nil {
		keys, _ = token.NewKeys(token.Generate()) // one that was generated is good
	}
	if err := os.MkdirAll(opts.Photos, 0o700); err != nil {
		return nil, err
	}
	photos, err := os.OpenRoot(opts.Photos)
	if err != nil {
		return nil, err
	}
	repo := &data.Repo{URL: opts.DB, Migrations: migrations}
	return &Site{opts: opts, repo: repo, store: Store{repo}, keys: keys, photos: photos}, nil
}

// children are the tree, but for its door.
func (s *Site) children() []supervisor.Child {
	return []supervisor.Child{
		{Name: "data", Run: s.repo},
		{Name: "sessions", Run: &data.Sessions{Repo: s.repo}},
		{Name: "jobs", Run: &job.Runner{Repo: s.repo, Jobs: []job.Definition{job.Define(SendLetter, s.sendLetter)}}},
		{Run: supervisor.Process(TheBoard, openBoard(s.repo))},
		{Run: supervisor.Process(Traffic, openMeter)},
	}
}

// sessions are kept in the visitor's cookie, or in the database.
func (s *Site) sessions() *web.Sessions {
	sessions := &web.Sessions{Keys: s.keys}
	if s.opts.Sessions == "db" {
		sessions.Store = &data.Sessions{Repo: s.repo}
	}
	return sessions
}

// origin is where the board is found from outside.
func (s *Site) origin() string {
	scheme := "http://"
	if s.opts.TLS {
		scheme = "https://"
	}
	return cmp.Or(s.opts.Origin, scheme+s.opts.Addr)
}
