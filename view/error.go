package view

import (
	"errors"
	"fmt"
	"html/template"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/template/parse"
)

var errNoTemplates = errors.New("view: this context has no templates: give them to the router with " +
	"web.NewRouter(templates.Plug), or to a context with view.With")

// Error is what is wrong in a template, and where. Its text is one line, as in
//
//	users/show.html:3:12: at <.Nmae>: can't evaluate field Nmae in type users.User: …
//
// It is of kind Internal, unless it wraps an error that has a kind of its own.
type Error struct {
	file  string
	line  int
	where string // line and column
	text  string
	code  string
	cause error
}

// File is the file's path: in the tree that was given to Load, or where Reload found it.
func (e *Error) File() string { return e.file }

// Line is the line, from 1 on, or 0 if it is the whole file.
func (e *Error) Line() int { return e.line }

// Code is the line and up to three before and after it, with their numbers. It is for
// developers: not for the page that a visitor sees.
func (e *Error) Code() string { return e.code }

func (e *Error) Error() string {
	if e.where == "" {
		return e.file + ": " + e.text
	}
	return e.file + ":" + e.where + ": " + e.text
}

// Unwrap gives html/template's error.
func (e *Error) Unwrap() error { return e.cause }

// located is how html/template and text/template say where.
var located = regexp.MustCompile(`(?s)^(?:html/)?template: ?([^:\n]+):(?:(\d+(?::\d+)?):)? (?:executing "[^"]*" )?(.*)$`)

// explain makes an Error of an error of html/template. Others, as of the output, pass.
func (l *library) explain(err error, path string) error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e // the innermost, as of a component
	}
	found := located.FindStringSubmatch(err.Error())
	if found == nil {
		return err
	}
	where := found[2]
	if _, known := l.texts[found[1]]; known {
		path = found[1]
	} else {
		where = "" // the name of a template, not of a file
	}
	return l.newError(path, where, found[3]+advice(err, found[3]), err)
}

// at is an error about a node.
func (l *library) at(tree *parse.Tree, node parse.Node, format string, args ...any) error {
	where, _ := tree.ErrorContext(node)
	return l.newError(tree.ParseName, strings.TrimPrefix(where, tree.ParseName+":"), fmt.Sprintf(format, args...), nil)
}

// wrong is an error about a file.
func (l *library) wrong(path, format string, args ...any) error {
	return l.newError(path, "", fmt.Sprintf(format, args...), nil)
}

func (l *library) newError(path, where, text string, cause error) *Error {
	line, _, _ := strings.Cut(where, ":")
	n, _ := strconv.Atoi(line)
	return &Error{file: filepath.Join(l.dir, filepath.FromSlash(path)), line: n, where: where,
		text: text, code: excerpt(l.texts[path], n), cause: cause}
}

// excerpt is the code around a line.
func excerpt(text string, line int) string {
	lines := strings.Split(text, "\n")
	if last := len(lines) - 1; lines[last] == "" && line <= last {
		lines = lines[:last]
	}
	if line < 1 || line > len(lines) {
		return ""
	}
	var b strings.Builder
	for n := max(1, line-3); n <= min(len(lines), line+3); n++ {
		sign := ' '
		if n == line {
			sign = '>'
		}
		fmt.Fprintf(&b, "%c %4d | %s\n", sign, n, strings.TrimSuffix(lines[n-1], "\r"))
	}
	return b.String()
}

// advice is what to do.
func advice(err error, text string) string {
	if e := (*template.Error)(nil); errors.As(err, &e) {
		switch e.ErrorCode {
		case template.ErrEndContext, template.ErrBranchEnd, template.ErrRangeLoopReentry, template.ErrOutputContext:
			return ": close each tag, quote, script and comment where it was opened, in every branch"
		}
		return ""
	}
	for _, known := range [...]struct{ part, then string }{
		{"can't evaluate field", ": the value here has no exported field or method of that name"},
		{"nil pointer evaluating", ": ask for it by {{with}} or {{if}} first"},
		{"not defined", ": give functions to view.Load in a view.Funcs"},
		{"unexpected EOF", ": an {{end}} is missing"},
		{"unexpected {{end}}", ": there is an {{end}} too many; a component ends with {{endcomponent}}"},
		{"incompatible types for comparison", ": compare with a value of the same type"},
	} {
		if strings.Contains(text, known.part) {
			return known.then
		}
	}
	return ""
}
