package main

import (
	"fmt"
	"go/format"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const guide = "../../docs/guides/vet.md"

// surroundings is what the blocks of the guide use and do not declare.
const surroundings = `
type Store struct{}

func (*Store) Warm(context.Context) error                        { return nil }
func (*Store) Ping()                                             {}
func (*Store) Save(_ context.Context, log []string) (int, error) { return len(log), nil }

type Board struct{}

func (*Board) Refresh(context.Context) error { return nil }

const Wall process.Name[Board] = "wall"

type Lines struct{}

func Dial(context.Context) *Lines { return new(Lines) }
`

// TestGuide makes a package of each block of the guide, and wants a finding in those that
// come after a "Wrong:", and in no other.
func TestGuide(t *testing.T) {
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)([^\n]*)\n\n```go\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 2 {
		t.Fatal("the guide has no examples")
	}
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	module := "module example.com/guide\n\ngo 1.26.0\n\nrequire github.com/bennu-go/bennu v0.0.0\n\nreplace github.com/bennu-go/bennu => " + fmt.Sprintf("%q", repo) + "\n"
	files := map[string]string{"go.mod": module}
	var wrong []string
	for i, b := range blocks[1:] {
		name := fmt.Sprintf("block%02d", i+1)
		if strings.HasSuffix(b[1], "Wrong:") {
			wrong = append(wrong, name)
		}
		formatted, err := format.Source([]byte(b[2]))
		if err != nil || string(formatted) != b[2] {
			t.Errorf("%s is not formatted (%v):\n%s", name, err, formatted)
		}
		files[name+"/block.go"] = fileOf(name, b[2])
		files[name+"/around.go"] = fileOf(name, blocks[0][2]+surroundings)
	}
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	goTool := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir, cmd.Env = dir, environment()
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := goTool("build", "./..."); err != nil {
		t.Fatalf("a block does not compile: %v\n%s", err, out)
	}
	out, _ := goTool("vet", "-vettool="+build(t), "./...") // it fails, since it finds something
	found := make(map[string]bool)
	for at := range reported(out) {
		block, _, _ := strings.Cut(at, "/")
		found[block] = true
	}
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, wrong) {
		t.Errorf("findings in %v, want them in %v; it said\n%s", got, wrong, out)
	}
}

// fileOf makes a file of declarations, with the imports that they need.
func fileOf(name, text string) string {
	file := "package " + name + "\n\n"
	for _, path := range []string{"context", "slices", "time", "github.com/bennu-go/bennu/process"} {
		if strings.Contains(text, filepath.Base(path)+".") {
			file += "import \"" + path + "\"\n"
		}
	}
	return file + "\n" + text
}
