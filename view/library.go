package view

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"text/template/parse"
)

const (
	ext        = ".html"
	layouts    = "layouts/"
	components = "components/"
	content    = "content" // the page, in its layout
	standard   = "app"     // the layout if nobody says another
)

// file is one file of the tree, parsed.
type file struct {
	path   string
	layout Layout // as its first line says
	body   *parse.Tree
	defs   map[string]*parse.Tree // what it defines
}

// library is all files, as they were at one time.
type library struct {
	dir     string // for errors; "" if the files are embedded
	funcs   *funcs
	texts   map[string]string // by path
	pages   map[string]*file
	layouts map[Layout]*file
	shared  map[string]*parse.Tree // components, and what they define
	sets    sync.Map               // setKey → func() (*set, error)
}

type setKey struct {
	page   string
	layout Layout
}

func newLibrary(fsys fs.FS, dir string, f *funcs) (*library, error) {
	l := &library{dir: dir, funcs: f, texts: make(map[string]string), pages: make(map[string]*file),
		layouts: make(map[Layout]*file), shared: make(map[string]*parse.Tree)}
	var wrong []error
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ext {
			return err
		}
		text, err := fs.ReadFile(fsys, name)
		if err == nil {
			l.texts[name] = string(text)
			wrong = append(wrong, l.add(name, string(text)))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("view: the templates cannot be read: %w", err)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	if len(l.texts) == 0 {
		return nil, fmt.Errorf("view: there is no %s file; if they are embedded in a folder, give fs.Sub of it", ext)
	}
	for _, name := range slices.Sorted(maps.Keys(l.pages)) {
		_, err := l.set(name, l.layoutOf(context.Background(), Filled{page: name}))
		wrong = append(wrong, err)
	}
	return l, errors.Join(append(wrong, l.clashes()...)...)
}

var firstLine = regexp.MustCompile(`^\s*\{\{-?\s*/\*\s*layout:\s*(\S+?)\s*\*/\s*-?\}\}`)

// add parses a file and puts it where it belongs.
func (l *library) add(name, text string) error {
	parsed, err := template.New(name).Funcs(l.funcs.all).Parse(text)
	if err != nil {
		return l.explain(err, name)
	}
	f := &file{path: name, defs: make(map[string]*parse.Tree)}
	for _, t := range parsed.Templates() {
		f.defs[t.Name()] = t.Tree
	}
	f.body = f.defs[name]
	delete(f.defs, name)
	if said := firstLine.FindStringSubmatch(text); said != nil {
		f.layout = Layout(said[1])
	}
	short := strings.TrimSuffix(name, ext)
	switch {
	case short == layouts+string(None):
		return l.wrong(name, "a layout cannot be called none, which is no layout: rename it")
	case strings.HasPrefix(name, layouts):
		l.layouts[Layout(short[len(layouts):])] = f
	case strings.HasPrefix(name, components):
		f.defs[short[len(components):]] = f.body
		return l.share(f)
	default:
		return l.page(short, f)
	}
	return nil
}

// page keeps a page. It may be one big {{define "content"}}.
func (l *library) page(name string, f *file) error {
	if t := f.defs[content]; t != nil {
		if !parse.IsEmptyTree(f.body.Root) {
			return l.wrong(f.path, "it defines content, and has text outside of it, which is the content too")
		}
		f.body = t
	}
	f.defs[content] = f.body
	l.pages[name] = f
	return nil
}

func (l *library) share(f *file) error {
	for name, t := range f.defs {
		if name == content {
			return l.wrong(f.path, "a component cannot be or define content, which is the page")
		}
		if other := l.shared[name]; other != nil {
			return l.wrong(f.path, "%s is defined in %s too: rename one", name, other.ParseName)
		}
		l.shared[name] = t
	}
	return nil
}

// clashes are names that a page or a layout defines although a component has them.
func (l *library) clashes() (wrong []error) {
	files := slices.AppendSeq(slices.Collect(maps.Values(l.pages)), maps.Values(l.layouts))
	slices.SortFunc(files, func(a, b *file) int { return strings.Compare(a.path, b.path) })
	for _, f := range files {
		for _, name := range slices.Sorted(maps.Keys(f.defs)) {
			if t := l.shared[name]; t != nil {
				wrong = append(wrong, l.wrong(f.path, "%s is defined in %s too: rename one", name, t.ParseName))
			}
		}
	}
	return wrong
}

// layoutOf is the layout of a page that is rendered in this context.
func (l *library) layoutOf(ctx context.Context, f Filled) Layout {
	if f.layout != "" {
		return f.layout
	}
	if page := l.pages[f.page]; page != nil && page.layout != "" {
		return page.layout
	}
	if layout, _ := ctx.Value(layoutKey{}).(Layout); layout != "" {
		return layout
	}
	if l.layouts[standard] != nil {
		return standard
	}
	return None
}

// set is a page in a layout, compiled when it is first asked for.
func (l *library) set(page string, layout Layout) (*set, error) {
	key := setKey{page, layout}
	if compiled, ok := l.sets.Load(key); ok {
		return compiled.(func() (*set, error))()
	}
	f := l.pages[page]
	if f == nil {
		return nil, fmt.Errorf("view: there is no page %s%s; there are: %s", page, ext,
			strings.Join(slices.Sorted(maps.Keys(l.pages)), ", "))
	}
	if layout != None && l.layouts[layout] == nil {
		return nil, l.wrong(f.path, "there is no layout %s%s%s for it", layouts, layout, ext)
	}
	compiled, _ := l.sets.LoadOrStore(key, sync.OnceValues(func() (*set, error) { return l.compile(f, layout) }))
	return compiled.(func() (*set, error))()
}
