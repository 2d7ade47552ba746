package main

import (
	"context"
	"net/http"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/form"
	"github.com/bennu-go/bennu/locale"
	"github.com/bennu-go/bennu/web"
)

// What the session remembers.
const (
	loggedIn web.SessionKey[string] = "user"
	wanted   web.SessionKey[string] = "wanted" // the page that somebody wanted who had to log in first
	lent     web.SessionKey[int64]  = "lent"   // the notice that may be edited by the link in its letter
)

// CurrentUser is the name of the user who asks, by page or by API.
const CurrentUser web.Key[string] = "current_user"

// fromSession is a plug that finds out who asks.
func fromSession(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, ok := loggedIn.Get(r.Context()); ok {
			CurrentUser.Put(r.Context(), user)
		}
		next.ServeHTTP(w, r)
	})
}

// known is a plug that lets users in. Others are sent to log in, and then on to where they
// wanted.
func known(next http.Handler) http.Handler {
	return letIn(next, func(ctx context.Context) bool {
		_, user := CurrentUser.Get(ctx)
		return user
	})
}

// invited is a plug that also lets in who has come by the link of a letter.
func invited(next http.Handler) http.Handler {
	return letIn(next, func(ctx context.Context) bool {
		_, user := CurrentUser.Get(ctx)
		_, guest := lent.Get(ctx)
		return user || guest
	})
}

func letIn(next http.Handler, may func(context.Context) bool) http.Handler {
	return web.Action(func(c *web.Conn) error {
		ctx := c.Context()
		if may(ctx) {
			next.ServeHTTP(c.Writer(), c.Request())
			return nil
		}
		if c.Request().Method == http.MethodGet {
			if err := wanted.Put(ctx, c.Request().URL.RequestURI()); err != nil {
				return err
			}
		}
		return goOn(c, "/login", "error", locale.T(ctx, "Please log in first."))
	})
}

// goOn sends the visitor on, with a message for the next page.
func goOn(c *web.Conn, to, kind, message string) error {
	if err := web.PutFlash(c.Context(), kind, message); err != nil {
		return err
	}
	return c.Redirect(to)
}

// told is the view that sends the visitor on, with a message for the next page.
func told(ctx context.Context, to, message string) (web.View, error) {
	return web.RedirectTo(to), web.PutFlash(ctx, "info", message)
}

func (s *Site) newUser(ctx context.Context, _ web.None) (web.View, error) {
	return signUpPage(changeUser(User{}, nil).Form("user")), nil
}

type userForm struct {
	User changeset.Params `form:"user"`
}

func (s *Site) createUser(ctx context.Context, in userForm) (web.View, error) {
	cs := changeUser(User{}, in.User).Translate(form.Messages(ctx))
	u, err := join(ctx, s.repo, cs)
	if !cs.Valid() {
		return web.WithStatus(http.StatusUnprocessableEntity, signUpPage(cs.Form("user"))), nil
	}
	if err != nil {
		return nil, err
	}
	return s.enter(ctx, u.Name)
}

func (s *Site) newLogin(context.Context, web.None) (web.View, error) {
	return loginPage(changeCredentials(Credentials{}, nil).Form("login")), nil
}

type loginForm struct {
	Login changeset.Params `form:"login"`
}

func (s *Site) createLogin(ctx context.Context, in loginForm) (web.View, error) {
	cs := changeCredentials(Credentials{}, in.Login).Translate(form.Messages(ctx))
	credentials, err := cs.Apply()
	if err == nil {
		var user string
		if user, err = credentials.check(ctx, s.repo); err == nil {
			return s.enter(ctx, user)
		}
		cs.AddError("", changeset.Message{Text: fault.Detail(err)})
	}
	if kind := fault.Of(err); kind != fault.Invalid && kind != fault.Unauthenticated {
		return nil, err
	}
	return web.WithStatus(http.StatusUnprocessableEntity, loginPage(cs.Form("login"))), nil
}

// enter logs a user in, and sends them to where they wanted.
func (s *Site) enter(ctx context.Context, user string) (web.View, error) {
	to, ok := wanted.Get(ctx)
	if !ok {
		to = "/notices"
	}
	if err := web.ClearSession(ctx); err != nil {
		return nil, err
	}
	if err := loggedIn.Put(ctx, user); err != nil {
		return nil, err
	}
	return told(ctx, to, locale.T(ctx, "Welcome, {name}!", locale.Args{"name": user}))
}

func (s *Site) deleteLogin(ctx context.Context, _ web.None) (web.View, error) {
	if err := web.ClearSession(ctx); err != nil {
		return nil, err
	}
	return told(ctx, "/notices", locale.T(ctx, "You are logged out."))
}
