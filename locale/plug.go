package locale

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// Plug puts the catalogue and the language of the visitor into the request's context.
// The language is the first that is there of
//
//   - what [Catalogue.Prefix] has found in the path;
//   - these wishes, in this order;
//   - the header Accept-Language;
//   - the catalogue's default.
//
// It sets Content-Language, and Vary to what it looks at: caches keep a page for each
// language, so it is for the scope of the pages rather than for that of the assets. A
// wish is matched as browsers expect it: de-AT gets de, and zh-TW gets zh-Hant. At most
// 512 bytes and 16 languages of a wish are read. It panics on a Wish without Of.
func (c *Catalogue) Plug(first ...Wish) func(http.Handler) http.Handler {
	all := append(append([]Wish(nil), first...), acceptLanguage())
	for _, w := range all {
		if w.Of == nil {
			panic("locale: a Wish has no Of, so nobody can tell what is wished")
		}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p := placeOf(r.Context())
			if !p.prefixed || p.catalogue != c {
				for _, wish := range all {
					if wish.Vary != "" {
						w.Header().Add("Vary", wish.Vary)
					}
				}
				p = place{tongue: c.wished(r, all)}
				r = r.WithContext(put(r.Context(), p))
			}
			w.Header().Set("Content-Language", p.tag.String())
			next.ServeHTTP(w, r)
		})
	}
}

func (c *Catalogue) wished(r *http.Request, all []Wish) *tongue {
	for _, wish := range all {
		if t, ok := c.match(wish.Of(r)); ok {
			return t
		}
	}
	return c.tongues[c.tags[0]]
}

// Prefix is a plug that takes a language off the beginning of the path: a request for
// /de/about becomes one for /about in German. It is for the outside of a router, before
// the [Catalogue.Plug]. Only names that are there count, written as
// [Catalogue.Languages] has them: /xx/about stays what it is, and is not found. [Path]
// puts the language back into links. Redirects that the router itself makes have none.
func (c *Catalogue) Prefix(next http.Handler) http.Handler {
	byName := make(map[string]*tongue, len(c.tags))
	for _, tag := range c.tags {
		byName[tag.String()] = c.tongues[tag]
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if t := byName[name]; t != nil {
			if short, ok := without(r, "/"+name, put(r.Context(), place{t, true})); ok {
				r = short
			}
		}
		next.ServeHTTP(w, r)
	})
}

// without gives the request without the prefix of its path.
func without(r *http.Request, prefix string, ctx context.Context) (*http.Request, bool) {
	u := new(url.URL)
	*u = *r.URL
	for _, path := range []*string{&u.Path, &u.RawPath} {
		if path == &u.RawPath && *path == "" {
			break
		}
		rest, ok := strings.CutPrefix(*path, prefix)
		if !ok || rest != "" && rest[0] != '/' {
			return nil, false
		}
		*path = "/" + strings.TrimLeft(rest, "/") // "//host" would be another site
	}
	r = r.WithContext(ctx)
	r.URL = u
	return r, true
}

// Path is a path of this program as a link must have it: with the language before it,
// if [Catalogue.Prefix] has taken one off this request's. With another language, it is
// a link to that one:
//
//	locale.Path(locale.With(ctx, language.German), "/about") // "/de/about"
//
// What does not begin with a slash stays as it is.
func Path(ctx context.Context, path string) string {
	p := placeOf(ctx)
	if !p.prefixed || p.catalogue.tongues[p.tag] == nil || !strings.HasPrefix(path, "/") {
		return path
	}
	return "/" + p.tag.String() + path
}
