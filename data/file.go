package data

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// partAge is when a part is taken for what a killed program left behind.
const partAge = time.Hour

// replaceFile has a file made under another name in the same folder, and gives it its name when
// it is safely on the disk.
func replaceFile(path string, make func(part string) error) (err error) {
	folder, prefix := filepath.Dir(path), "."+filepath.Base(path)+"-"
	sweep(folder, prefix)
	file, err := os.CreateTemp(folder, prefix+"*.part")
	if err != nil {
		return onDisk(err)
	}
	part := file.Name()
	defer func() {
		if err != nil {
			for _, side := range append(sideFiles, "") {
				os.Remove(part + side)
			}
		}
	}()
	if err := file.Close(); err != nil {
		return onDisk(err)
	}
	if err := make(part); err != nil {
		return err
	}
	if err := flush(part); err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return onDisk(err)
	}
	return flush(folder) // or the name may be gone after a power cut
}

// sweep deletes the parts that killed programs left.
func sweep(folder, prefix string) {
	entries, _ := os.ReadDir(folder)
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), prefix) || !strings.HasSuffix(entry.Name(), ".part") {
			continue
		}
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > partAge {
			os.Remove(filepath.Join(folder, entry.Name()))
		}
	}
}

// flush waits until a file or folder is on the disk.
func flush(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return onDisk(err)
	}
	defer file.Close()
	return onDisk(file.Sync())
}

// copyFile copies until the context ends.
func copyFile(ctx context.Context, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return onDisk(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return onDisk(err)
	}
	for err == nil && ctx.Err() == nil {
		_, err = io.CopyN(out, in, 4<<20)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(ctx.Err(), onDisk(errors.Join(err, out.Close())))
}

// onDisk gives an error of the file system its kind.
func onDisk(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EFBIG), errors.Is(err, syscall.EDQUOT):
		return fault.Unavailable.Wrap(err, "the disk is full: make room")
	case errors.Is(err, fs.ErrNotExist):
		return fault.Unavailable.Wrap(err, "its folder is not there: make it first")
	case errors.Is(err, fs.ErrPermission):
		return fault.Unavailable.Wrap(err, "the program may not do this: let it read and write the file and its folder")
	}
	return fault.Unavailable.Wrap(err, "the disk gives errors")
}
