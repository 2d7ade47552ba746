package main

import (
	"strings"
	"testing"

	"github.com/bennu-go/bennu/web/webtest"
)

// client is a program that speaks for a user.
func (w *world) client(name string) *webtest.Client {
	w.Helper()
	w.user(name)
	c := w.program()
	res := c.Post("/api/tokens", map[string]string{"name": strings.ToUpper(name), "password": password}).Is(200)
	c.Header.Set("Authorization", "Bearer "+webtest.At[string](res, "token"))
	return c
}

func TestAPI(t *testing.T) { onBoth(t, testAPI) }

func testAPI(t *testing.T, w *world) {
	ada := w.client("ada")
	ada.Get("/api/notices").Is(200).Equal("notices", []any{})
	ada.Post("/api/notices", Draft{Kind: Offer, Title: "Ladder", Body: "Long.", Contact: Contact{Phone: "030 1"}}).Is(201).
		Equal("id", 1).Equal("author", "ada").Equal("contact.phone", "030 1")
	ada.Get("/api/notices/1").Is(200).Equal("title", "Ladder")
	ada.Get("/api/notices/1/replies").Is(200).Equal("", []any{})
	ada.Get("/api/notices").Is(200).Equal("notices.0.id", 1)

	ada.Post("/api/notices", Draft{Kind: "party", Contact: Contact{Phone: "x"}}).Is(422).
		Equal("errors", map[string][]string{
			"kind":          {"must be one of offer, wanted, event"},
			"title":         {"can't be blank"},
			"body":          {"can't be blank"},
			"contact.phone": {"has an invalid format"},
		})
	ada.Get("/api/notices/x").Is(400)
	ada.Get("/api/notices/7").Is(404).Has("Content-Type", "application/problem+json").Equal("detail", "there is no such notice")

	bob := w.client("bob")
	bob.Do("DELETE /api/notices/1", nil).Is(403)
	w.program().Do("DELETE /api/notices/1", nil).Is(401)
	w.program().Get("/api/notices", "Authorization: Bearer forged").Is(401)
	w.program().Post("/api/tokens", map[string]string{"name": "ada", "password": "wrong"}).Is(401)
	ada.Do("DELETE /api/notices/1", nil).Is(204)
}

func TestAPIPages(t *testing.T) {
	w := start(t)
	ada := w.client("ada")
	for range pageSize + 1 {
		ada.Post("/api/notices", Draft{Kind: Event, Title: "t", Body: "b"}).Is(201)
	}
	first := ada.Get("/api/notices").Equal("notices.0.id", pageSize+1)
	ada.Get(webtest.At[string](first, "next")).Equal("notices.0.id", 1).Equal("notices", []any{webtest.At[any](ada.Get("/api/notices/1"), "")})
}

// The app of another origin may ask, others may not.
func TestCORS(t *testing.T) {
	w := start(t, "-app=https://app.test")
	ask := []string{"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization"}
	c := w.program()
	c.Do("OPTIONS /api/notices", nil, append(ask, "Origin: https://app.test")...).Is(204).
		Has("Access-Control-Allow-Origin", "https://app.test")
	c.Do("OPTIONS /api/notices", nil, append(ask, "Origin: https://evil.test")...).Is(403)
	c.Get("/api/notices", "Origin: https://app.test").Is(200).Has("Access-Control-Allow-Origin", "https://app.test")
}

func TestOpenAPI(t *testing.T) {
	w := start(t)
	c := w.program()
	doc := c.Get("/api/openapi.json").Is(200).Equal("info.title", "Notices")
	paths := webtest.At[map[string]any](doc, "paths")
	if len(paths) != 4 {
		t.Errorf("the document has %d paths: %v", len(paths), paths)
	}
	doc.Equal("components.schemas.Draft.properties.title.maxLength", 80)
	c.Get("/docs/").Is(200)
	if ts := c.Get("/api/client.ts").Is(200).Body; !strings.Contains(ts, "interface Draft") || !strings.Contains(ts, "postNotice") {
		t.Errorf("the client is\n%.500s", ts)
	}
}
