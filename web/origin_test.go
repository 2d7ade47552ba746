package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

func TestCrossOriginAndSameSite(t *testing.T) {
	cross := web.Chain(say(""), web.CrossOrigin("https://friend.example"))
	same := web.Chain(say(""), web.SameSite("https://friend.example"))
	for _, c := range []struct {
		request     string
		headers     []string
		cross, same int
	}{
		{"POST /", nil, 200, 200},
		{"POST /", []string{"Sec-Fetch-Site: same-origin"}, 200, 200},
		{"POST /", []string{"Sec-Fetch-Site: none"}, 200, 200},
		{"POST /", []string{"Sec-Fetch-Site: same-site"}, 403, 403},
		{"POST /", []string{"Sec-Fetch-Site: cross-site"}, 403, 403},
		{"POST /", []string{"Sec-Fetch-Site: cross-site", "Origin: https://friend.example"}, 200, 200},
		{"POST /", []string{"Origin: https://evil.example"}, 403, 403},
		{"POST /", []string{"Origin: http://example.com"}, 200, 200},
		{"POST /", []string{"Origin: null"}, 403, 403},
		{"GET /", nil, 200, 200},
		{"GET /", []string{"Sec-Fetch-Site: none"}, 200, 200},
		{"GET /", []string{"Sec-Fetch-Site: same-site"}, 200, 200},
		{"GET /", []string{"Sec-Fetch-Site: cross-site"}, 200, 403},
		{"GET /", []string{"Sec-Fetch-Site: cross-site", "Origin: https://friend.example"}, 200, 200},
		{"GET /", []string{"Origin: https://evil.example"}, 200, 403},
		{"GET /", []string{"Origin: http://example.com"}, 200, 200},
		{"OPTIONS /", []string{"Sec-Fetch-Site: cross-site"}, 200, 403},
	} {
		for plug, h := range map[string]http.Handler{"CrossOrigin": cross, "SameSite": same} {
			want := c.cross
			if plug == "SameSite" {
				want = c.same
			}
			res := webtest.Do(t, h, c.request, nil, c.headers...)
			if res.Status != want || want == 403 && !strings.Contains(res.Body, `"status":403`) {
				t.Errorf("%s: %s %v: %d %s, want %d", plug, c.request, c.headers, res.Status, res.Body, want)
			}
		}
	}
	mustPanic(t, "bad origin", func() { web.CrossOrigin("friend.example") })
}
