package webtest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/web/webtest"
)

const table = `<!doctype html><title>Users</title><style>h1 {}</style>
<h1>All  <em>us</em>ers<br>here</h1><template><p class=t>later</p></template><noscript><i>No scripts</i></noscript>
<table><tr id=u1><td class=name>Ada</td><td>1</td></tr><tr id=u2><td class=name>Bob</td><td>2</td></tr></table>
<div><div><b>deep</b></div></div><script>let x = "<p>"</script>`

func TestFind(t *testing.T) {
	res := get(t, table)
	if got := res.Find("h1").Text(); got != "All users here" {
		t.Errorf("got %q", got)
	}
	if got := res.Find("table tr td.name").Texts(); !slices.Equal(got, []string{"Ada", "Bob"}) {
		t.Errorf("got %q", got)
	}
	if got := res.Find("title, noscript i").Texts(); !slices.Equal(got, []string{"Users", "No scripts"}) {
		t.Errorf("got %q", got)
	}
	if got := res.Find("tr").Texts(); !slices.Equal(got, []string{"Ada 1", "Bob 2"}) {
		t.Errorf("got %q", got)
	}
	if n := res.Find("template p, .none").Len(); n != 0 {
		t.Errorf("%d found in a template", n)
	}
	if n := res.Find("div").Find("b").Len(); n != 1 {
		t.Errorf("what is inside of two is found %d times", n)
	}
	if got := res.Find("body").Texts(); strings.Contains(got[0], "let x") || strings.Contains(got[0], "later") {
		t.Errorf("got %q", got)
	}
	var rows []string
	for row := range res.Find("tr").All() {
		rows = append(rows, row.Attr("id")+" "+row.Find(".name").Text())
		if len(rows) == 2 {
			break
		}
	}
	if !slices.Equal(rows, []string{"u1 Ada", "u2 Bob"}) {
		t.Errorf("got %q", rows)
	}
	res.Shows("td", "Ad").Shows("td", "2").Shows("title", "Users")
	if got := get(t, "\n<!-- part -->\n<tr><td>1</td></tr><tr><td>2</td></tr>").Find("tr td").Texts(); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("the rows of a part are %q", got)
	}
}

func TestFindFails(t *testing.T) {
	for want, find := range map[string]func(r *webtest.Response){
		`0 elements match "h2", want one` + "\n\nGET https://example.test/list/: 200 OK": func(r *webtest.Response) { r.Find("h2").Text() },
		`2 elements match "tr td.name", want one` + "\n  \"Ada\"\n  \"Bob\"":             func(r *webtest.Response) { r.Find("tr").Find("td.name").Text() },
		`tr (1 of 2) has no attribute "class": <tr id="u1">`:                             func(r *webtest.Response) { first(r.Find("tr")).Attr("class") },
		`0 elements match "tr (1 of 2) th", want one`:                                    func(r *webtest.Response) { first(r.Find("tr")).Find("th").Attr("x") },
		`none of 2 elements that match ".name" shows "Cy"` + "\n  \"Ada\"\n  \"Bob\"":    func(r *webtest.Response) { r.Shows(".name", "Cy") },
		`none of 0 elements that match ".no" shows "x"`:                                  func(r *webtest.Response) { r.Shows(".no", "x") },
	} {
		mustSay(t, func(t testing.TB) { find(get(t, table)) }, want)
	}
	mustSay(t, func(t testing.TB) { get(t, strings.Repeat("<p>x</p>", 12)).Find("p").Text() }, "… 2 more")
}

func first(s webtest.Selection) webtest.Selection {
	for one := range s.All() {
		return one
	}
	return s
}

// site answers /page with that HTML, and all else with the request.
func site(page string, headers ...string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /in/page", func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		answer(200, "text/html", page)(w, r)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Accept", "Referer", "Origin", "Sec-Fetch-Site"} {
			if value := r.Header.Get(name); value != "" {
				w.Header().Set("Got-"+name, value)
			}
		}
		echo(w, r)
	})
	return mux
}

func TestClick(t *testing.T) {
	const page = `<a class=next href=" next?a=1#x">Next</a><a class=up href="/up">Up</a><a class=self href="?p=2">…</a>
		<form action=/press method=post><button name=do value=it>Press</button><input type=submit class=input></form>`
	for selector, want := range map[string]string{
		".next":  "GET example.test /in/next?a=1\na=1",
		".up":    "GET example.test /up\n",
		"button": "POST example.test /press\ndo=it",
		".input": "POST example.test /press\n",
	} {
		res := webtest.New(t, site(page)).Get("/in/page?q").Click(selector)
		if res.Body != want {
			t.Errorf("%s: got %q, want %q", selector, res.Body, want)
		}
		res.Has("Got-Referer", "https://example.test/in/page?q").Has("Got-Sec-Fetch-Site", "same-origin").Has("Got-Accept", "text/html")
		if res.Body[:1] == "P" {
			res.Has("Got-Origin", "https://example.test")
		}
	}
	webtest.New(t, site(page)).Get("/in/page").Click(".self").Is(200).Find("button").Text()
	webtest.New(t, site(page), "Accept: a/b").Get("/in/page").Click(".up").Has("Got-Accept", "a/b")
	if res := webtest.New(t, site(`<base href="/else/">`+page)).Get("/in/page").Click(".next"); res.URL.Path != "/else/next" {
		t.Errorf("with a base it went to %s", res.URL)
	}
	res := webtest.New(t, site(page, "Referrer-Policy", "no-referrer")).Get("/in/page").Click("button").Has("Got-Origin", "null")
	if res.Header.Get("Got-Referer") != "" {
		t.Error("a referer is sent")
	}
	plain := webtest.New(t, site(page))
	plain.Origin = "http://example.test"
	if res := plain.Get("/in/page").Click(".up"); res.Header.Get("Got-Sec-Fetch-Site") != "" {
		t.Error("Sec-Fetch-Site is sent over http")
	}
}

func TestClickFails(t *testing.T) {
	const page = `<a class=away href="https://other.test/x">x</a><a class=mail href="mailto:a@b.c">x</a><a class=bad href="http://[">x</a>
		<a class=none>x</a><p>x</p><button class=lone>x</button><button type=button>x</button>`
	for selector, want := range map[string]string{
		".away":         "https://other.test/x is not on example.test; assert the way there",
		".mail":         "mailto:a@b.c is not on example.test",
		".bad":          `the page leads to "http://[", which is no URL`,
		".none":         `.none is neither a link nor a button: <a class="none">`,
		"p":             "p is neither a link nor a button: <p>",
		"a":             `4 elements match "a", want one`,
		".lone":         `.lone is neither a form nor a submit button of one: <button class="lone">`,
		"[type=button]": `is neither a form nor a submit button of one`,
	} {
		mustSay(t, func(t testing.TB) { webtest.New(t, site(page)).Get("/in/page").Click(selector) }, want)
	}
}
