package main

import (
	"context"
	"crypto/rand"
	"maps"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web"
)

// extensions are the kinds of photos that are taken, by what they are rather than by what
// they are called.
var extensions = map[string]string{"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}

// photos is what a form may bring.
var photos = web.Upload{MaxFile: 5 << 20, MaxFiles: 1, Types: slices.Sorted(maps.Keys(extensions))}

// upload reads a form of a notice while it arrives, the photo onto the disk, and gives what
// was written and the photo, or nil. A photo that is not kept is gone afterwards.
func (s *Site) upload(c *web.Conn, f func(ctx context.Context, params changeset.Params, photo *web.SavedFile) error) error {
	return photos.Save(c.Writer(), c.Request(), s.photos.Name(), func(ctx context.Context, got *web.Form) error {
		params, err := changeset.ParseForm(got.Fields)
		if err != nil {
			return err
		}
		var photo *web.SavedFile
		if len(got.Files) > 0 {
			photo = got.Files[0]
		}
		return f(ctx, params.Sub("notice"), photo)
	})
}

// keep gives a photo a name of our own, which says what it is.
func (s *Site) keep(photo *web.SavedFile) (name string, err error) {
	if photo == nil {
		return "", nil
	}
	name = rand.Text() + extensions[photo.Type]
	return name, photo.Move(filepath.Join(s.photos.Name(), name))
}

// drop deletes a photo.
func (s *Site) drop(ctx context.Context, name string) {
	if name == "" {
		return
	}
	if err := s.photos.Remove(name); err != nil {
		telemetry.Log(ctx).Warn("a photo could not be deleted", "error", err)
	}
}

// photo serves a notice's photo, from a folder that no link leads out of.
func (s *Site) photo(c *web.Conn) error {
	n, err := s.store.Notice(c.Context(), idOf(c))
	if err != nil {
		return err
	}
	if n.Photo == "" {
		return fault.NotFound.Errorf("notice %d has no photo", n.ID)
	}
	c.Header().Set("Etag", strconv.Quote(n.Photo)) // another photo has another name
	return c.SendFile(s.photos.FS(), n.Photo)
}

// idOf is the id in the address; what is no number is no notice's.
func idOf(c *web.Conn) int64 {
	id, _ := strconv.ParseInt(c.Path("id"), 10, 64)
	return id
}
