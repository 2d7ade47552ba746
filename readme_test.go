package bennu_test

import (
	"os"
	"strings"
	"testing"
)

// TestReadme keeps the program in the README the one that is compiled.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("examples/hello/main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(program), "\n)\n\n") // behind the imports
	if !strings.Contains(string(readme), strings.TrimSpace(body)) {
		t.Error("the README's program is not that of examples/hello; copy what is below its imports")
	}
}
