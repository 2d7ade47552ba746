package webtest

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// Response is a whole answer. Its assertions end the test when they do not hold, and
// show the answer.
type Response struct {
	Status int
	Header http.Header // as it was sent: what was set after the answer began is not in it
	Body   string
	URL    *url.URL // of the request

	t       testing.TB
	client  *Client
	ask     ask
	cookies string     // as they were sent
	page    *html.Node // once it is parsed
}

// Is asserts the status.
func (r *Response) Is(status int) *Response {
	r.t.Helper()
	if r.Status != status {
		r.fatalf("the status is %s, want %s", statusText(r.Status), statusText(status))
	}
	return r
}

// Has asserts that a header has a value: the whole one, one of a list as in
// "Vary: Accept, Cookie", or one without its parameters, as "text/html" of
// "text/html; charset=utf-8".
func (r *Response) Has(name, value string) *Response {
	r.t.Helper()
	var have []string
	for _, line := range r.Header.Values(name) {
		have = append(have, line)
		for part := range strings.SplitSeq(line, ",") {
			bare, _, _ := strings.Cut(part, ";")
			have = append(have, strings.TrimSpace(part), strings.TrimSpace(bare))
		}
	}
	if !slices.Contains(have, value) {
		r.fatalf("the header %s is %q, want %q", name, r.Header.Values(name), value)
	}
	return r
}

// Cookie gives the cookie of that name as this answer sets it, with its attributes. It
// ends the test if there is none.
func (r *Response) Cookie(name string) *http.Cookie {
	r.t.Helper()
	var names []string
	for _, cookie := range setCookies(r) {
		if cookie.Name == name {
			return cookie
		}
		names = append(names, cookie.Name)
	}
	r.fatalf("no cookie %q is set, but %q", name, names)
	return nil
}

// String shows the answer, its body up to 4 KiB.
func (r *Response) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s: %s\n", r.ask.method, r.URL, statusText(r.Status))
	_ = r.Header.Write(&out)
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); {
	case r.Body == "":
	case !utf8.ValidString(r.Body):
		fmt.Fprintf(&out, "\n(%d bytes of %s)", len(r.Body), kind)
	default:
		out.WriteString("\n" + cut(r.Body, 4<<10))
	}
	return strings.TrimSpace(strings.ReplaceAll(out.String(), "\r\n", "\n"))
}

func (r *Response) fatalf(format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("webtest: %s\n\n%s", fmt.Sprintf(format, args...), r)
}

func statusText(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

// cut gives at most so many bytes of a text, in whole characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s… (%d bytes more)", text[:end], len(text)-end)
}
