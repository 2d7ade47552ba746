package web

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bennu-go/bennu/fault"
)

// File answers with a file of the disk, and with ranges of it, by [http.ServeContent]:
// Last-Modified, If-Modified-Since and If-Range are minded, and so is an ETag that is set
// before. The Content-Type is that of the name's ending, unless it is set before. No such
// file is fault.NotFound.
//
// The name is the program's own, and may lead anywhere; one that has come with the
// request is for [Conn.SendFile].
func (c *Conn) File(name string) error {
	info, err := os.Stat(name) // before Open, which would wait for a pipe
	if err != nil || !info.Mode().IsRegular() {
		return fileFault(err)
	}
	f, err := os.Open(name)
	if err != nil {
		return fileFault(err)
	}
	defer f.Close()
	c.serveContent(filepath.Base(name), info.ModTime(), f)
	return nil
}

// SendFile answers with a file of a tree, as [Conn.File] does with one of the disk. The
// name, such as "2026/report.pdf", may come from the request: one that does not stay in
// the tree is fault.NotFound, as is one that is not there. For a directory of the disk take
// [os.Root.FS], which no link leads out of, as one does out of [os.DirFS].
//
// Files of the tree that cannot seek are sent whole; others with ranges.
func (c *Conn) SendFile(tree fs.FS, name string) error {
	if !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") {
		return fileFault(fs.ErrNotExist)
	}
	info, err := fs.Stat(tree, name)
	if err != nil || !info.Mode().IsRegular() {
		return fileFault(err)
	}
	f, err := tree.Open(name)
	if err != nil {
		return fileFault(err)
	}
	defer f.Close()
	if content, ok := f.(io.ReadSeeker); ok {
		c.serveContent(path.Base(name), info.ModTime(), content)
		return nil
	}
	c.describe(path.Base(name))
	c.w.Header().Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	return c.copyOut(f)
}

// fileFault is an error of the file system, or nil for what is not a regular file.
func fileFault(err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return fault.NotFound.Errorf("there is no such file")
	}
	return fault.Internal.Wrap(err, "the file cannot be opened")
}

// Download answers with content that the browser saves as a file, under the file name.
// The name may be anybody's: paths are cut off, and what systems do not allow in names is
// replaced. The Content-Type is that of the name's ending, unless it is set before.
//
// Content that is also an [io.Seeker] is sent with its length, and with ranges. Other
// content is sent as it is read; if reading fails, it breaks off, so that nobody takes a
// part for the whole. Download does not close it.
func (c *Conn) Download(filename string, content io.Reader) error {
	if content == nil {
		return fault.Internal.Errorf("a download of %q without content", filename)
	}
	filename = cleanName(filename)
	c.w.Header().Set("Content-Disposition", attachment(filename))
	if seeker, ok := content.(io.ReadSeeker); ok {
		c.serveContent(filename, time.Time{}, seeker)
		return nil
	}
	c.describe(filename)
	return c.copyOut(content)
}

func (c *Conn) serveContent(name string, modified time.Time, content io.ReadSeeker) {
	c.describe(name)
	http.ServeContent(c.w, c.r, "", modified, content)
}

// describe sets the Content-Type by a name, and has browsers keep to it.
func (c *Conn) describe(name string) {
	h := c.w.Header()
	if h["Content-Type"] == nil {
		h.Set("Content-Type", contentTypeOf(name))
	}
	h.Set("X-Content-Type-Options", "nosniff")
}

func (c *Conn) copyOut(content io.Reader) error {
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method == http.MethodHead {
		return nil
	}
	if _, err := io.Copy(c.w, content); err != nil {
		c.breakOff(err)
	}
	return nil
}

// attachment is the Content-Disposition of a download: RFC 6266, with the name in ASCII
// for old clients if it is more than that.
func attachment(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf || r == '%' || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, name)
	value := `attachment; filename="` + plain + `"`
	if plain != name {
		value += "; filename*=UTF-8''" + percent(name, isAttrChar)
	}
	return value
}

// isAttrChar tells what stands for itself in RFC 8187's ext-value.
func isAttrChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0
}

// maxName is the bytes of a file name that systems take.
const maxName = 255

// cleanName makes a file name of what a stranger says is one: the part behind the last
// slash or backslash, without control and direction characters, with _ for what Windows
// does not allow, without dots and spaces at its ends, and of no more than 255 bytes, of
// which the ending stays. What is then empty is "file".
func cleanName(name string) string {
	name = strings.ToValidUTF8(name, "_")
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r):
			return -1
		case strings.ContainsRune(`<>:"|?*`, r):
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(name, ". ")
	if len(name) > maxName {
		ext := path.Ext(name)
		if len(ext) > 16 {
			ext = ""
		}
		stem := name[:maxName-len(ext)]
		for len(stem) > 0 && !utf8.ValidString(stem) {
			stem = stem[:len(stem)-1]
		}
		name = strings.TrimRight(stem, ". ") + ext
	}
	if device, _, _ := strings.Cut(name, "."); windowsDevice(device) {
		name = "_" + name
	}
	if name == "" {
		return "file"
	}
	return name
}

// windowsDevice tells whether Windows takes a name for a device.
func windowsDevice(name string) bool {
	switch name = strings.ToUpper(strings.TrimSpace(name)); name {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(name) == 4 && (name[:3] == "COM" || name[:3] == "LPT") && name[3] >= '0' && name[3] <= '9'
}
