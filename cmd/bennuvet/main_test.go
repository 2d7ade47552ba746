package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// build makes the tool, without the race detector, which would only make it slow.
func build(t *testing.T) (tool string) {
	t.Helper()
	tool = filepath.Join(t.TempDir(), "bennuvet.exe")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", tool, ".")
	cmd.Env = environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("it does not build: %v\n%s", err, out)
	}
	return tool
}

// environment needs no network.
func environment() []string {
	return append(os.Environ(), "GOFLAGS=", "GOPROXY=off", "GOWORK=off", "CGO_ENABLED=0")
}

const mistakes = "internal/vet/testdata"

// TestTool runs the tool as its users do, over the packages of testdata, and wants a
// finding on each line that has a want, and no other.
func TestTool(t *testing.T) {
	tool := build(t)
	for name, test := range map[string]struct {
		command []string
		wanted  string // the packages, as a pattern
	}{
		"go vet":       {[]string{"go", "vet", "-vettool=" + tool, "./..."}, "*"},
		"one analyzer": {[]string{"go", "vet", "-vettool=" + tool, "-keptctx", "./..."}, "keptctx"},
		"alone":        {[]string{tool, "./stranger"}, "stranger"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), test.command[0], test.command[1:]...)
			cmd.Dir = mistakes
			cmd.Env = environment()
			out, err := cmd.CombinedOutput()
			if _, failed := errors.AsType[*exec.ExitError](err); !failed {
				t.Fatalf("it ended with %v, want a failure\n%s", err, out)
			}
			want, got := wanted(t, test.wanted), reported(string(out))
			for at := range want {
				if !got[at] {
					t.Errorf("nothing was found at %s", at)
				}
			}
			for at := range got {
				if !want[at] {
					t.Errorf("something was found at %s", at)
				}
			}
			if t.Failed() || len(want) == 0 {
				t.Errorf("%d findings were wanted; it said\n%s", len(want), out)
			}
		})
	}
}

// wanted gives the package/file:line of what packages of testdata have wrong.
func wanted(t *testing.T, packages string) map[string]bool {
	files, err := filepath.Glob(filepath.Join(mistakes, packages, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(text)) {
			if n++; strings.Contains(line, "// want ") {
				found[filepath.Base(filepath.Dir(name))+"/"+filepath.Base(name)+":"+strconv.Itoa(n)] = true
			}
		}
	}
	return found
}

// reported gives the package/file:line of what the tool said.
func reported(out string) map[string]bool {
	found := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)(\w+[/\\][\w.]+\.go:\d+):\d+: \S`).FindAllStringSubmatch(out, -1) {
		found[filepath.ToSlash(m[1])] = true
	}
	return found
}
