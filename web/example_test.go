package web_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing/fstest"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web"
)

type unit struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func show(_ context.Context, in struct {
	ID string `path:"id"`
}) (unit, error) {
	if in.ID != "7" {
		return unit{}, fault.NotFound.Errorf("unit %s is unknown", in.ID)
	}
	return unit{in.ID, "Truck"}, nil
}

// An endpoint is a child of a supervision tree; here it is run by hand.
func Example() {
	router := web.NewRouter(web.SecureHeaders("default-src 'self'"), web.CrossOrigin())
	api := router.Scope("/api")
	api.Handle("GET /units/{id}", web.JSON(show))
	router.Mount("/assets", web.Static(fstest.MapFS{"app.js": {Data: []byte("…")}}))
	endpoint := &web.Endpoint{Addr: "127.0.0.1:0", Handler: router}

	quiet := telemetry.WithLogger(context.Background(), slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(quiet)
	defer stop()
	if err := endpoint.Start(ctx); err != nil { // the address is bound
		fmt.Println(err)
		return
	}
	done := make(chan error)
	go func() { done <- endpoint.Serve(ctx) }()

	for _, path := range []string{"/api/units/7", "/assets/app.js"} {
		res, err := http.Get(endpoint.URL() + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		fmt.Println(res.StatusCode, res.Header.Get("Content-Type"), string(body))
	}
	stop()
	fmt.Println(<-done)
	http.DefaultClient.CloseIdleConnections()
	// Output:
	// 200 application/json {"id":"7","name":"Truck"}
	// 200 text/javascript; charset=utf-8 …
	// <nil>
}

func ExampleJSON() {
	router := web.NewRouter()
	router.Handle("GET /units/{id}", web.JSON(show))

	for _, path := range []string{"/units/7", "/units/8"} {
		w := httptest.NewRecorder()
		router.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 {"id":"7","name":"Truck"}
	// 404 {"type":"about:blank","title":"Not Found","status":404,"detail":"unit 8 is unknown"}
}

func ExampleRouter_Routes() {
	router := web.NewRouter()
	units := router.Scope("/units")
	units.Handle("GET /{id}", web.JSON(show))
	units.HandleFunc("POST", func(http.ResponseWriter, *http.Request) {})

	for _, route := range router.Routes() {
		fmt.Println(route.Method, route.Pattern)
	}
	// Output:
	// GET /units/{id}
	// POST /units
}
