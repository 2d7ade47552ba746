package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

func TestResources(t *testing.T) {
	name := func(action string) http.Handler {
		return web.Action(func(c *web.Conn) error {
			return c.Text(200, strings.TrimSpace(action+" "+c.Path("user_id")+" "+c.Path("id")))
		})
	}
	router := web.NewRouter()
	users := router.Resources("/users", web.Resource{
		Index: name("index"), New: name("new"), Create: name("create"), Show: name("show"),
		Edit: name("edit"), Update: name("update"), Delete: name("delete"),
	})
	users.Resources("/posts", web.Resource{Show: name("post")})
	for request, want := range map[string]string{
		"GET /users":              "index",
		"GET /users/new":          "new",
		"POST /users":             "create",
		"GET /users/7":            "show  7",
		"GET /users/7/edit":       "edit  7",
		"PATCH /users/7":          "update  7",
		"PUT /users/7":            "update  7",
		"DELETE /users/7":         "delete  7",
		"GET /users/7/posts/8":    "post 7 8",
		"GET /users/7/posts":      "",
		"DELETE /users/7/posts/8": "",
	} {
		res := webtest.Do(t, router, request, nil)
		if want == "" && res.Status < 400 || want != "" && res.Body != want {
			t.Errorf("%s: %d %q, want %q", request, res.Status, res.Body, want)
		}
	}
	table := router.String()
	if !strings.Contains(table, "PATCH   /users/{id}") || strings.Count(table, "\n") != 9 {
		t.Errorf("table:\n%s", table)
	}
}

func TestOptions(t *testing.T) {
	router := web.NewRouter()
	router.HandleFunc("GET /a", say("a"))
	router.HandleFunc("POST /a", say("a"))
	res := webtest.Do(t, router, "OPTIONS /a", nil)
	if res.Status != 204 || res.Header.Get("Allow") != "GET, HEAD, POST, OPTIONS" || res.Body != "" {
		t.Errorf("%d, %q, %q", res.Status, res.Header.Get("Allow"), res.Body)
	}
	if res := webtest.Do(t, router, "OPTIONS /b", nil); res.Status != 404 {
		t.Error(res.Status)
	}
	router.HandleFunc("OPTIONS /c", say("mine"))
	if res := webtest.Do(t, router, "OPTIONS /c", nil); res.Body != "mine" {
		t.Error(res.Body)
	}
	if res := webtest.Do(t, router, "PUT /c", nil); res.Header.Get("Allow") != "OPTIONS" {
		t.Error(res.Header.Get("Allow"))
	}
}

func TestHosts(t *testing.T) {
	router := web.NewRouter()
	router.HandleFunc("GET /{$}", say("any"))
	router.HandleFunc("GET /only", say("only"))
	admin := router.Host("Admin.example.com")
	admin.HandleFunc("GET /{$}", say("admin"))
	tenants := router.Host("{tenant}.example.com")
	tenants.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.PathValue("tenant"))) })
	tenants.Scope("/users").HandleFunc("POST /{id}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.PathValue("tenant") + " " + r.PathValue("id")))
	})
	for request, want := range map[string]string{
		"GET http://admin.example.com/":        "admin",
		"GET http://ADMIN.example.com.:8080/":  "admin",
		"GET http://acme.example.com:8080/":    "acme",
		"GET http://acme.example.com/only":     "only",
		"GET http://example.com/":              "any",
		"GET http://a.b.example.com/":          "any",
		"GET http://.example.com/":             "any",
		"GET http://acme.example.org/":         "any",
		"GET http://[::1]:80/":                 "any",
		"POST http://acme.example.com/users/7": "acme 7",
	} {
		if res := webtest.Do(t, router, request, nil); res.Body != want {
			t.Errorf("%s: %q, want %q", request, res.Body, want)
		}
	}
	res := webtest.Do(t, router, "GET http://acme.example.com/users/7", nil)
	if res.Status != 405 || res.Header.Get("Allow") != "POST, OPTIONS" {
		t.Errorf("the wrong method at a host: %d, %q", res.Status, res.Header.Get("Allow"))
	}
	if again := router.Host("admin.example.com"); mustPanic(t, "the same host", func() { again.HandleFunc("GET /{$}", say("")) }) == "" {
		t.Error("no text")
	}
	for _, bad := range []string{"", "a/b", "a:80", "{}.x", "{a}", "x.{a}.y", "{a}.", "{a}{b}.x"} {
		mustPanic(t, bad, func() { web.NewRouter().Host(bad) })
	}
	mustPanic(t, "below a prefix", func() { web.NewRouter().Scope("/a").Host("b") })
}
