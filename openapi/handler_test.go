package openapi_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/openapi"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

func TestHandlers(t *testing.T) {
	router, info := wired()
	router.Handle("GET /late", web.JSON(nothing)) // wired after the handlers are
	doc := openapi.Of(router, info)
	for path, want := range map[string]string{"/openapi.json": string(doc.JSON()), "/api.ts": string(doc.TypeScript())} {
		res := webtest.Do(t, router, "GET "+path, nil).Is(200).Has("Cache-Control", "no-cache")
		if string(res.Body) != want || !strings.Contains(want, "/late") {
			t.Errorf("%s is not what Of makes", path)
		}
		webtest.Do(t, router, "GET "+path, nil, "If-None-Match: "+res.Header.Get("Etag")).Is(304)
		webtest.Do(t, router, "HEAD "+path, nil).Is(200)
	}
}

func TestExplorer(t *testing.T) {
	router := web.NewRouter(web.SecureHeaders("default-src 'self'"))
	router.Mount("/docs", openapi.Explorer(`/open"api.json`))
	webtest.Do(t, router, "GET /docs", nil).Redirects("/docs/")
	res := webtest.Do(t, router, "GET /docs/", nil).Is(200).Has("Content-Type", "text/html; charset=utf-8")
	page := string(res.Body)
	if !strings.Contains(page, `content="/open&#34;api.json"`) {
		t.Errorf("the document's address is not in the page:\n%s", page)
	}
	if regexp.MustCompile(`<script>|<style|style=| on\w+=|https?://`).MatchString(page) {
		t.Errorf("the page has what the policy forbids:\n%s", page)
	}
	links := regexp.MustCompile(`(?:src|href)="([^"]+\.(?:js|css|svg))"`).FindAllStringSubmatch(page, -1)
	if len(links) != 3 {
		t.Errorf("the page loads %v", links)
	}
	for _, link := range links {
		webtest.Do(t, router, "GET /docs/"+link[1], nil).Is(200)
	}
	for _, module := range []string{"dom.js", "schema.js", "request.js"} {
		webtest.Do(t, router, "GET /docs/"+module, nil).Is(200)
	}
	webtest.Do(t, router, "GET /docs/other", nil).Is(404)
}
