package locale

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// entry is one translation: a text, or a text in plural forms.
type entry struct {
	text  pieces
	forms *forms
}

// table is all translations of one language.
type table struct {
	tag     language.Tag
	entries map[string]entry
	from    map[string]string // key → where it stands, as in "de.json:3"
}

// tagOfFile reads the language from a file's name, as in "pt-BR.json" or "pt_BR.json".
func tagOfFile(file string) (language.Tag, error) {
	name := strings.TrimSuffix(path.Base(file), ".json")
	tag, err := language.Parse(name)
	if err != nil || tag == language.Und {
		return tag, fmt.Errorf("locale: %s: the name must be a language, as in de.json or pt-BR.json; leave other files out of the embedding", file)
	}
	return tag, nil
}

// reader reads one file of translations.
type reader struct {
	file  string
	data  []byte
	json  *json.Decoder
	table *table
	errs  []error

	seen  int64 // offset up to which lines are counted
	lines int
}

// read adds a file's translations to the table. It goes on after a bad entry, so
// that a translator hears of all of them at once.
func (t *table) read(file string, data []byte) error {
	r := &reader{file: file, data: data, json: json.NewDecoder(bytes.NewReader(data)), table: t}
	if !utf8.Valid(data) {
		return fmt.Errorf("locale: %s: the file is not UTF-8", file)
	}
	err := r.object(r.entry)
	if err == nil {
		if _, more := r.json.Token(); more != io.EOF {
			err = errors.New("there is something after the closing brace")
		}
	}
	if err != nil {
		r.fail("%v", err)
	}
	return errors.Join(r.errs...)
}

// line is where the reader is.
func (r *reader) line() int {
	at := min(r.json.InputOffset(), int64(len(r.data)))
	r.lines += bytes.Count(r.data[r.seen:at], []byte("\n"))
	r.seen = at
	return 1 + r.lines
}

func (r *reader) fail(format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("locale: %s:%d: %s", r.file, r.line(), fmt.Sprintf(format, args...)))
}

// object reads {"key": …} and calls each with every key. Its error is about the JSON,
// after which nothing can be read.
func (r *reader) object(each func(key string) error) error {
	open, err := r.json.Token()
	if err != nil {
		return plain(err)
	}
	if open != json.Delim('{') {
		return fmt.Errorf(`there must be an object, as in {"Welcome!": "Willkommen!"}, not %v`, open)
	}
	for r.json.More() {
		key, err := r.json.Token()
		if err != nil {
			return plain(err)
		}
		if err := each(key.(string)); err != nil {
			return err
		}
	}
	_, err = r.json.Token()
	return plain(err)
}

// plain says in words what a decoder says in Go.
func plain(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file ends too early; is a brace missing?")
	}
	return err
}

func (r *reader) entry(key string) error {
	source, err := parse(key)
	if err != nil {
		r.fail("key %q: %v", key, err)
	}
	if key == "" {
		r.fail("a key is empty; it must be the text as it is in the source")
	}
	if from, twice := r.table.from[key]; twice {
		r.fail("key %q is in %s already", key, from)
	}
	r.table.from[key] = fmt.Sprintf("%s:%d", r.file, r.line())
	names := source.names()
	value, err := r.value()
	if err != nil {
		return fmt.Errorf("key %q: %w", key, err)
	}
	var e entry
	if value.forms == nil {
		e.text = r.message(key, value.text, names)
	} else {
		names["count"] = true
		e.forms = r.plural(key, value.forms, names)
	}
	if e.text != nil || e.forms != nil { // an empty text is not translated yet
		r.table.entries[key] = e
	}
	return nil
}

// message parses a translation. It is nil if it is empty or wrong.
func (r *reader) message(key, text string, names map[string]bool) pieces {
	m, err := parse(text)
	if err != nil {
		r.fail("key %q: %v", key, err)
		return nil
	}
	if name := m.unknown(names); name != "" {
		r.fail("key %q: the translation has {%s}, which the key has not; placeholders are not translated", key, name)
		return nil
	}
	return m
}

func (r *reader) plural(key string, texts map[string]string, names map[string]bool) *forms {
	f, filled := new(forms), false
	for name, text := range texts {
		form, ok := formOf(name)
		if !ok {
			r.fail("key %q: %q is no plural form; there are zero, one, two, few, many and other", key, name)
			continue
		}
		filled = filled || text != ""
		f[form] = r.message(key, text, names)
	}
	if !filled {
		return nil
	}
	if lacking := f.lacking(r.table.tag); lacking != "" {
		r.fail("key %q: %s needs the plural form %s too", key, r.table.tag, lacking)
		return nil
	}
	return f
}

// value is what stands behind a key.
type value struct {
	text  string
	forms map[string]string
}

func (r *reader) value() (v value, err error) {
	var raw json.RawMessage
	if err := r.json.Decode(&raw); err != nil {
		return v, plain(err)
	}
	if raw[0] == '{' {
		v.forms = make(map[string]string)
		err = json.Unmarshal(raw, &v.forms)
	} else {
		err = json.Unmarshal(raw, &v.text)
	}
	if err != nil || string(raw) == "null" {
		err = errors.New(`the translation must be a text or plural forms, as in {"one": "…", "other": "…"}`)
	}
	return v, err
}
