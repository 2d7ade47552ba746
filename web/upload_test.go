package web_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

const png = "\x89PNG\r\n\x1a\n"

// part is one of a form: a text field unless it has a file name.
type part struct{ field, file, data string }

func form(parts ...part) (body string, contentType string) {
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, p := range parts {
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name="%s"`, p.field)}}
		if p.file != "" {
			h["Content-Disposition"][0] += fmt.Sprintf(`; filename="%s"`, strings.TrimPrefix(p.file, "-"))
		}
		to, _ := w.CreatePart(h)
		_, _ = io.WriteString(to, p.data)
	}
	_ = w.Close()
	return out.String(), w.FormDataContentType()
}

// taken is what an upload has found, in a text.
func taken(u web.Upload) http.Handler {
	return web.Action(func(c *web.Conn) error {
		var out strings.Builder
		fields, err := u.Each(c.Writer(), c.Request(), func(ctx context.Context, p *web.Part) error {
			data, err := io.ReadAll(p)
			fmt.Fprintf(&out, "%s=%s(%s,%d,%d) ", p.Field, p.Name, p.Type, len(data), len(p.Fields))
			return err
		})
		if err != nil {
			return err
		}
		return c.Text(200, out.String()+fields.Encode())
	})
}

func TestUpload(t *testing.T) {
	body, kind := form(part{"title", "", "Hello"}, part{"tag", "", "a"}, part{"photo", `C:\x\..\cat.png`, png}, part{"tag", "", "b"},
		part{"empty", "-", ""}, part{"doc", "../../etc/passwd", "plain"}, part{"none", "...", strings.Repeat("x", 2000)})
	res := webtest.Do(t, taken(web.Upload{}), "POST /", body, "Content-Type: "+kind)
	want := "photo=cat.png(image/png,8,2) doc=passwd(text/plain,5,2) none=file(text/plain,2000,2) tag=a&tag=b&title=Hello"
	if res.Status != 200 || res.Body != want {
		t.Errorf("%d %q\nwant %q", res.Status, res.Body, want)
	}
}

func TestUploadLimits(t *testing.T) {
	u := web.Upload{MaxFile: 1000, MaxFiles: 2, MaxField: 10, MaxFields: 2, MaxTotal: 4000}
	x := func(n int) string { return strings.Repeat("x", n) }
	many := func(n int, p part) (all []part) {
		for range n {
			all = append(all, p)
		}
		return all
	}
	for what, c := range map[string]struct {
		parts  []part
		status int
		says   string
	}{
		"a file at its limit":   {[]part{{"f", "a", x(1000)}}, 200, ""},
		"a file above it":       {[]part{{"f", "a", x(1001)}}, 413, `the file in \"f\" is larger than 1000 bytes`},
		"files at their limit":  {many(2, part{"f", "a", "x"}), 200, ""},
		"one file too many":     {many(3, part{"f", "a", "x"}), 413, "more than 2 files"},
		"a field at its limit":  {[]part{{"t", "", x(10)}}, 200, ""},
		"a field above it":      {[]part{{"t", "", x(11)}}, 413, `the field \"t\" is larger than 10 bytes`},
		"fields at their limit": {many(2, part{"t", "", "x"}), 200, ""},
		"one field too many":    {many(3, part{"t", "", "x"}), 413, "more than 2 fields"},
		"10,000 fields":         {many(10000, part{"t", "", ""}), 413, "larger than 4000 bytes in all"},
		"10,000 empty files":    {many(10000, part{"t", "-", ""}), 413, "larger than 4000 bytes in all"},
		"a giant header":        {[]part{{"f", x(20000), ""}}, 413, "larger than 4000 bytes in all"},
		"a long name":           {[]part{{x(257), "", ""}}, 400, "longer than 256 bytes"},
		"no name":               {[]part{{"", "", ""}}, 400, "has no name"},
	} {
		body, kind := form(c.parts...)
		res := webtest.Do(t, taken(u), "POST /", body, "Content-Type: "+kind)
		if res.Status != c.status || !strings.Contains(res.Body, c.says) || (c.status == 413) != (res.Header.Get("Connection") == "close") {
			t.Errorf("%s: %d %s %v", what, res.Status, res.Body, res.Header)
		}
	}
	for n, status := range map[int]int{-1: 200, 0: 200, 1: 413} { // the whole, with and without a length
		body, kind := form(part{"f", "a", x(900)}, part{"f", "a", x(900)})
		exact := u
		exact.MaxTotal = int64(len(body) - n)
		for _, sent := range []any{body, io.MultiReader(strings.NewReader(body))} {
			if res := webtest.Do(t, taken(exact), "POST /", sent, "Content-Type: "+kind); res.Status != status {
				t.Errorf("%d above the limit: %d %s", n, res.Status, res.Body)
			}
		}
	}
	wide := web.Upload{MaxTotal: 50 << 20}
	for what, c := range map[string]struct {
		parts []part
		says  string
	}{
		"10,000 fields":      {many(10000, part{"t", "", ""}), "more than 100 fields"},
		"10,000 files":       {many(10000, part{"t", "a", ""}), "more than 10 files"},
		"10,000 empty files": {many(10000, part{"t", "-", ""}), "more than 100 fields"},
		"a giant header":     {[]part{{"f", x(1 << 20), ""}}, "the header of a part"},
	} {
		body, kind := form(c.parts...)
		if res := webtest.Do(t, taken(wide), "POST /", body, "Content-Type: "+kind); res.Status != 413 || !strings.Contains(res.Body, c.says) {
			t.Errorf("%s: %d %s", what, res.Status, res.Body)
		}
	}
	body, kind := form(part{"f", "a", x(3 << 20)}) // above the limit of other requests
	if res := webtest.Do(t, taken(web.Upload{}), "POST /", body, "Content-Type: "+kind); res.Status != 200 {
		t.Errorf("3 MiB: %d %s", res.Status, res.Body)
	}
}

func TestUploadMalformed(t *testing.T) {
	body, kind := form(part{"t", "", "text"}, part{"f", "a.txt", strings.Repeat("x", 6000)})
	for cut := 1; cut < len(body); cut += 7 {
		if len(body)-cut <= 2 { // the line end behind the last boundary may be missing
			continue
		}
		res := webtest.Do(t, taken(web.Upload{}), "POST /", body[:cut], "Content-Type: "+kind)
		if len(body)-cut > 4 && res.Status != 400 {
			t.Fatalf("cut at %d of %d: %d %s", cut, len(body), res.Status, res.Body)
		}
	}
	for contentType, status := range map[string]int{
		"multipart/form-data; boundary=other":                      400,
		"multipart/form-data":                                      400,
		"multipart/form-data; boundary=":                           415,
		"multipart/form-data; boundary=" + strings.Repeat("x", 71): 400,
		"multipart/mixed; boundary=other":                          415,
		"application/json":                                         415,
		"multipart/form-data; boundary=\"":                         415,
		"":                                                         415,
	} {
		if res := webtest.Do(t, taken(web.Upload{}), "POST /", body, "Content-Type: "+contentType); res.Status != status {
			t.Errorf("%s: %d %s", contentType, res.Status, res.Body)
		}
	}
	if res := webtest.Do(t, taken(web.Upload{}), "POST /", nil, "Content-Type: "+kind); res.Status != 400 {
		t.Errorf("no body: %d", res.Status)
	}
}

func TestUploadTypes(t *testing.T) {
	u := web.Upload{Types: []string{"image/*", "application/PDF"}}
	for data, status := range map[string]int{png: 200, "GIF89a": 200, "%PDF-1.7": 200, "<html>": 415, "text": 415, "": 415} {
		body, kind := form(part{"f", "a.png", data})
		res := webtest.Do(t, taken(u), "POST /", body, "Content-Type: "+kind)
		if res.Status != status || status == 415 && !strings.Contains(res.Body, "it must be image/*, application/PDF") {
			t.Errorf("%q: %d %s", data, res.Status, res.Body)
		}
	}
}

func TestUploadEach(t *testing.T) {
	body, kind := form(part{"f", "a", strings.Repeat("x", 2000)}, part{"f", "b", "y"})
	try := func(u web.Upload, f func(p *web.Part) error) (err error) {
		h := web.Action(func(c *web.Conn) error {
			_, err = u.Each(c.Writer(), c.Request(), func(_ context.Context, p *web.Part) error { return f(p) })
			return nil
		})
		webtest.Do(t, h, "POST /", body, "Content-Type: "+kind)
		return err
	}
	seen := ""
	if err := try(web.Upload{}, func(p *web.Part) error { seen += p.Name; return nil }); err != nil || seen != "ab" {
		t.Errorf("unread: %v, %q", err, seen)
	}
	if err := try(web.Upload{}, func(*web.Part) error { return errGone }); !errors.Is(err, errGone) {
		t.Errorf("an error: %v", err)
	}
	for what, f := range map[string]func(*web.Part) error{
		"unread":    func(*web.Part) error { return nil },
		"swallowed": func(p *web.Part) error { _, _ = io.ReadAll(p); return nil },
	} {
		if err := try(web.Upload{MaxFile: 1999}, f); web.StatusOf(err) != 413 {
			t.Errorf("too large and %s: %v", what, err)
		}
	}

	h := web.Action(func(c *web.Conn) error {
		_, _ = c.Request().Body.Read(make([]byte, 1))
		_, err := web.Upload{}.Each(c.Writer(), c.Request(), nil)
		return err
	})
	if res := webtest.Do(t, h, "POST /", body, "Content-Type: "+kind); res.Status != 500 {
		t.Errorf("a body that has been read: %d", res.Status)
	}
	plain := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // no exchange
		_, err := web.Upload{MaxTotal: 100}.Each(w, r, func(context.Context, *web.Part) error { return nil })
		w.WriteHeader(web.StatusOf(err))
	})
	if res := webtest.Do(t, plain, "POST /", io.MultiReader(strings.NewReader(body)), "Content-Type: "+kind); res.Status != 413 {
		t.Errorf("alone: %d", res.Status)
	}
}

func TestUploadSave(t *testing.T) {
	dir := t.TempDir()
	kept := filepath.Join(dir, "kept")
	left := func() (names []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	run := func(u web.Upload, body, kind string, f func(*web.Form) error) *webtest.Response {
		return webtest.Do(t, web.Recover(web.Action(func(c *web.Conn) error {
			return u.Save(c.Writer(), c.Request(), dir, func(_ context.Context, form *web.Form) error { return f(form) })
		})), "POST /", body, "Content-Type: "+kind)
	}
	body, kind := form(part{"t", "", "text"}, part{"one", "a.png", png}, part{"two", "b.txt", "bb"})
	res := run(web.Upload{}, body, kind, func(form *web.Form) error {
		one, two := form.Files[0], form.Files[1]
		if form.Fields.Encode() != "t=text" || one.Field != "one" || one.Name != "a.png" || one.Type != "image/png" || two.Size != 2 {
			t.Errorf("%v %+v %+v", form.Fields, one, two)
		}
		if data, err := os.ReadFile(two.Path); err != nil || string(data) != "bb" || len(left()) != 2 {
			t.Errorf("%q, %v, %v", data, err, left())
		}
		return one.Move(kept)
	})
	if data, err := os.ReadFile(kept); res.Status != 200 || err != nil || string(data) != png || len(left()) != 1 {
		t.Errorf("%d %q %v %v", res.Status, data, err, left())
	}
	for what, c := range map[string]struct {
		u      web.Upload
		body   string
		f      func(*web.Form) error
		status int
	}{
		"an error":  {web.Upload{}, body, func(*web.Form) error { return errGone }, 404},
		"a panic":   {web.Upload{}, body, func(*web.Form) error { panic("oh") }, 500},
		"too large": {web.Upload{MaxFile: 1}, body, func(*web.Form) error { return nil }, 413},
		"truncated": {web.Upload{}, body[:len(body)-20], func(*web.Form) error { return nil }, 400},
		"no place":  {web.Upload{}, body, func(form *web.Form) error { return form.Files[0].Move(filepath.Join(dir, "no", "no")) }, 500},
	} {
		if res := run(c.u, c.body, kind, c.f); res.Status != c.status || len(left()) != 1 {
			t.Errorf("%s: %d %v", what, res.Status, left())
		}
	}
	dir = filepath.Join(dir, "none")
	if res := run(web.Upload{}, body, kind, func(*web.Form) error { return nil }); res.Status != 500 {
		t.Errorf("no directory: %d", res.Status)
	}
}

// TestUploadTakesItsTime sends a form at 20 and at 10 KiB a second to a server that gives a
// request 30 s.
func TestUploadTakesItsTime(t *testing.T) {
	for rate, status := range map[int]int{20 << 10: 200, 10 << 10: 408} {
		synctest.Test(t, func(t *testing.T) {
			l := &pipes{make(chan net.Conn), make(chan struct{})}
			h, _ := guarded(taken(web.Upload{}), 0)
			srv := &http.Server{Handler: h, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second}
			ended := make(chan error, 1)
			go func() { ended <- srv.Serve(l) }()
			conn, far := net.Pipe()
			l.conns <- far
			body, kind := form(part{"f", "a", strings.Repeat("x", 2<<20)})
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", kind, len(body))
				for len(body) > 0 {
					n := min(len(body), rate)
					if _, err := io.WriteString(conn, body[:n]); err != nil {
						return
					}
					body = body[n:]
					time.Sleep(time.Second)
				}
			}()
			if res := answer(t, conn); res.StatusCode != status {
				text, _ := io.ReadAll(res.Body)
				t.Errorf("%d bytes a second: %d %s", rate, res.StatusCode, text)
			}
			conn.Close()
			srv.Close()
			<-ended
			<-sent
			synctest.Wait()
		})
	}
}

func FuzzUpload(f *testing.F) {
	body, kind := form(part{"t", "", "text"}, part{"f", "a.png", png}, part{"e", "-", ""})
	f.Add(body, kind)
	f.Add(body[:len(body)/2], kind)
	f.Add("--x\r\nContent-Disposition: form-data; name=a; filename*=UTF-8''..%2f..%2fx\r\n\r\ny\r\n--x--", "multipart/form-data; boundary=x")
	f.Add("--x\r\n\r\n--x--", "multipart/form-data; boundary=\"x\"")
	u := web.Upload{MaxFile: 100, MaxFiles: 2, MaxField: 50, MaxFields: 3, MaxTotal: 2000}
	f.Fuzz(func(t *testing.T, body, kind string) {
		files := 0
		var fields url.Values
		h := web.Action(func(c *web.Conn) (err error) {
			fields, err = u.Each(c.Writer(), c.Request(), func(_ context.Context, p *web.Part) error {
				files++
				data, err := io.ReadAll(p)
				if len(data) > 100 || p.Name == "" || len(p.Name) > 255 || p.Name != filepath.Base(p.Name) || strings.ContainsAny(p.Name, "/\\\x00\r\n") {
					t.Fatalf("%d bytes, %q", len(data), p.Name)
				}
				return err
			})
			if err != nil && fault.Of(err) != fault.Invalid {
				t.Fatal(err)
			}
			return err
		})
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		h.ServeHTTP(httptest.NewRecorder(), r)
		for _, texts := range fields {
			for _, text := range texts {
				if len(text) > 50 {
					t.Fatalf("a field of %d bytes", len(text))
				}
			}
		}
		if files > 2 || len(fields) > 3 {
			t.Fatalf("%d files, %v", files, fields)
		}
	})
}
