package main

import (
	"strings"
	"testing"

	"github.com/bennu-go/bennu/locale"
	"github.com/bennu-go/bennu/locale/localetest"
)

func TestTranslations(t *testing.T) {
	localetest.Complete(t, locale.MustLoad(translationFiles, locale.Config{}), ".")
}

func TestHeaders(t *testing.T) {
	w := start(t, "-tls")
	c := w.browser("Accept-Encoding: gzip")
	page := c.Get("/notices").Is(200).Has("Strict-Transport-Security", "max-age=0").Has("Content-Encoding", "gzip")
	if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'self'") {
		t.Errorf("the policy is %q", csp)
	}
	c.Get("http://example.test/notices").Redirects("https://example.test/notices")

	style := w.browser().Get("/notices").Find("link[rel=stylesheet]").Attr("href")
	c.Get(style).Is(200).Has("Cache-Control", "public, max-age=31536000, immutable").Has("Content-Encoding", "gzip")
	tagged := w.browser().Get("/notices")
	w.browser().Get("/notices", "If-None-Match: "+tagged.Header.Get("Etag")).Is(304)
}

func TestProxy(t *testing.T) {
	w := start(t, "-proxy=192.0.2.1") // what the test's requests come from
	c := w.browser()
	c.Get("http://example.test/notices").Is(301)
	c.Get("http://example.test/notices", "X-Forwarded-For: 198.51.100.7", "X-Forwarded-Proto: https").Is(200)
}

func TestErrorPages(t *testing.T) {
	w := start(t)
	c := w.browser()
	c.Get("/nowhere").Is(404).Shows("h1", "There is nothing here.").Shows(".code", "404")
	c.Get("/notices/7").Is(404).Shows("p", "there is no such notice")
	w.program().Get("/api/notices/7").Is(404).Has("Content-Type", "application/problem+json")
}
