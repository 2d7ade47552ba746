package openapi_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/openapi"
	"github.com/bennu-go/bennu/web"
)

// color is text in a query, and something else in JSON.
type color struct{ R, G, B uint8 }

func (c *color) UnmarshalText([]byte) error { return nil }
func (c *color) UnmarshalJSON([]byte) error { return nil }

// TestParameters has every kind of field that is read from a text.
func TestParameters(t *testing.T) {
	type in struct {
		ID      int64           `path:"id"`
		Every   time.Duration   `query:"every" doc:"How often."`
		Steps   []time.Duration `query:"steps"`
		Maybe   *time.Duration  `query:"maybe"`
		Color   color           `query:"color"`
		Colors  []color         `query:"colors"`
		State   *state          `query:"state" doc:"Only those."`
		States  []state         `query:"states" validate:"required"`
		Flag    *bool           `query:"flag"`
		When    []time.Time     `query:"when"`
		Quoted  int             `query:"quoted" json:"q,string"`
		Must    string          `query:"must" validate:"required,max=3"`
		Header  []string        `header:"x-many"`
		Nothing string          `header:"Accept"`
	}
	doc := of(func(rt *web.Router) {
		rt.Handle("GET /{other}/{id}", web.JSON(func(context.Context, in) (web.None, error) { return web.None{}, nil }))
	}, openapi.Info{})
	const want = `getByOtherById(input: {
    other: string;
    /** A number is exact up to 2^53. */
    id: number;
    /**
     * How often.
     * @example "1m30s"
     */
    every?: string;
    steps?: string[];
    /** @example "1m30s" */
    maybe?: string;
    color?: string;
    colors?: string[];
    /** Only those. */
    state?: State;
    states: State[];
    flag?: boolean;
    when?: string[];
    quoted?: number;
    must: string;
    "X-Many"?: string[];
    Accept?: string;
  }, options?: CallOptions): Promise<void>;`
	got := string(doc.TypeScript())
	got, _, _ = strings.Cut(got[strings.Index(got, "getByOtherById"):], "\n}")
	if got != want {
		t.Errorf("the client is\n%s\nwant\n%s", got, want)
	}
	op := parse(t, doc).Paths["/{other}/{id}"]["get"]
	if n := len(op.Parameters); n != 14 || op.Parameters[0].Name != "other" || op.Parameters[13].Name != "X-Many" {
		t.Errorf("the parameters are %v", op.Parameters)
	}
}

// card is an answer for programs and people.
type card struct {
	Name string `json:"name"`
}

func (card) Render(context.Context, io.Writer) error { return nil }

// gone has a status that its zero value does not know.
type gone struct{ status *int }

func (g gone) StatusCode() int { return *g.status }

func TestAnswers(t *testing.T) {
	p := parse(t, of(func(rt *web.Router) {
		rt.Handle("GET /view", web.JSON(func(context.Context, web.None) (card, error) { return card{}, nil }))
		rt.Handle("GET /gone", web.JSON(func(context.Context, web.None) (gone, error) { return gone{}, nil }))
		rt.Handle("GET /pointer", web.JSON(func(context.Context, web.None) (*created, error) { return nil, nil }))
		rt.Handle("GET /list", web.JSON(func(context.Context, web.None) ([]card, error) { return nil, nil }))
		rt.Handle("GET /none", web.JSON(nothing))
	}, openapi.Info{}))
	for path, want := range map[string]string{
		"/view": "200 application/json text/html", "/gone": "2XX application/json",
		"/pointer": "201 application/json 204", "/list": "200 application/json", "/none": "204",
	} {
		var got []string
		responses := p.Paths[path]["get"].Responses
		for _, status := range []string{"200", "201", "204", "2XX"} {
			r, ok := responses[status]
			if !ok {
				continue
			}
			got = append(got, status)
			for _, media := range []string{"application/json", "text/html"} {
				if r.Content[media] != nil {
					got = append(got, media)
				}
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s answers %q, want %q", path, got, want)
		}
		if responses["default"].Ref == "" {
			t.Errorf("%s has no default answer", path)
		}
	}
}
