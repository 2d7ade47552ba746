package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
)

const (
	maxPartHeader = 16 << 10 // bytes of one part's header
	maxFieldName  = 256      // bytes
	slowestUpload = 16 << 10 // bytes a second; who is slower is out of time
)

// Upload takes the files of a form that is sent as multipart/form-data, one after the other
// as they arrive, within limits. A zero limit means its default. What is over a limit is
// answered with 413, a text that says which, and the end of the connection.
//
//	photos := web.Upload{MaxFile: 5 << 20, Types: []string{"image/jpeg", "image/png"}}
//
// An Upload raises the request's body limit of 1 MiB to its MaxTotal, so it must come
// before anything that reads the body. It also raises the time limits of the server, by
// a second for each 16 KiB that arrive: who sends faster than that gets through.
//
// Malformed and truncated forms are fault.Invalid, other bodies are answered with 415. An
// Upload is a value that many requests may share.
type Upload struct {
	MaxFile   int64    // bytes of one file; default 10 MiB
	MaxFiles  int      // default 10
	MaxField  int64    // bytes of one text field; default 64 KiB
	MaxFields int      // default 100
	MaxTotal  int64    // bytes of the whole body; default MaxFile times MaxFiles and 1 MiB
	Types     []string // of content that are taken, as in "image/png" or "image/*"; default all; else 415
}

func (u Upload) withDefaults() Upload {
	u.MaxFile = cmp.Or(u.MaxFile, 10<<20)
	u.MaxFiles = cmp.Or(u.MaxFiles, 10)
	u.MaxField = cmp.Or(u.MaxField, 64<<10)
	u.MaxFields = cmp.Or(u.MaxFields, 100)
	u.MaxTotal = cmp.Or(u.MaxTotal, u.MaxFile*int64(u.MaxFiles)+1<<20)
	return u
}

// Part is a file of a form while it arrives. Reading it gives its content; what is left
// unread is skipped.
type Part struct {
	Field string // the name of the form's field
	Name  string // of the file, as [Upload.Each] says
	Type  string // what the first 512 bytes look like, as in "image/png"; not what the client says
	// Fields are the text fields that came before the file.
	Fields url.Values

	content io.Reader
}

// Read reads the content. An error is one to return.
func (p *Part) Read(b []byte) (int, error) { return p.content.Read(b) }

// Each calls f for each file, while it arrives, and gives the text fields when all of the
// form is there. An error of f, or one of reading a file even if f does not return it, ends
// it. A file field that the user has left empty is passed over.
//
// The Name of a part has no directories in it, no control characters and none that Windows
// does not allow, and 1 to 255 bytes. Still it is a stranger's word: it may be that of
// another file.
func (u Upload) Each(w http.ResponseWriter, r *http.Request, f func(ctx context.Context, p *Part) error) (url.Values, error) {
	u = u.withDefaults()
	form, err := u.open(w, r)
	if err == nil {
		err = form.each(r.Context(), f)
	}
	if err != nil {
		return nil, err
	}
	return form.fields, nil
}

// arriving is one form.
type arriving struct {
	Upload
	body   *metered
	end    string // the last boundary
	parts  *multipart.Reader
	fields url.Values
	nFiles int
	nField int
}

func (u Upload) open(w http.ResponseWriter, r *http.Request) (*arriving, error) {
	t, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || t != "multipart/form-data" {
		return nil, refuse(http.StatusUnsupportedMediaType, "the Content-Type must be multipart/form-data")
	}
	boundary := params["boundary"]
	if boundary == "" || len(boundary) > 70 {
		return nil, fault.Invalid.Errorf("the boundary of the form must have 1 to 70 characters")
	}
	if r.ContentLength > u.MaxTotal {
		return nil, u.overTotal()
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	body := r.Body
	if x := exchangeOf(r.Context()); x == nil || x.body.whole == nil {
		body = http.MaxBytesReader(w, body, u.MaxTotal)
	} else if x.body.limited != nil {
		return nil, fault.Internal.Errorf("the body has been read before the upload; let nothing read it first, such as ParseForm or a plug that looks into forms")
	} else {
		x.body.limit = u.MaxTotal
	}
	m := &metered{body: body, allowed: -1, clock: newUploadClock(w, r)}
	return &arriving{Upload: u, body: m, end: "--" + boundary + "--", parts: multipart.NewReader(m, boundary), fields: make(url.Values)}, nil
}

func (u Upload) overTotal() error {
	return refuse(http.StatusRequestEntityTooLarge, "the upload is larger than %d bytes in all", u.MaxTotal)
}

func (a *arriving) each(ctx context.Context, f func(context.Context, *Part) error) error {
	for {
		a.body.allowed = maxPartHeader
		part, err := a.parts.NextRawPart()
		a.body.allowed = -1
		if err == io.EOF && a.body.has(a.end) { // without the end, the form broke off in a header
			return nil
		}
		if err != nil {
			return a.fault(err)
		}
		if err := a.take(ctx, part, f); err != nil {
			return err
		}
	}
}

func (a *arriving) take(ctx context.Context, part *multipart.Part, f func(context.Context, *Part) error) error {
	kind, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	name := params["name"]
	if err != nil || kind != "form-data" || name == "" {
		return fault.Invalid.Errorf("a part of the form has no name")
	}
	if len(name) > maxFieldName {
		return fault.Invalid.Errorf("the name of a field is longer than %d bytes", maxFieldName)
	}
	filename, isFile := params["filename"]
	if !isFile {
		return a.takeField(name, part)
	}
	head := make([]byte, 512)
	n, err := io.ReadFull(part, head)
	if err != nil && err != io.EOF && (err != io.ErrUnexpectedEOF || n == 0) {
		return a.fault(err)
	}
	if filename == "" && n == 0 {
		return a.count(&a.nField, a.MaxFields, "fields") // a field that was left empty
	}
	if err := a.count(&a.nFiles, a.MaxFiles, "files"); err != nil {
		return err
	}
	return a.takeFile(ctx, &Part{Field: name, Name: cleanName(filename), Type: sniff(head[:n])}, io.MultiReader(bytes.NewReader(head[:n]), part), f)
}

func (a *arriving) takeField(name string, part *multipart.Part) error {
	if err := a.count(&a.nField, a.MaxFields, "fields"); err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(part, a.MaxField+1))
	switch {
	case err != nil:
		return a.fault(err)
	case int64(len(text)) > a.MaxField:
		return refuse(http.StatusRequestEntityTooLarge, "the field %q is larger than %d bytes", name, a.MaxField)
	}
	a.fields.Add(name, string(text))
	return nil
}

func (a *arriving) takeFile(ctx context.Context, p *Part, content io.Reader, f func(context.Context, *Part) error) error {
	if !a.takes(p.Type) {
		return refuse(http.StatusUnsupportedMediaType, "the file in %q is %s; it must be %s", p.Field, p.Type, strings.Join(a.Types, ", "))
	}
	limited := &limitedPart{a: a, from: content, field: p.Field, left: a.MaxFile}
	p.Fields, p.content = a.fields, limited
	if err := f(ctx, p); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, limited) // tells an error again
	return err
}

func (a *arriving) count(n *int, most int, what string) error {
	if *n++; *n > most {
		return refuse(http.StatusRequestEntityTooLarge, "the form has more than %d %s", most, what)
	}
	return nil
}

func (a *arriving) takes(contentType string) bool {
	if len(a.Types) == 0 {
		return true
	}
	for _, t := range a.Types {
		family, all := strings.CutSuffix(t, "/*")
		if strings.EqualFold(t, contentType) || all && strings.HasPrefix(contentType, strings.ToLower(family)+"/") {
			return true
		}
	}
	return false
}

// fault is what is said of a form that does not arrive well.
func (a *arriving) fault(err error) error {
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return a.overTotal()
	case errors.Is(err, errPartHeader):
		return refuse(http.StatusRequestEntityTooLarge, "the header of a part of the form is larger than %d bytes", maxPartHeader)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuse(http.StatusRequestTimeout, "the upload is slower than %d bytes a second", slowestUpload)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fault.Invalid.Wrap(err, "the form broke off before its end")
	}
	return fault.Invalid.Wrap(err, "the form is malformed")
}

// sniff is a media type without parameters.
func sniff(head []byte) string {
	t, _, _ := strings.Cut(http.DetectContentType(head), ";")
	return t
}

// limitedPart is the content of one file.
type limitedPart struct {
	a     *arriving
	from  io.Reader
	field string
	left  int64
	err   error // stays
}

func (l *limitedPart) Read(p []byte) (int, error) {
	if l.err != nil || len(p) == 0 {
		return 0, l.err
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.from.Read(p)
	if int64(n) > l.left {
		n = int(l.left)
		err = refuse(http.StatusRequestEntityTooLarge, "the file in %q is larger than %d bytes", l.field, l.a.MaxFile)
	} else if err != nil && err != io.EOF {
		err = l.a.fault(err)
	}
	l.left -= int64(n)
	l.err = err
	return n, err
}

var errPartHeader = errors.New("the header of a part is too large")

// metered is the body. While a part's header is looked for, not much of it may be read.
type metered struct {
	body    io.Reader
	allowed int64 // -1: all
	clock   *uploadClock
	last    []byte // at least the last 8 KiB, which is more than package multipart reads ahead
}

// has tells whether the body has ended with a text, and no more than a buffer behind it.
func (m *metered) has(text string) bool { return bytes.Contains(m.last, []byte(text)) }

func (m *metered) Read(p []byte) (int, error) {
	if m.allowed == 0 {
		return 0, errPartHeader
	}
	if m.allowed > 0 && int64(len(p)) > m.allowed {
		p = p[:m.allowed]
	}
	n, err := m.body.Read(p)
	if m.allowed > 0 {
		m.allowed -= int64(n)
	}
	m.last = append(m.last, p[:n]...)
	if len(m.last) > 64<<10 {
		m.last = append(m.last[:0], m.last[len(m.last)-8<<10:]...)
	}
	m.clock.arrived(n)
	return n, err
}

// uploadClock gives a request more time, the more of it has arrived.
type uploadClock struct {
	ctl         *http.ResponseController
	start       time.Time
	read, write time.Duration // the server's limits; 0: none
	bytes, told int64
}

func newUploadClock(w http.ResponseWriter, r *http.Request) *uploadClock {
	c := &uploadClock{ctl: http.NewResponseController(w), start: time.Now()}
	if srv, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok {
		c.read, c.write = max(0, srv.ReadTimeout), max(0, srv.WriteTimeout)
	}
	return c
}

func (c *uploadClock) arrived(n int) {
	if c.bytes += int64(n); c.bytes-c.told < 64<<10 {
		return
	}
	c.told = c.bytes
	more := time.Duration(c.bytes) * time.Second / slowestUpload
	if c.read > 0 {
		_ = c.ctl.SetReadDeadline(c.start.Add(c.read + more)) // who has no deadlines needs no more time
	}
	if c.write > 0 {
		_ = c.ctl.SetWriteDeadline(c.start.Add(c.write + more))
	}
}

// Form is a form whose files are on the disk.
type Form struct {
	Fields url.Values
	Files  []*SavedFile
}

// SavedFile is a file of a form on the disk, readable for this user alone.
type SavedFile struct {
	Field string // as in [Part]
	Name  string
	Type  string
	Size  int64
	Path  string // where it is
}

// Move gives the file another place, on the same disk, where it stays when the form goes. A file
// that is there is replaced. Do not make the place of Name alone, or one upload replaces
// another.
func (f *SavedFile) Move(to string) error {
	if err := os.Rename(f.Path, to); err != nil {
		return fault.Internal.Wrap(err, "the upload cannot be moved")
	}
	f.Path = to
	return nil
}

// Save writes the files to dir ("" is the system's place for temporary files), calls f
// when all of the form is there, and then removes the files that f has not moved, whatever
// has happened.
func (u Upload) Save(w http.ResponseWriter, r *http.Request, dir string, f func(ctx context.Context, form *Form) error) error {
	form := new(Form)
	var made []string
	defer func() {
		for _, path := range made {
			_ = os.Remove(path) // it is not there if it was moved
		}
	}()
	fields, err := u.Each(w, r, func(_ context.Context, p *Part) error {
		to, err := os.CreateTemp(dir, "upload-*")
		if err != nil {
			return fault.Internal.Wrap(err, "the upload cannot be saved")
		}
		made = append(made, to.Name())
		size, err := io.Copy(to, p)
		if closed := to.Close(); err == nil {
			err = closed
		}
		if err != nil && !isFault(err) {
			err = fault.Internal.Wrap(err, "the upload cannot be saved")
		}
		form.Files = append(form.Files, &SavedFile{Field: p.Field, Name: p.Name, Type: p.Type, Size: size, Path: to.Name()})
		return err
	})
	if err != nil {
		return err
	}
	form.Fields = fields
	return f(r.Context(), form)
}
