package bennu_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestOTPGuide checks that every test that docs/guides/otp.md names is there.
func TestOTPGuide(t *testing.T) {
	text, err := os.ReadFile("docs/guides/otp.md")
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, dir := range []string{"process", "supervisor", "statem", "task", "process/processtest"} {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			code, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Example|Benchmark|Fuzz)\w*)\(`).FindAllSubmatch(code, -1) {
				names[string(m[1])] = true
			}
		}
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		rows++
		for _, name := range regexp.MustCompile(`\b(?:Test|Benchmark|Fuzz)[A-Z]\w*`).FindAllString(line, -1) {
			if !names[name] {
				t.Errorf("there is no %s", name)
			}
		}
	}
	if rows < 200 {
		t.Errorf("%d rows; is it still a table?", rows)
	}
}
