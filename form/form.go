package form

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web"
)

// Form is a form with what is in it: a view, and a value. Its methods give back another
// one.
type Form struct {
	action string
	form   changeset.Form
	method string
	inside []web.View
	extra  extra
}

// For is a form that is sent to an address by POST:
//
//	@form.For("/users", f) {
//		@form.Text(f, "name")
//		@form.Submit("Save")
//	}
//
// In Go what is inside is given to [Form.With]. The address is a path, or has http or
// https; another one is an error of Render.
func For(action string, f changeset.Form) Form {
	return Form{action: action, form: f, method: http.MethodPost}
}

// Method is how the form is sent: GET, POST, or PUT, PATCH and DELETE by way of
// web.MethodOverride.
func (f Form) Method(method string) Form {
	f.method = strings.ToUpper(method)
	return f
}

// With is what is inside, before templ's children.
func (f Form) With(inside ...web.View) Form {
	f.inside = append(f.inside[:len(f.inside):len(f.inside)], inside...)
	return f
}

// Attr sets an attribute of the form. A class is added to "form", its own one; the method
// is that of [Form.Method].
func (f Form) Attr(name, value string) Form {
	if name == "method" {
		return f.Method(value)
	}
	f.extra = f.extra.with(name, value)
	return f
}

// Flag sets an attribute without a value, such as novalidate.
func (f Form) Flag(name string, on bool) Form {
	f.extra = f.extra.flagged(name, on)
	return f
}

// Render writes the form. What is inside is rendered first, for the summary of its errors
// and the encoding if there are files.
func (f Form) Render(ctx context.Context, w io.Writer) error {
	children := templ.GetChildren(ctx)
	c := new(collector)
	ctx = context.WithValue(templ.ClearChildren(ctx), collectorKey{}, c)
	var inside bytes.Buffer
	for _, v := range append(f.inside[:len(f.inside):len(f.inside)], children) {
		if err := v.Render(ctx, &inside); err != nil {
			return err
		}
	}
	c.learnRest(ctx, f.form.Wrong())
	m := new(markup)
	if err := f.start(ctx, m, c); err != nil {
		return err
	}
	m.Write(inside.Bytes())
	m.close("form")
	_, err := io.WriteString(w, m.String())
	return err
}

// start writes all that is before the form's inside.
func (f Form) start(ctx context.Context, m *markup, c *collector) error {
	action, err := target(f.action)
	if err != nil {
		return err
	}
	all := list("class", "form", "action", "", "method", "post", "accept-charset", "utf-8")
	if c.files {
		all.set("enctype", "multipart/form-data")
	}
	if err := f.extra.onto(&all); err != nil {
		return err
	}
	override := "" // the method, if browsers do not know it
	switch f.method {
	case http.MethodGet:
		all.set("method", "get")
	case http.MethodPost:
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
		override = f.method
	default:
		return fault.Internal.Errorf("form: the method %q is none of GET, POST, PUT, PATCH and DELETE", f.method)
	}
	if override != "" && all.get("enctype") == "multipart/form-data" { // nobody reads the body for it
		action.RawQuery = strings.TrimPrefix(action.RawQuery+"&_method="+override, "&")
		override = ""
	}
	all.set("action", action.String())
	m.open("form", all)
	if override != "" {
		m.open("input", list("type", "hidden", "name", "_method", "value", override))
	}
	if f.method != http.MethodGet && action.Host == "" {
		if err := f.token(ctx, m); err != nil {
			return err
		}
	}
	if c.rows {
		m.WriteString(`<button type="submit" hidden></button>`)
	}
	c.summary(ctx, m, f.form.Errors())
	return nil
}

// target reads an address that does not run a script, and is read by browsers as by Go.
func target(action string) (*url.URL, error) {
	u, err := url.Parse(action)
	if err != nil || strings.Contains(action, `\`) || u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" {
		return nil, fault.Internal.Errorf("form: the address %q is neither a path nor one of http or https", action)
	}
	return u, nil
}

// token writes the field that web.CSRF looks for. Without a session there is none.
func (f Form) token(ctx context.Context, m *markup) error {
	if !web.HasSession(ctx) {
		return nil
	}
	token, err := web.CSRFToken(ctx)
	if err != nil {
		return err
	}
	m.open("input", list("type", "hidden", "name", web.CSRFField, "value", token))
	return nil
}
