package webtest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// Multipart is a body of multipart/form-data: a form with files.
type Multipart struct {
	Values url.Values
	Files  []File
}

// File is what a user has chosen for the field of a form.
type File struct {
	Field string
	Name  string
	Type  string // of the content; the default is application/octet-stream
	Data  string
}

// content is a body with its Content-Type. What has come as a reader can be sent once.
type content struct {
	kind string
	data []byte
	once io.Reader
}

func (c content) reader() io.Reader {
	switch {
	case c.once != nil:
		return c.once
	case c.data != nil:
		return bytes.NewReader(c.data)
	}
	return nil
}

func encode(t testing.TB, body any) content {
	t.Helper()
	switch b := body.(type) {
	case nil:
		return content{}
	case string:
		return content{data: []byte(b)}
	case []byte:
		return content{data: b}
	case io.Reader:
		return content{once: b}
	case url.Values:
		return urlencoded(entriesOf(b, nil))
	case Multipart:
		return multiparted(entriesOf(b.Values, b.Files))
	}
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatalf("webtest: the body: %v", err)
	}
	return content{kind: "application/json", data: data}
}

// entry is one name of a form with its value or file.
type entry struct {
	name, value string
	file        *File
}

func entriesOf(values url.Values, files []File) []entry {
	var entries []entry
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			entries = append(entries, entry{name: name, value: value})
		}
	}
	for _, file := range files {
		entries = append(entries, entry{name: file.Field, file: &file})
	}
	return entries
}

// newlines makes every end of a line CRLF, as browsers do.
var newlines = strings.NewReplacer("\r\n", "\r\n", "\n", "\r\n", "\r", "\r\n")

func query(entries []entry) string {
	var out strings.Builder
	for _, e := range entries {
		if out.Len() > 0 {
			out.WriteByte('&')
		}
		value := e.value
		if e.file != nil {
			value = e.file.Name
		}
		out.WriteString(url.QueryEscape(newlines.Replace(e.name)) + "=" + url.QueryEscape(newlines.Replace(value)))
	}
	return out.String()
}

func urlencoded(entries []entry) content {
	return content{kind: "application/x-www-form-urlencoded", data: []byte(query(entries))}
}

func multiparted(entries []entry) content {
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, e := range entries {
		if e.file == nil {
			_ = w.WriteField(e.name, newlines.Replace(e.value)) // writing to memory does not fail
			continue
		}
		kind := e.file.Type
		if kind == "" {
			kind = "application/octet-stream"
		}
		part, _ := w.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {multipart.FileContentDisposition(e.name, e.file.Name)},
			"Content-Type":        {kind},
		})
		_, _ = io.WriteString(part, e.file.Data)
	}
	_ = w.Close()
	return content{kind: w.FormDataContentType(), data: out.Bytes()}
}
