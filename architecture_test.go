package bennu_test

import (
	"bufio"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/bennu-go/bennu"

// layers reads the table of ARCHITECTURE.md: the layer of each package.
func layers(t *testing.T) map[string]int {
	f, err := os.Open("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	row := regexp.MustCompile("^\\| (\\d|–) \\| `([^`]+)` \\|")
	table := make(map[string]int)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if m := row.FindStringSubmatch(lines.Text()); m != nil {
			layer, err := strconv.Atoi(m[1])
			if err != nil {
				layer = -1
			}
			table[m[2]] = layer
		}
	}
	return table
}

// kitOf gives the package that a test kit is for: process for process/processtest.
func kitOf(dir string) string {
	if parent := path.Dir(dir); path.Base(dir) == path.Base(parent)+"test" {
		return parent
	}
	return ""
}

// imports gives the project's own packages, and what each imports of the others, its
// tests left out.
func imports(t *testing.T) map[string][]string {
	all := make(map[string][]string)
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules" || isModule(file)):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		dir := filepath.ToSlash(filepath.Dir(file))
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		all[dir] = append(all[dir], "")
		for _, i := range parsed.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			switch rest, ours := strings.CutPrefix(name, module); {
			case ours && rest == "":
				all[dir] = append(all[dir], ".")
			case ours && rest[0] == '/':
				all[dir] = append(all[dir], rest[1:])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// isModule reports whether a folder is a module of its own.
func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func TestLayers(t *testing.T) {
	table := layers(t)
	all := imports(t)
	for dir := range table {
		if all[dir] == nil {
			t.Errorf("ARCHITECTURE.md has %q, which is not there", dir)
		}
	}
	layerOf := func(dir string) (layer int, known bool) {
		if kit := kitOf(dir); kit != "" {
			dir = kit
		}
		layer, known = table[dir]
		return layer, known
	}
	for dir, imported := range all {
		layer, known := layerOf(dir)
		if !known {
			t.Errorf("%q is not in the table of ARCHITECTURE.md", dir)
			continue
		}
		for _, i := range imported {
			below, known := layerOf(i)
			switch {
			case i == "", i == kitOf(dir):
			case !known:
				t.Errorf("%q imports %q, which is not in the table", dir, i)
			case below >= layer:
				t.Errorf("%q (layer %d) imports %q (layer %d); a package imports only lower layers", dir, layer, i, below)
			}
		}
	}
}

// TestPackagesTeach wants of each public package an essay and an example that runs.
func TestPackagesTeach(t *testing.T) {
	private := regexp.MustCompile(`^(examples|cmd|bench)/|(^|/)internal/|^client/js$`)
	for dir := range imports(t) {
		if private.MatchString(dir) || kitOf(dir) != "" {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "doc.go")); err != nil {
			t.Errorf("%s has no doc.go", dir)
		}
		tests, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		runs := regexp.MustCompile(`(?s)func Example\w*\(\) \{.*// (Unordered output|Output):`)
		found := false
		for _, name := range tests {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			found = found || runs.Match(text)
		}
		if !found {
			t.Errorf("%s has no Example with an output", dir)
		}
	}
}
