package main

import (
	"context"
	"net/http"
	"slices"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/bennu-go/bennu/locale"
	"github.com/bennu-go/bennu/view"
	"github.com/bennu-go/bennu/web"
)

// keepLanguage makes a plug that keeps in a cookie which language a visitor has chosen, by
// a link to "?lang=de".
func keepLanguage(catalogue *locale.Catalogue) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if tag, err := language.Parse(r.URL.Query().Get("lang")); err == nil && slices.Contains(catalogue.Languages(), tag) {
				http.SetCookie(w, &http.Cookie{
					Name: "lang", Value: tag.String(), Path: "/", MaxAge: 365 * 24 * 60 * 60, HttpOnly: true, SameSite: http.SameSiteLaxMode,
				})
			}
			next.ServeHTTP(w, r)
		})
	}
}

// languages are those that the menu offers.
func languages() []language.Tag { return []language.Tag{language.English, language.German} }

// ownName is what a language calls itself.
func ownName(tag language.Tag) string { return display.Self.Name(tag) }

// inTemplates are what the files of html/template say texts by.
func inTemplates() view.Funcs {
	return view.Funcs{
		"lang":  func(ctx context.Context) string { return locale.Of(ctx).String() },
		"nonce": web.Nonce,
		"t":     func(ctx context.Context, text locale.Text) string { return locale.T(ctx, text) },
		"n":     func(ctx context.Context, one, other locale.Text, n int) string { return locale.N(ctx, one, other, n) },
		"day":   day,
	}
}

// day writes a date in the visitor's language.
func day(ctx context.Context, t time.Time) string {
	if base, _ := locale.Of(ctx).Base(); base.String() == "de" {
		return t.Format("2.1.2006")
	}
	return t.Format("2 Jan 2006")
}
