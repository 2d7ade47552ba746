package main

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/config"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web/webtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is the board in a test: all but the port.
type world struct {
	*testing.T
	site    *Site
	handler http.Handler
	ctx     context.Context // of the node
	log     *logged
}

// start starts the board with these flags, with a database in memory.
func start(t *testing.T, args ...string) *world {
	t.Helper()
	args = append([]string{"-db=sqlite::memory:", "-photos=" + t.TempDir(), "-admin-password=open sesame"}, args...)
	opts, err := config.Load[options](name, args, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	site, err := open(opts)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, site: site, log: new(logged)}
	ctx := telemetry.WithLogger(context.Background(), slog.New(slog.NewTextHandler(w.log, nil)))
	node := process.NewNode(ctx)
	w.ctx = node.Context(ctx)
	root, err := supervisor.Tree{Name: name, Children: site.children()}.Start(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		root.Stop()
		node.Close()
		_ = site.photos.Close()
	})
	w.handler = site.routes()
	return w
}

// onBoth runs a test on both kinds of database.
func onBoth(t *testing.T, test func(*testing.T, *world)) {
	datatest.EachURL(t, func(t *testing.T, url string) { test(t, start(t, "-db="+url)) })
}

// browser is that of somebody who is not logged in.
func (w *world) browser(headers ...string) *webtest.Client {
	return w.program(append(headers, "Accept: text/html")...)
}

// program is a client that wants no pages.
func (w *world) program(headers ...string) *webtest.Client {
	c := webtest.New(w.T, w.handler, headers...)
	c.Context = w.ctx
	return c
}

const password = "correct horse battery"

// user is the browser of somebody who has just signed up.
func (w *world) user(name string) *webtest.Client {
	w.Helper()
	c := w.browser()
	c.Get("/signup").Is(200).Submit("form#signup", url.Values{
		"user[name]": {name}, "user[email]": {name + "@example.com"},
		"user[password]": {password}, "user[password_confirmation]": {password},
	}).Redirects("/notices").Follow().Shows("#flash-info", "Welcome, ")
	return c
}

// notice has a user put a notice up, and gives its page.
func notice(c *webtest.Client, title string, files ...webtest.File) *webtest.Response {
	return c.Get("/notices/new").Is(200).Submit("form#notice", url.Values{
		"notice[kind]": {"wanted"}, "notice[title]": {title}, "notice[body]": {"Only for a week."},
		"notice[contact][street]": {"Elm Street 7"},
	}, files...).Is(303).Follow().Is(200)
}

// photoOf is a file with a picture of a size.
func photoOf(size int) webtest.File {
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewRGBA(image.Rect(0, 0, 8, 8))); err != nil {
		panic(err)
	}
	data := out.String()
	return webtest.File{Field: "notice[photo]", Name: "../ladder.png", Type: "image/png", Data: data + strings.Repeat("x", max(0, size-len(data)))}
}

// logged is what the program has logged.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{} // closed when there is more; nil: nobody waits
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.more != nil {
		close(l.more)
		l.more = nil
	}
	return l.text.Write(p)
}

// await waits until the log has what a pattern finds, and gives it with its groups.
func (l *logged) await(t *testing.T, pattern string) []string {
	t.Helper()
	for late := time.After(10 * time.Second); ; {
		l.mu.Lock()
		text := l.text.String()
		if l.more == nil {
			l.more = make(chan struct{})
		}
		more := l.more
		l.mu.Unlock()
		if found := regexp.MustCompile(pattern).FindStringSubmatch(text); found != nil {
			return found
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("no %s in the log:\n%s", pattern, text)
		}
	}
}
