package webtest_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/web/webtest"
)

const fields = `<form id=f method=POST action="save?keep=1#top">
<input type=hidden name=_csrf_token value=secret><input type=hidden name=_method value=put>
<input name=user[name] value=Old> <input type=email name=email disabled value=no> <input name=fixed readonly value=same>
<input value=nameless> <textarea name=bio>
line 1
line 2</textarea>
<input type=hidden name=news value=no><input type=checkbox name=news value=yes checked>
<input type=checkbox name=tag value=a><input type=checkbox name=tag value=b checked><input type=checkbox name=plain>
<input type=radio name=size value=s checked><input type=radio name=size value=l>
<select name=color><option disabled>none<option>red<option value=b selected>blue</select>
<select name=first><option value="">choose<option value=1>one</select>
<select name=many multiple><option selected>x<option>y<optgroup disabled><option selected>z</optgroup></select>
<select name=empty></select>
<input name=phone value=1><input name=phone value=2>
<fieldset disabled><legend><input name=inlegend value=1></legend><input name=off value=1></fieldset>
<input type=button name=b1 value=1><input type=reset name=b2 value=1><button type=button name=b3 value=1>x</button>
<button name=do value=save>Save</button><button class=delete name=do value=delete formaction=/delete>Delete</button>
<button class=search formmethod=get formaction=/search name=do value=search>Search</button>
<button class=stuck disabled>x</button>
</form>
<input form=f name=outside value=yes><form id=g><input name=q value=1></form><template><form id=t></form></template>`

func submit(t testing.TB, page, selector string, values url.Values, files ...webtest.File) *webtest.Response {
	t.Helper()
	return webtest.New(t, site(page)).Get("/in/page?old=1").Submit(selector, values, files...)
}

// sent gives what came at the handler, and the form that came.
func sent(t *testing.T, res *webtest.Response) (line string, form url.Values) {
	t.Helper()
	line, rest, _ := strings.Cut(res.Body, "\n")
	rest, _, _ = strings.Cut(rest, "\n")
	form, err := url.ParseQuery(rest)
	if err != nil {
		t.Fatal(err)
	}
	return line, form
}

func TestSubmitSendsWhatABrowserSends(t *testing.T) {
	line, form := sent(t, submit(t, fields, "#f", nil))
	if line != "POST example.test /in/save?keep=1" {
		t.Errorf("it went to %s", line)
	}
	want := url.Values{
		"keep": {"1"}, "_csrf_token": {"secret"}, "_method": {"put"}, "user[name]": {"Old"}, "fixed": {"same"}, "bio": {"line 1\r\nline 2"},
		"news": {"no", "yes"}, "tag": {"b"}, "size": {"s"}, "color": {"b"}, "first": {""}, "many": {"x"}, "phone": {"1", "2"}, "inlegend": {"1"},
		"do": {"save"}, "outside": {"yes"},
	}
	if form.Encode() != want.Encode() {
		t.Errorf("got  %s\nwant %s", form.Encode(), want.Encode())
	}
}

func TestSubmitFills(t *testing.T) {
	_, form := sent(t, submit(t, fields, "#f", url.Values{
		"user[name]": {"Ada"}, "bio": {""}, "news": nil, "tag": {"b", "a"}, "plain": {"on"}, "size": {"l"}, "color": {"red"}, "first": {"1"},
		"many": {"y"}, "phone": {"3"}, "outside": {"no"},
	}))
	want := url.Values{
		"keep": {"1"}, "_csrf_token": {"secret"}, "_method": {"put"}, "user[name]": {"Ada"}, "fixed": {"same"}, "bio": {""},
		"news": {"no"}, "tag": {"a", "b"}, "plain": {"on"}, "size": {"l"}, "color": {"red"}, "first": {"1"}, "many": {"y"}, "phone": {"3", "2"},
		"inlegend": {"1"}, "do": {"save"}, "outside": {"no"},
	}
	if form.Encode() != want.Encode() {
		t.Errorf("got  %s\nwant %s", form.Encode(), want.Encode())
	}
}

func TestSubmitByAButton(t *testing.T) {
	if line, form := sent(t, submit(t, fields, ".delete", nil)); line != "POST example.test /delete" || form.Get("do") != "delete" {
		t.Errorf("got %s %s", line, form)
	}
	if line, form := sent(t, submit(t, fields, ".search", nil)); !strings.HasPrefix(line, "GET example.test /search?_csrf_token=secret&") || form.Get("do") != "search" {
		t.Errorf("got %s %s", line, form)
	}
	// Without action it goes to the page itself, and by GET the form is the whole query.
	if res := submit(t, fields, "#g", url.Values{"q": {"a b&c"}}); res.URL.String() != "https://example.test/in/page?q=a+b%26c" {
		t.Errorf("it went to %s", res.URL)
	}
}

func TestSubmitFiles(t *testing.T) {
	const page = `<form id=f method=post action=/up enctype=multipart/form-data><input name=title><input type=file name=one><input type=file name=all multiple></form>`
	res := submit(t, page, "#f", url.Values{"title": {"ä"}},
		webtest.File{Field: "all", Name: "1.txt", Data: "1"}, webtest.File{Field: "all", Name: "2.txt", Type: "text/plain", Data: "22"})
	for _, want := range []string{
		"one=&title=%C3%A4", // a file without a name is a value to net/http
		"all: \"1.txt\" application/octet-stream 1\nall: \"2.txt\" text/plain 2",
	} {
		if !strings.Contains(res.Body, want) {
			t.Errorf("got %s, want %s", res.Body, want)
		}
	}
	two := []webtest.File{{Field: "one", Name: "1"}, {Field: "one", Name: "2"}}
	mustSay(t, func(t testing.TB) { submit(t, page, "#f", nil, two...) }, `#f has no place for the file "2" in "one"`)
}

func TestSubmitFails(t *testing.T) {
	for want, c := range map[string]struct {
		selector string
		values   url.Values
		files    []webtest.File
	}{
		`#f has no field "nmae" that a user can fill; it has:` + "\n  \"_csrf_token (hidden)\"\n  \"_method (hidden)\"\n  \"user[name]\"": {"#f", url.Values{"nmae": {"x"}}, nil},
		`#f has no field "_csrf_token" that a user can fill`:                                                                              {"#f", url.Values{"_csrf_token": {"x"}}, nil},
		`#f has no field "email" that a user can fill`:                                                                                    {"#f", url.Values{"email": {"x"}}, nil},
		`#f has no field "fixed" that a user can fill`:                                                                                    {"#f", url.Values{"fixed": {"x"}}, nil},
		`#f has no field "off" that a user can fill`:                                                                                      {"#f", url.Values{"off": {"x"}}, nil},
		`#f has no place for ["z"] in "tag"`:                                                                                              {"#f", url.Values{"tag": {"a", "z"}}, nil},
		`#f has no place for ["m"] in "size"`:                                                                                             {"#f", url.Values{"size": {"m"}}, nil},
		`#f has no place for ["none"] in "color"`:                                                                                         {"#f", url.Values{"color": {"none"}}, nil},
		`#f has no place for ["b"] in "color"`:                                                                                            {"#f", url.Values{"color": {"red", "b"}}, nil},
		`#f has no place for ["z"] in "many"`:                                                                                             {"#f", url.Values{"many": {"z"}}, nil},
		`#f has no place for ["3"] in "phone"`:                                                                                            {"#f", url.Values{"phone": {"1", "2", "3"}}, nil},
		`#d2 has no method="post" enctype="multipart/form-data": a brow`:                                                                  {"#d2", nil, []webtest.File{{Field: "doc", Name: "a"}}},
		`#d5 has no method="post" enctype="multipart/form-data": a brow`:                                                                  {"#d5", nil, []webtest.File{{Field: "doc", Name: "a"}}},
		`the submit button of .stuck is disabled: <button class="stuck"`:                                                                  {".stuck", nil, nil},
		`2 elements match "form#f, form#g", want one`:                                                                                     {"form#f, form#g", nil, nil},
		`0 elements match "#t", want one`:                                                                                                 {"#t", nil, nil},
		`#d has the method dialog, which sends nothing`:                                                                                   {"#d", nil, nil},
		`#d3 has the enctype text/plain`:                                                                                                  {"#d3", nil, nil},
		`https://other.test/ is not on example.test`:                                                                                      {"#d4", nil, nil},
	} {
		page := fields + `<form id=d method=dialog></form><form id=d2 method=post><input type=file name=doc></form>
			<form id=d3 method=post enctype=text/plain></form><form id=d4 method=post action=https://other.test/></form>
			<form id=d5 enctype=multipart/form-data><input type=file name=doc></form>`
		mustSay(t, func(t testing.TB) { submit(t, page, c.selector, c.values, c.files...) }, want)
	}
}

func TestSubmitThenFollow(t *testing.T) {
	h := answer(200, "text/html", `<form method=post action=/x><input name=a></form>`)
	res := webtest.New(t, h).Get("/").Submit("form", url.Values{"a": {"1"}}).Is(200)
	res.Submit("form", nil).Is(200) // a form again, as after 422
}

func FuzzSubmit(f *testing.F) {
	f.Add(fields, "#f", "user[name]", "Ada")
	f.Add(`<form><select name=a><option>`, "form", "a", "")
	f.Add(`<table><form><tr><td><input name=a type=file></form>`, "form", "a", "b")
	f.Fuzz(func(t *testing.T, page, selector, name, value string) {
		got := said(t, func(t testing.TB) { submit(t, page, selector, url.Values{name: {value}}) })
		if got != "" && !strings.HasPrefix(got, "webtest: ") {
			t.Error(got)
		}
	})
}
