package openapi

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile writes the TypeScript, if the file's name ends in .ts, or the document, if it
// ends in .json. A file that is up to date is not touched.
func (d *Document) WriteFile(name string) error {
	data, err := d.as(name)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return os.WriteFile(name, data, 0o644)
}

// CheckFile is for a test: the error says that the file is not what WriteFile would write,
// and where the two part. Line ends may be those of Windows.
func (d *Document) CheckFile(name string) error {
	want, err := d.as(name)
	if err != nil {
		return err
	}
	have, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("openapi: %s is not there; write it with WriteFile", name)
	case err != nil:
		return err
	}
	have = bytes.ReplaceAll(have, []byte("\r\n"), []byte("\n"))
	if bytes.Equal(have, want) {
		return nil
	}
	was, is := bytes.Split(have, []byte("\n")), bytes.Split(want, []byte("\n"))
	line := 0
	for line < min(len(was), len(is))-1 && bytes.Equal(was[line], is[line]) {
		line++
	}
	return fmt.Errorf("openapi: %s is out of date; write it again with WriteFile. Line %d is %q, and should be %q", name, line+1, was[line], is[line])
}

func (d *Document) as(name string) ([]byte, error) {
	switch filepath.Ext(name) {
	case ".ts":
		return d.ts, nil
	case ".json":
		return d.json, nil
	}
	return nil, fmt.Errorf("openapi: %s: the name must end in .ts or .json", name)
}
