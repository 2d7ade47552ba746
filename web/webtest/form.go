package webtest

import (
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Submit fills a form of the page and submits it, as a browser would: with its hidden
// fields, the defaults of what is not filled, its method, action and encoding. The CSS
// selector finds one form, whose first submit button is pressed, or one submit button.
// By name, values says
//
//   - what is typed, into one field of the name after the other
//   - which checkboxes are ticked, by their values; nil unticks all
//   - which radio button or which options of a select are chosen, by their values
//
// It ends the test where a user could not do that: no such field or choice, a field
// that is hidden, disabled or read-only, a file for a form that does not send files.
// What a browser checks before it submits, as "required", is not checked, so that the
// handler's own checks can be tested. The answer may be a redirect, see [Response.Follow].
func (r *Response) Submit(selector string, values url.Values, files ...File) *Response {
	r.t.Helper()
	f := r.form(selector)
	entries := f.fill(values, files)
	a := ask{method: http.MethodPost, url: r.URL}
	if action := f.setting("action"); action != "" {
		a.url = r.resolve(action)
	}
	encoding := strings.ToLower(f.setting("enctype"))
	method := strings.ToLower(f.setting("method"))
	if len(files) > 0 && (method != "post" || encoding != "multipart/form-data") {
		r.fatalf("%s has no method=\"post\" enctype=\"multipart/form-data\": a browser would send the file's name alone", selector)
	}
	switch method {
	case "post":
	case "dialog":
		r.fatalf("%s has the method dialog, which sends nothing", selector)
	default:
		to := *a.url
		to.RawQuery, to.Fragment, to.RawFragment = query(entries), "", ""
		return r.visit(ask{method: http.MethodGet, url: &to})
	}
	switch encoding {
	case "multipart/form-data":
		a.body = multiparted(entries)
	case "text/plain":
		r.fatalf("%s has the enctype text/plain, which no program can read", selector)
	default:
		a.body = urlencoded(entries)
	}
	return r.visit(a)
}

// form is a form of a page with its controls.
type form struct {
	page     *Response
	selector string
	node     *html.Node
	pressed  *html.Node // the submit button, or nil if there is none
	controls []*html.Node
}

func (r *Response) form(selector string) form {
	r.t.Helper()
	n := r.Find(selector).one()
	f := form{page: r, selector: selector, node: n}
	if n.DataAtom != atom.Form {
		f.node, f.pressed = r.owner(n), n
		if !isSubmit(n) || f.node == nil {
			r.fatalf("%s is neither a form nor a submit button of one: %s", selector, tag(n))
		}
	}
	for c := range r.document().Descendants() {
		switch c.DataAtom {
		case atom.Input, atom.Select, atom.Textarea, atom.Button:
			if r.owner(c) != f.node {
				continue
			}
			f.controls = append(f.controls, c)
			if f.pressed == nil && isSubmit(c) {
				f.pressed = c
			}
		}
	}
	if f.pressed != nil && disabled(f.pressed) {
		r.fatalf("the submit button of %s is disabled: %s", selector, tag(f.pressed))
	}
	return f
}

// owner is the form that a control belongs to, or nil.
func (r *Response) owner(control *html.Node) *html.Node {
	if id, ok := attr(control, "form"); ok {
		for n := range r.document().Descendants() {
			if have, _ := attr(n, "id"); have == id && n.DataAtom == atom.Form {
				return n
			}
		}
		return nil
	}
	for n := range control.Ancestors() {
		if n.DataAtom == atom.Form {
			return n
		}
	}
	return nil
}

// setting is an attribute of the form, or of the button that is pressed.
func (f form) setting(name string) string {
	if f.pressed != nil {
		if value, ok := attr(f.pressed, "form"+name); ok {
			return value
		}
	}
	value, _ := attr(f.node, name)
	return value
}

func isSubmit(n *html.Node) bool {
	kind := kindOf(n)
	return n.DataAtom == atom.Button && kind != "button" && kind != "reset" ||
		n.DataAtom == atom.Input && (kind == "submit" || kind == "image")
}

func kindOf(n *html.Node) string {
	kind, _ := attr(n, "type")
	return strings.ToLower(kind)
}

// disabled tells that a control cannot be used, by itself or by a fieldset around it;
// the legend of a fieldset is not disabled with it.
func disabled(n *html.Node) bool {
	if has(n, "disabled") {
		return true
	}
	inside := n
	for a := range n.Ancestors() {
		if a.DataAtom == atom.Fieldset && has(a, "disabled") && inside.DataAtom != atom.Legend {
			return true
		}
		inside = a
	}
	return false
}
