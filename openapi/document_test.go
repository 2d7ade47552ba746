package openapi_test

import (
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/openapi"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

var write = flag.Bool("write", false, "write the golden files")

// TestGolden has the document and the client as files, which have been checked by a
// validator of OpenAPI 3.1 and the compiler of TypeScript.
func TestGolden(t *testing.T) {
	doc := openapi.Of(wired())
	for _, name := range []string{"testdata/fleet.json", "testdata/fleet.ts"} {
		if *write {
			if err := doc.WriteFile(name); err != nil {
				t.Fatal(err)
			}
		}
		if err := doc.CheckFile(name); err != nil {
			t.Error(err)
		}
	}
}

// parsed is what the tests read of a document.
type parsed struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string
		Tags        []string
		Parameters  []struct{ Name, In string }
		RequestBody *struct{ Content map[string]any }
		Responses   map[string]struct {
			Ref     string `json:"$ref"`
			Content map[string]any
		}
		Security []map[string][]string
	}
	Components struct {
		Schemas map[string]struct{ Properties map[string]any }
	}
}

func parse(t *testing.T, d *openapi.Document) (p parsed) {
	t.Helper()
	if err := json.Unmarshal(d.JSON(), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func nothing(context.Context, web.None) (web.None, error) { return web.None{}, nil }

func of(routes func(*web.Router), info openapi.Info) *openapi.Document {
	router := web.NewRouter()
	routes(router)
	info.Title, info.Version = "T", "1"
	return openapi.Of(router, info)
}

func ids(p parsed) (all []string) {
	for _, item := range p.Paths {
		for _, op := range item {
			all = append(all, op.OperationID)
		}
	}
	slices.Sort(all)
	return all
}

func TestHidden(t *testing.T) {
	p := parse(t, openapi.Of(wired()))
	for _, path := range []string{"/api/internal", "/hello", "/ping", "/docs/", "/openapi.json", "/api/tenant"} {
		if p.Paths[path] != nil {
			t.Errorf("%s is listed", path)
		}
	}
	p = parse(t, of(func(rt *web.Router) {
		rt.Handle("POST /hello", web.Page(page1))
		rt.Handle("/ping", http.HandlerFunc(export))
	}, openapi.Info{Describe: func(_ web.Route, op *openapi.Operation) { op.Hidden = false }}))
	if op := p.Paths["/hello"]["post"]; op.RequestBody.Content["application/x-www-form-urlencoded"] == nil || op.Responses["200"].Content["text/html"] == nil {
		t.Errorf("the page is %+v", op)
	}
	if op := p.Paths["/ping"]["get"]; op.OperationID != "export" || len(op.Responses) != 1 {
		t.Errorf("the plain handler is %+v", op)
	}
}

func TestHost(t *testing.T) {
	routes := func(rt *web.Router) {
		rt.Handle("GET /a", web.JSON(nothing))
		rt.Host("{tenant}.example.com").Handle("GET /b", web.JSON(show2))
		rt.Host("admin.example.com").Handle("GET /c", web.JSON(nothing))
	}
	p := parse(t, of(routes, openapi.Info{Host: "{tenant}.example.com"}))
	if p.Paths["/a"] == nil || p.Paths["/b"] == nil || p.Paths["/c"] != nil {
		t.Errorf("paths are %v", p.Paths)
	}
	if got := p.Paths["/b"]["get"].Parameters; len(got) != 0 {
		t.Errorf("the host's wildcard is a parameter: %v", got)
	}
}

func TestNames(t *testing.T) {
	p := parse(t, of(func(rt *web.Router) {
		rt.Handle("GET /a/{x}", web.JSON(nothing))
		rt.Handle("PUT /a/{y}", web.JSON(nothing))
		rt.Handle("GET /b/{rest...}", web.JSON(nothing))
		rt.Handle("GET /b/{name}", web.JSON(nothing))
		rt.Handle("GET /c/d-e/{id}", web.JSON(func(context.Context, web.None) (web.None, error) { return web.None{}, nil }))
		rt.Handle("GET /d", web.JSON(show2then))
		rt.Handle("GET /e/{id}", web.JSON(new(server).Show))
	}, openapi.Info{Describe: func(r web.Route, op *openapi.Operation) {
		if r.Pattern == "/d" {
			op.ID = "show"
		}
	}}))
	want := []string{"getBByRest", "getCDEById", "nothing", "nothingPut", "serverShow", "show"}
	if got := ids(p); !slices.Equal(got, want) {
		t.Errorf("names are %q, want %q", got, want)
	}
	put := p.Paths["/a/{x}"]["put"]
	if len(put.Parameters) != 1 || put.Parameters[0].Name != "x" || !slices.Equal(put.Tags, []string{"a"}) {
		t.Errorf("PUT /a/{y} is %+v", put)
	}
	if len(p.Paths) != 5 || p.Paths["/b/{rest}"]["get"].OperationID != "getBByRest" {
		t.Errorf("paths are %v", p.Paths)
	}
}

func show2then(context.Context, web.None) (web.None, error) { return web.None{}, nil }

func TestSecurity(t *testing.T) {
	p := parse(t, of(func(rt *web.Router) {
		for _, path := range []string{"/", "/api", "/apis", "/api/x", "/api/open/x", "/api/keys"} {
			rt.Handle("GET "+strings.TrimSuffix(path, "/")+"/{$}", web.JSON(nothing))
		}
	}, openapi.Info{Security: []openapi.Security{
		openapi.Basic("/"), openapi.Bearer("/api"), openapi.Cookie("/api/", "sid"), openapi.Public("/api/open"), openapi.Key("/api/keys", "X-Key"),
	}}))
	for path, want := range map[string]string{
		"/": "basic", "/apis/": "basic", "/api/": "bearer cookie-sid", "/api/x/": "bearer cookie-sid", "/api/open/x/": "", "/api/keys/": "key-x-key",
	} {
		var got []string
		op := p.Paths[path]["get"]
		for _, one := range op.Security {
			for name := range one {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s is secured by %q, want %q", path, got, want)
		}
		if _, refuses := op.Responses["401"]; refuses != (want != "") {
			t.Errorf("%s has the answers %v", path, op.Responses)
		}
	}
}

// TestProblem compares what is said by hand with what package web sends.
func TestProblem(t *testing.T) {
	said := parse(t, openapi.Of(wired())).Components.Schemas["Problem"].Properties
	sent := reflect.TypeFor[web.ProblemDetails]()
	for i := range sent.NumField() {
		name, _, _ := strings.Cut(sent.Field(i).Tag.Get("json"), ",")
		if said[name] == nil {
			t.Errorf("the schema Problem has no %q", name)
		}
	}
	if len(said) != sent.NumField() {
		t.Errorf("the schema Problem has %d properties, not %d", len(said), sent.NumField())
	}
}

func TestMistakes(t *testing.T) {
	one := func(rt *web.Router) { rt.Handle("GET /a", web.JSON(nothing)) }
	two := func(rt *web.Router) { one(rt); rt.Handle("GET /b", web.JSON(nothing)) }
	bad := func(rt *web.Router) {
		rt.Handle("GET /a", web.JSON(func(context.Context, web.None) (chan int, error) { return nil, nil }))
	}
	name := func(id string) openapi.Info {
		return openapi.Info{Describe: func(_ web.Route, op *openapi.Operation) { op.ID = id }}
	}
	for want, f := range map[string]func(){
		"openapi: Info needs a Title and a Version":          func() { openapi.Of(web.NewRouter(), openapi.Info{Title: "T"}) },
		`openapi: two operations are called "x"`:             func() { of(two, name("x")) },
		`openapi: GET /a: "a b" is no name`:                  func() { of(one, name("a b")) },
		"schema: ":                                           func() { of(bad, openapi.Info{}) },
		`openapi: the prefix "api" of a security must begin`: func() { openapi.Bearer("api") },
		"openapi: a security without the name of its cookie": func() { openapi.Cookie("/", "") },
	} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.HasPrefix(got, want) {
					t.Errorf("panic with %q, want %q", got, want)
				}
			}()
			f()
		}()
	}
	router := web.NewRouter()
	bad(router)
	router.Handle("GET /openapi.json", openapi.Handler(router, openapi.Info{Title: "T", Version: "1"}))
	for range 2 {
		webtest.Do(t, router, "GET /openapi.json", nil).Is(500)
	}
}

func TestFile(t *testing.T) {
	doc := openapi.Of(wired())
	name := filepath.Join(t.TempDir(), "api.ts")
	if err := doc.CheckFile(name); err == nil || !strings.Contains(err.Error(), "is not there") {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := doc.WriteFile(name); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		string(data): "",
		strings.ReplaceAll(string(data), "\n", "\r\n"):      "",
		strings.Replace(string(data), "Fleet", "Fleets", 1): `Line 1 is "// The client of Fleets`,
		string(data) + "more":                               "is out of date",
		"":                                                  "Line 1 is",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := doc.CheckFile(name)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("CheckFile gives %v, want %q", err, want)
		}
	}
	if doc.WriteFile("api.txt") == nil || doc.CheckFile("api.txt") == nil {
		t.Error("a file of another kind is taken")
	}
}
