package web

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/bennu-go/bennu/fault"
)

// View is anything that renders itself: a component of templ, a page of package view.
// The context is the request's.
type View interface {
	Render(ctx context.Context, w io.Writer) error
}

// WithStatus gives a view that is answered with another status than 200, as a form is
// that comes back with its errors.
func WithStatus(status int, v View) View { return statusView{v, status} }

type statusView struct {
	View
	status int
}

func (v statusView) StatusCode() int { return v.status }

// RedirectTo gives a view that sends the client on to an address of this site, as in
// "/users/7?tab=2", with status 303: it asks there with GET. An address of another
// host is an internal error, for it may have come from outside; [RedirectOut] allows
// it.
func RedirectTo(address string) View { return redirect{address: address} }

// RedirectOut gives a view that sends the client on, with status 303, also to another
// host. Only http and https are taken. Do not give it an address that came with the
// request, or everybody can make links of yours that lead to theirs.
func RedirectOut(address string) View { return redirect{address, true} }

type redirect struct {
	address string
	out     bool
}

// Render writes the link that browsers do not show.
func (v redirect) Render(context.Context, io.Writer) error { return nil }

func (v redirect) check() error {
	if v.out {
		u, err := url.Parse(v.address)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fault.Internal.Errorf("a redirect to %.200q: want an address with http or https and a host", v.address)
		}
		return nil
	}
	if !isLocal(v.address) {
		return fault.Internal.Errorf("a redirect to %.200q, which is not of this site: want a path; use RedirectOut if it is meant", v.address)
	}
	return nil
}

// isLocal reports whether browsers take an address for a path of the same host. They
// read a backslash as a slash, and leave out tabs and line ends.
func isLocal(address string) bool {
	if address == "" || address[0] != '/' || strings.HasPrefix(address, "//") || strings.HasPrefix(address, `/\`) {
		return false
	}
	for i := range len(address) {
		if c := address[i]; c < ' ' || c == 0x7f || c == '\\' {
			return false
		}
	}
	u, err := url.Parse(address)
	return err == nil && u.Host == "" && u.Scheme == ""
}

// headerSafe prepares an address for Location, which holds ASCII only.
func headerSafe(address string) string {
	return percent(address, func(c byte) bool { return c > ' ' && c < 0x7f })
}

// percent escapes the bytes of a text that may not stay.
func percent(text string, stays func(c byte) bool) string {
	const hexes = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(text) {
		if c := text[i]; stays(c) {
			out.WriteByte(c)
		} else {
			out.Write([]byte{'%', hexes[c>>4], hexes[c&15]})
		}
	}
	return out.String()
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// show answers with a view. It renders before it writes, so that what cannot be
// rendered is a clean 500.
func show(w http.ResponseWriter, r *http.Request, v View) error {
	if v == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if to, ok := v.(redirect); ok {
		if err := to.check(); err != nil {
			return err
		}
		w.Header().Set("Location", headerSafe(to.address))
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	status, err := statusOf(v, http.StatusOK)
	if err != nil {
		return err
	}
	page := buffers.Get().(*bytes.Buffer)
	defer func() {
		if page.Cap() <= 1<<20 {
			page.Reset()
			buffers.Put(page)
		}
	}()
	if err := v.Render(r.Context(), page); err != nil {
		return rendering(err)
	}
	h := w.Header()
	if h["Content-Type"] == nil {
		h["Content-Type"] = htmlType
	}
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // the client is gone if it fails
	return nil
}

var htmlType = []string{"text/html; charset=utf-8"}

func rendering(err error) error {
	if isFault(err) {
		return err
	}
	return fault.Internal.Wrap(err, "the page cannot be rendered")
}
