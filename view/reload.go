package view

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
)

// Reload is Load for development: it reads a folder on the disk, and again whenever a file
// has changed since. It never fails itself; what is wrong with the files is the error of
// each Render until they are right. Each Render asks for the state of every file.
func Reload(dir string, all ...Funcs) *Templates {
	r := &reloader{dir: dir, funcs: newFuncs(all)}
	return &Templates{current: r.current}
}

type reloader struct {
	dir   string
	funcs *funcs

	mu   sync.Mutex
	seen string
	lib  *library
	err  error
}

func (r *reloader) current() (*library, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fsys := os.DirFS(r.dir)
	now, err := state(fsys)
	if err != nil {
		return nil, fmt.Errorf("view: the templates in %s cannot be read: %w", r.dir, err)
	}
	if r.lib == nil && r.err == nil || now != r.seen {
		r.seen = now
		r.lib, r.err = newLibrary(fsys, r.dir, r.funcs)
	}
	return r.lib, r.err
}

// state changes when a file does.
func state(fsys fs.FS) (string, error) {
	var b strings.Builder
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ext) {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintln(&b, name, info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	return b.String(), err
}
