package localetest

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/locale"
)

const path = "github.com/bennu-go/bennu/locale"

// Complete fails the test with a line for each text of the Go files in dir, and of the
// catalogue, that a language of the catalogue has no translation for.
func Complete(t testing.TB, c *locale.Catalogue, dir string) {
	t.Helper()
	keys, err := Extract(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, missing := range c.Check(keys...) {
		t.Error(missing)
	}
}

// Extract finds the texts in the Go files of a folder and those below it, by text. It
// leaves out tests, testdata, vendor, node_modules and hidden folders. Its error is of
// a file that cannot be read or is not Go.
func Extract(dir string) ([]locale.Key, error) {
	var found []locale.Key
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name := d.Name(); {
		case d.IsDir() && file != dir && (strings.HasPrefix(name, ".") || slices.Contains([]string{"testdata", "vendor", "node_modules"}, name)):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		shown, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		keys, err := extract(file, filepath.ToSlash(shown))
		found = append(found, keys...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("localetest: %w", err)
	}
	slices.SortStableFunc(found, func(a, b locale.Key) int { return cmp.Compare(a.Text, b.Text) })
	return found, nil
}

// finder looks through one file.
type finder struct {
	files *token.FileSet
	name  string // of package locale in this file
	shown string
	found []locale.Key
}

func extract(file, shown string) ([]locale.Key, error) {
	f := &finder{files: token.NewFileSet(), shown: shown}
	parsed, err := parser.ParseFile(f.files, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, i := range parsed.Imports {
		if p, err := strconv.Unquote(i.Path.Value); err == nil && p == path {
			f.name = "locale"
			if i.Name != nil {
				f.name = i.Name.Name
			}
		}
	}
	if f.name != "" {
		ast.Inspect(parsed, f.visit)
	}
	return f.found, nil
}

func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		switch {
		case f.is(n.Fun, "T") && len(n.Args) > 1:
			f.add(n.Args[1], false)
		case f.is(n.Fun, "N") && len(n.Args) > 2:
			f.add(n.Args[2], true)
		case f.is(n.Fun, "Text") && len(n.Args) == 1:
			f.add(n.Args[0], false)
		}
	case *ast.ValueSpec:
		if f.is(n.Type, "Text") {
			for _, v := range n.Values {
				f.add(v, false)
			}
		}
	}
	return true
}

// is tells whether an expression is a name of package locale.
func (f *finder) is(e ast.Expr, name string) bool {
	if id, ok := e.(*ast.Ident); ok {
		return f.name == "." && id.Name == name
	}
	sel, ok := e.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && id.Name == f.name
}

func (f *finder) add(e ast.Expr, plural bool) {
	if text, ok := literal(e); ok {
		at := fmt.Sprintf("%s:%d", f.shown, f.files.Position(e.Pos()).Line)
		f.found = append(f.found, locale.Key{Text: locale.Text(text), Plural: plural, At: at})
	}
}

// literal is the text of "…", `…`, ("…") and "…" + "…".
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if v := constant.MakeFromLiteral(e.Value, e.Kind, 0); v.Kind() == constant.String {
			return constant.StringVal(v), true
		}
	case *ast.ParenExpr:
		return literal(e.X)
	case *ast.BinaryExpr:
		left, ok1 := literal(e.X)
		right, ok2 := literal(e.Y)
		return left + right, ok1 && ok2 && e.Op == token.ADD
	}
	return "", false
}
