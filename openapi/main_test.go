package openapi_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/openapi"
	"github.com/bennu-go/bennu/web"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // failures on purpose would fill the screen
	goleak.VerifyTestMain(m)
}

type (
	// state is an enum.
	state string

	point struct {
		Lat float64 `json:"lat" validate:"min=-90,max=90" doc:"Degrees north." example:"40.7"`
		Lon float64 `json:"lon" validate:"min=-180,max=180" doc:"Degrees east." example:"-74"`
	}

	Unit struct {
		_     struct{}   `doc:"A vehicle."`
		ID    int64      `json:"id" doc:"Never changes." example:"7"`
		Name  string     `json:"name" validate:"required,max=80" example:"Truck 7"`
		State state      `json:"state"`
		Where *point     `json:"where,omitempty" doc:"Where it was last."`
		Tags  []string   `json:"tags"`
		Since time.Time  `json:"since"`
		Owner *Unit      `json:"owner,omitempty"`
		Load  [2]float32 `json:"load"`
	}

	// Error has the name of something that the client uses.
	Error struct {
		Code int `json:"code"`
	}

	page[T any] struct {
		Items []T     `json:"items"`
		Next  *string `json:"next"`
	}

	listIn struct {
		State  []state       `query:"state" doc:"Only those in one of these states."`
		Limit  *int          `query:"limit" validate:"omitempty,min=1,max=100" doc:"At most so many." example:"20"`
		Within time.Duration `query:"within" doc:"Seen in that time."`
		Since  *time.Time    `query:"since"`
		Empty  bool          `query:"empty"`
	}

	showIn struct {
		ID    int64     `path:"id"`
		From  time.Time `query:"from"`
		Known string    `header:"If-None-Match"`
	}

	createIn struct {
		Name  string   `json:"name" validate:"required,max=80"`
		Where point    `json:"where"`
		Tags  []string `json:"tags" validate:"max=5"`
	}

	created struct {
		ID int64 `json:"id"`
	}

	renameIn struct {
		Unit  int64  `path:"unit"`
		ID    string `query:"id" json:"-"`
		Force bool   `query:"force"`
		Body  int64  `json:"id"`
		Name  string `json:"name" validate:"required"`
	}

	fileIn struct {
		Path string `path:"path"`
	}

	reply struct{ Status int }

	server struct{}
)

func (state) Enum() []state { return []state{"free", "busy", "lost"} }

func (created) StatusCode() int { return http.StatusCreated }

func (r reply) StatusCode() int { return r.Status }

func (*server) Show(_ context.Context, in showIn) (Unit, error) {
	if in.ID != 7 {
		return Unit{}, fault.NotFound.Errorf("unit %d is unknown", in.ID)
	}
	return Unit{ID: in.ID, Name: in.Known, State: "free", Since: in.From}, nil
}

func list(_ context.Context, in listIn) (page[Unit], error) {
	next := in.Within.String()
	return page[Unit]{Next: &next, Items: make([]Unit, len(in.State))}, nil
}

func create(_ context.Context, in createIn) (created, error) {
	return created{int64(len(in.Name))}, nil
}

func rename(_ context.Context, in renameIn) (*Unit, error) {
	if in.Name == "nobody" {
		return nil, nil
	}
	return &Unit{ID: in.Unit, Name: in.ID + in.Name, Owner: &Unit{ID: in.Body}}, nil
}

func remove(context.Context, fileIn) (web.None, error) { return web.None{}, nil }

func echo(_ context.Context, in []point) ([]point, error) { return in, nil }

func failures(context.Context, web.None) (map[string]Error, error) { return nil, nil }

func show(_ context.Context, in fileIn) (string, error) { return in.Path, nil }

func teapot(context.Context, struct {
	Key fault.Secret `header:"X-Api-Key" validate:"required"`
}) (reply, error) {
	return reply{}, fault.Forbidden.Errorf("a teapot")
}

type form struct {
	Name string `json:"name"`
}

func page1(context.Context, form) (web.View, error) { return hello{}, nil }

type hello struct{}

func (hello) Render(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "<h1>Hello</h1>")
	return err
}

func export(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a,b\n") }

// wired is a router with routes of all kinds, and what is said of it.
func wired() (*web.Router, openapi.Info) {
	router := web.NewRouter(web.SecureHeaders("default-src 'self'"), web.CrossOrigin())
	units := router.Scope("/api/units")
	units.Handle("GET", web.JSON(list).Doc("Lists the units"))
	units.Handle("POST", web.JSON(create).Doc("Adds a unit"))
	units.Handle("GET /{id}", web.JSON(new(server).Show).Doc("Shows a unit"))
	units.Handle("PATCH /{unit}", web.JSON(rename))
	units.Handle("PUT /{unit}", web.JSON(rename))
	units.Handle("DELETE /{unit}/files/{path...}", web.JSON(remove))
	files := router.Scope("/api/v1/files")
	files.Handle("GET /{path...}", web.JSON(show))
	files.Handle("GET /{$}", web.JSON(failures))
	router.Handle("/api/points", web.JSON(echo))
	router.Handle("GET /api/teapot", web.JSON(teapot))
	router.Handle("GET /api/closure", web.JSON(func(context.Context, web.None) (any, error) { return nil, nil }))
	router.Handle("GET /api/internal", web.JSON(failures))
	router.HandleFunc("GET /api/export.csv", export)
	router.Handle("POST /hello", web.Page(page1))
	router.Handle("GET /ping", http.HandlerFunc(export))
	router.Host("{tenant}.example.com").Handle("GET /api/tenant", web.JSON(show2))
	info := openapi.Info{
		Title:       "Fleet",
		Version:     "1.4",
		Description: "Where the units are.",
		Tags:        []openapi.Tag{{Name: "units", Description: "What moves."}},
		Security: []openapi.Security{
			openapi.Bearer("/api"), openapi.Cookie("/api", "session"),
			openapi.Key("/api/teapot", "X-Api-Key"), openapi.Public("/api/points"),
		},
		Describe: func(r web.Route, op *openapi.Operation) {
			switch r.Pattern {
			case "/api/internal":
				op.Hidden = true
			case "/api/export.csv":
				op.Hidden, op.Summary, op.Answer, op.Tag = false, "All units as CSV", "text/csv", "units"
			case "/api/teapot":
				op.Deprecated, op.Description = true, "Always refuses.\nBut politely."
			}
		},
	}
	router.Handle("GET /openapi.json", openapi.Handler(router, info))
	router.Handle("GET /api.ts", openapi.TypeScript(router, info))
	router.Mount("/docs", openapi.Explorer("/openapi.json"))
	return router, info
}

func show2(_ context.Context, in struct {
	Tenant string `path:"tenant"`
}) (string, error) {
	return in.Tenant, nil
}
