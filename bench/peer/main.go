// Peer is a bennu server for comparisons, here and from outside:
//
//	go run ./bench/peer -addr 127.0.0.1:4200
//
// It serves what every web framework's benchmark serves, through the router and the
// pipelines of a usual program: request id, log (of errors only), recovery, limits, secure
// headers, counters.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strconv"

	"github.com/bennu-go/bennu"
	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/config"
	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/web"
)

//go:generate go run github.com/a-h/templ/cmd/templ@v0.3.977 generate

type options struct {
	Addr string `flag:"addr" env:"PEER_ADDR" default:"127.0.0.1:4200" help:"where it listens"`
}

func main() {
	opts, err := config.Load[options]("peer", os.Args[1:], os.LookupEnv)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = bennu.Run(context.Background(), bennu.App{
			Name:     "peer",
			Children: children(opts.Addr),
			Logger:   slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type user struct {
	Active bool     `json:"active"`
	Email  string   `json:"email"`
	ID     int      `json:"id"`
	Name   string   `json:"name"`
	Tags   []string `json:"tags"`
}

type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type byID struct {
	ID string `path:"id"`
}

func children(addr string) []supervisor.Child {
	users := &presence.Tracker[here]{Name: "users"}
	socket := newSocket(users)
	raw := new(mirror)
	return []supervisor.Child{
		{Name: "users", Run: users},
		{Name: "socket", Run: socket},
		{Name: "ws", Run: raw},
		{Name: "web", Run: &web.Endpoint{Addr: addr, Handler: routes(socket, raw)}},
	}
}

func routes(socket *channel.Socket, raw http.Handler) *web.Router {
	router := web.NewRouter(web.SecureHeaders("default-src 'self'"))
	router.Mount("/socket", socket)
	router.Handle("GET /ws", raw)
	api := router.Scope("")
	api.Handle("GET /plain", web.Action(func(c *web.Conn) error { return c.Text(200, "hello") }))
	api.Handle("GET /json", web.JSON(ada))
	api.Handle("GET /users/{id}", web.JSON(show))
	api.Handle("POST /echo", web.JSON(echo))
	api.Handle("GET /debug/mallocs", web.Action(mallocs))

	browser := router.Scope("", web.CrossOrigin())
	browser.Handle("GET /html", web.Page(list))
	return router
}

func ada(context.Context, web.None) (user, error) {
	return user{Active: true, Email: "ada@example.com", ID: 42, Name: "Ada Lovelace", Tags: []string{"admin", "staff"}}, nil
}

func show(_ context.Context, in byID) (named, error) {
	return named{in.ID, "User " + in.ID}, nil
}

func echo(_ context.Context, in user) (user, error) { return in, nil }

func list(context.Context, web.None) (web.View, error) {
	users := make([]user, 20)
	for i := range users {
		id := strconv.Itoa(i + 1)
		users[i] = user{ID: i + 1, Name: "User " + id, Email: "user" + id + "@example.com"}
	}
	return usersPage("Users", users), nil
}

// mallocs tells how often the program has allocated so far.
func mallocs(c *web.Conn) error {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return c.Text(200, strconv.FormatUint(m.Mallocs, 10))
}
