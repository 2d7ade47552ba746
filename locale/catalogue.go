package locale

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Config says what files cannot. The zero value is for source texts in English.
type Config struct {
	Source  language.Tag // of the texts in the sources; default English
	Default language.Tag // for visitors who wish for nothing that is there; default Source
}

// Catalogue is a program's translations. It never changes, and is safe for concurrent
// use.
type Catalogue struct {
	source  language.Tag
	tables  map[language.Tag]*table
	tags    []language.Tag // all that are there, the default first
	tongues map[language.Tag]*tongue
	matcher language.Matcher
}

// tongue is a language as a text is said in it.
type tongue struct {
	tag       language.Tag
	catalogue *Catalogue // nil if there is none
	chain     []*table   // where its texts are looked for: its own, then its parents'
	native    bool       // what is not in chain is fine as it stands in the sources
	printer   *message.Printer
}

// Load reads all files in fsys whose names end in .json, in any folder. The error
// tells everything that is wrong with them, by file, line and key; the package
// comment has the form of a file.
func Load(fsys fs.FS, config Config) (*Catalogue, error) {
	if config.Source == language.Und {
		config.Source = language.English
	}
	if config.Default == language.Und {
		config.Default = config.Source
	}
	c := &Catalogue{source: config.Source, tables: make(map[language.Tag]*table), tongues: make(map[language.Tag]*tongue)}
	c.add(config.Source)
	if err := c.readAll(fsys); err != nil {
		return nil, err
	}
	if c.tables[config.Default] == nil {
		return nil, fmt.Errorf("locale: the default language %s has no file %s.json", config.Default, config.Default)
	}
	c.order(config.Default)
	return c, nil
}

// MustLoad is [Load] for the start of a program: it panics with the error.
func MustLoad(fsys fs.FS, config Config) *Catalogue {
	c, err := Load(fsys, config)
	if err != nil {
		panic(err.Error())
	}
	return c
}

func (c *Catalogue) readAll(fsys fs.FS) error {
	var errs []error
	err := fs.WalkDir(fsys, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || !strings.HasSuffix(file, ".json") {
			return nil
		}
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			return err
		}
		tag, err := tagOfFile(file)
		if err == nil {
			err = c.add(tag).read(file, data)
		}
		errs = append(errs, err)
		return nil
	})
	if err != nil {
		return fmt.Errorf("locale: the files cannot be read: %w", err)
	}
	return errors.Join(errs...)
}

func (c *Catalogue) add(tag language.Tag) *table {
	t := c.tables[tag]
	if t == nil {
		t = &table{tag: tag, entries: make(map[string]entry), from: make(map[string]string)}
		c.tables[tag] = t
	}
	return t
}

// order puts the default first, then the source, then the others by name.
func (c *Catalogue) order(first language.Tag) {
	rank := func(tag language.Tag) string {
		switch tag {
		case first:
			return ""
		case c.source:
			return " "
		}
		return tag.String()
	}
	c.tags = slices.SortedFunc(maps.Keys(c.tables), func(a, b language.Tag) int {
		return strings.Compare(rank(a), rank(b))
	})
	c.matcher = language.NewMatcher(c.tags)
	for _, tag := range c.tags {
		c.tongues[tag] = c.newTongue(tag)
	}
}

// Languages gives those that are there: the default, the language of the sources, and
// each that has a file, by name. For a menu, display.Self.Name of
// golang.org/x/text/language/display has their names.
func (c *Catalogue) Languages() []language.Tag { return slices.Clone(c.tags) }

// With gives a context with the catalogue, in which texts are said in that language.
// It is for where no request is: a job, a mail, the context that a program starts
// with. See [With] for languages that are not there.
func (c *Catalogue) With(ctx context.Context, tag language.Tag) context.Context {
	return put(ctx, place{tongue: c.tongue(tag)})
}

func (c *Catalogue) tongue(tag language.Tag) *tongue {
	if t := c.tongues[tag]; t != nil {
		return t
	}
	return c.newTongue(tag)
}

func (c *Catalogue) newTongue(tag language.Tag) *tongue {
	t := &tongue{tag: tag, catalogue: c, printer: message.NewPrinter(tag)}
	t.climb(tag)
	if len(t.chain) == 0 && !t.native { // as in Norwegian, nb, with a file no.json
		if _, i, sure := c.matcher.Match(tag); sure >= language.High {
			t.climb(c.tags[i])
		}
	}
	return t
}

// climb collects a language's tables and those of its parents, up to the language of
// the sources.
func (t *tongue) climb(tag language.Tag) {
	for ; tag != language.Und && !t.native; tag = tag.Parent() {
		if table := t.catalogue.tables[tag]; table != nil {
			t.chain = append(t.chain, table)
		}
		t.native = tag == t.catalogue.source
	}
}
