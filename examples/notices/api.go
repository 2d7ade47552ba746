package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/openapi"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/token"
	"github.com/bennu-go/bennu/web"
)

// The addresses of the API.
const (
	apiNotices web.Path[listQuery] = "/api/notices"
	apiNotice  web.Path[byID]      = "/api/notices/{id}"
	apiReplies web.Path[byID]      = "/api/notices/{id}/replies"
)

// API is for the single-page app of the origin -app, and for programs. Who they speak for
// they say by a token, so no cookie of a browser can be misused. Its methods give the
// operations of the document, and of the client, their names.
type API struct{ *Site }

func (s API) wire(router *web.Router, careful []web.Plug) {
	cors := web.CORS{Origins: []string{s.opts.App}}
	api := router.Scope("/api", web.Accepts("json"), cors.Plug, s.bearer, web.Timeout(10*time.Second))
	api.Handle("POST /tokens", web.JSON(s.LogIn).Doc("Log in"), careful...)
	apiNotices.Handle(api, "GET", web.JSON(s.ListNotices).Doc("The newest notices"))
	apiNotices.Handle(api, "POST", web.JSON(s.PostNotice).Doc("Put a notice up"), member)
	apiNotice.Handle(api, "GET", web.JSON(s.ShowNotice).Doc("One notice"))
	apiNotice.Handle(api, "DELETE", web.JSON(s.DeleteNotice).Doc("Take a notice down"), member)
	apiReplies.Handle(api, "GET", web.JSON(s.ListReplies).Doc("The replies to a notice"))

	info := openapi.Info{
		Title: "Notices", Version: "1", Description: "The notice board of a neighbourhood.",
		Security: []openapi.Security{openapi.Bearer("/api"), openapi.Public("/api/tokens")},
	}
	router.Handle("GET /api/openapi.json", openapi.Handler(router, info))
	router.Handle("GET /api/client.ts", openapi.TypeScript(router, info))
	router.Mount("/docs", openapi.Explorer("/api/openapi.json"))
}

// Bearer is the token of a client of the API, with the user's name.
const Bearer token.Kind[string] = "api"

const bearerAge = token.MaxAge(30 * 24 * time.Hour)

// bearer is a plug that finds out by a token who asks.
func (s API) bearer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			user, err := Bearer.Verify(s.keys, text, bearerAge)
			if err != nil {
				w.Header().Set("WWW-Authenticate", "Bearer")
				web.Problem(w, r, err)
				return
			}
			CurrentUser.Put(r.Context(), user)
		}
		next.ServeHTTP(w, r)
	})
}

// member is a plug that lets users in.
func member(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := CurrentUser.Get(r.Context()); !ok {
			w.Header().Set("WWW-Authenticate", "Bearer")
			web.Problem(w, r, fault.Unauthenticated.Errorf("send the header Authorization: Bearer, with a token from POST /api/tokens"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Token is what a client shows from then on.
type Token struct {
	Token string `json:"token"`
}

func (s API) LogIn(ctx context.Context, in Credentials) (Token, error) {
	user, err := in.check(ctx, s.repo)
	if err != nil {
		return Token{}, err
	}
	text, err := Bearer.Sign(s.keys, user)
	return Token{text}, err
}

// Notices is a page of notices.
type Notices struct {
	Notices []Notice `json:"notices"`
	Next    string   `json:"next,omitempty"` // the address of those before
}

func (s API) ListNotices(ctx context.Context, q listQuery) (Notices, error) {
	notices, err := s.store.Latest(ctx, q.Before, pageSize)
	page := Notices{Notices: notices}
	if len(notices) == pageSize {
		page.Next = apiNotices.URL(listQuery{notices[pageSize-1].ID})
	}
	return page, err
}

// Created is a notice that is new.
type Created struct{ Notice }

// StatusCode is 201.
func (Created) StatusCode() int { return http.StatusCreated }

func (s API) PostNotice(ctx context.Context, d Draft) (Created, error) {
	n, err := process.Call(ctx, TheBoard, (*Board).Post, Notice{Author: CurrentUser.Value(ctx), Draft: d})
	return Created{n}, err
}

func (s API) ShowNotice(ctx context.Context, in byID) (Notice, error) {
	return s.store.Notice(ctx, in.ID)
}

func (s API) ListReplies(ctx context.Context, in byID) ([]Reply, error) {
	return s.store.Replies(ctx, in.ID)
}

func (s API) DeleteNotice(ctx context.Context, in byID) (web.None, error) {
	n, err := s.store.Notice(ctx, in.ID)
	switch {
	case err != nil:
		return web.None{}, err
	case n.Author != CurrentUser.Value(ctx):
		return web.None{}, fault.Forbidden.Errorf("this notice is somebody else's")
	}
	return web.None{}, s.remove(ctx, n)
}
